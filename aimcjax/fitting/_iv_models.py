"""Memristors from IV sweeps: first guesses from the measured resistance, and the simulation of the sweep.

The state of a memristor hides behind its resistance, so what has no influence on a sweep of current stays fixed: the
thickness d (only rates relative to it matter), the shape parameters of the Yakopcic model, the barrier of the
Stanford model. The polarity is that of the papers: a positive voltage switches `vteam` and `team` off, and
`linear_ion_drift`, `yakopcic` and `stanford_pku` on; swap the sign of v and i in data of the other polarity.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..devices.memristors import AbstractMemristor, LinearIonDrift, StanfordPku, Team, Vteam, Yakopcic, simulate
from ._data import Data
from ._parameters import Negative, Parameter, Within
from ._problem import FitModel, Problem, Values, hold


_SUBSTEPS, _STIFF = 4, 16
_FACTOR_10 = 2.3
Guess = tuple[list[Parameter], dict[str, float]]


@dataclasses.dataclass(frozen=True)
class _Sweep:
    """What a sweep shows at a glance: extreme resistances and voltages, the time that it spends in each polarity, and
    where between its extremes the resistance starts."""

    r_low: float
    r_high: float
    v_high: float
    v_low: float
    time_up: float
    time_down: float
    start: float


def _look(data: Data) -> _Sweep:
    t, v, i = (data.columns[name] for name in ("t", "v", "i"))
    if not (v.max() > 0 > v.min()):
        raise ValueError(f"an IV sweep to be fitted needs both polarities, got v from {v.min():g} V to {v.max():g} V")
    readable = (np.abs(v) > 0.2 * np.abs(v).max()) & (v * i > 0)
    if np.count_nonzero(readable) < 3:
        raise ValueError("the current of this sweep does not follow its voltage; check the signs of v and i")
    r = v[readable] / i[readable]
    low, high = np.quantile(r, [0.02, 0.98])
    dt = np.gradient(t)
    start = np.clip((np.median(r[:3]) - low) / max(high - low, 1e-300), 0.0, 1.0)
    return _Sweep(low, high, v.max(), v.min(), dt[v > 0].sum(), dt[v < 0].sum(), float(start))


def _start(name: str, fraction: float, high: float, unit: str, *, bound: bool = True) -> Guess:
    """The initial state: free if it is between the bounds, else at the nearer bound, where no slope shows it."""
    if bound and not 0.05 < fraction < 0.95:
        return [], {name: high * float(fraction > 0.5)}
    value = high * float(np.clip(fraction, 0.1, 0.9))
    return [Parameter(name, value, unit, Within(high), 1.5)], {}


def _resistances(sweep: _Sweep) -> list[Parameter]:
    return [
        Parameter("r_on", sweep.r_low, "Ohm", spread=0.3),
        Parameter("r_off", sweep.r_high, "Ohm", spread=0.5),
    ]


def _vteam(data: Data, fixed: Mapping[str, float]) -> Guess:
    sweep, d = _look(data), fixed.get("d", 3e-9)
    free, held = _start("w_start", sweep.start, d, "m")
    return [
        Parameter("k_off", 3 * d / sweep.time_up, "m/s", spread=2 * _FACTOR_10),
        Parameter("k_on", -3 * d / sweep.time_down, "m/s", Negative(), 2 * _FACTOR_10),
        Parameter("alpha_off", 2.0, spread=0.7),
        Parameter("alpha_on", 2.0, spread=0.7),
        Parameter("v_off", 0.4 * sweep.v_high, "V", spread=0.8),
        Parameter("v_on", 0.4 * sweep.v_low, "V", Negative(), 0.8),
        *_resistances(sweep),
        *free,
    ], {"d": d, **held}


def _team(data: Data, fixed: Mapping[str, float]) -> Guess:
    sweep, d = _look(data), fixed.get("d", 3e-9)
    free, held = _start("x_start", sweep.start, d, "m")
    r = float(np.sqrt(sweep.r_low * sweep.r_high))
    return [
        Parameter("k_off", 3 * d / sweep.time_up, "m/s", spread=2 * _FACTOR_10),
        Parameter("k_on", -3 * d / sweep.time_down, "m/s", Negative(), 2 * _FACTOR_10),
        Parameter("alpha_off", 2.0, spread=0.7),
        Parameter("alpha_on", 2.0, spread=0.7),
        Parameter("i_off", 0.4 * sweep.v_high / r, "A", spread=1.5),
        Parameter("i_on", 0.4 * sweep.v_low / r, "A", Negative(), 1.5),
        *_resistances(sweep),
        *free,
    ], {"d": d, **held}


def _linear_ion_drift(data: Data, fixed: Mapping[str, float]) -> Guess:
    sweep, d = _look(data), fixed.get("d", 10e-9)
    free, held = _start("x_start", 1 - sweep.start, 1.0, "1", bound=False)
    r = float(np.sqrt(sweep.r_low * sweep.r_high))
    mobility = d**2 * r / (sweep.r_low * sweep.v_high * sweep.time_up)
    moving = Parameter("mobility", mobility, "m2/(V s)", spread=2 * _FACTOR_10)
    return [moving, *_resistances(sweep), *free], {"d": d, **held}


def _yakopcic(data: Data, fixed: Mapping[str, float]) -> Guess:
    sweep = _look(data)
    b = 1.0 / sweep.v_high
    a = 1.0 / (sweep.r_low * b)
    free, held = _start("x_start", max(sweep.r_low / sweep.r_high, 0.05), 1.0, "1", bound=False)
    shape = {"alpha_p": 1.0, "alpha_n": 5.0, "x_p": 0.3, "x_n": 0.5}
    return [
        Parameter("a_1", a, "A", spread=1.0),
        Parameter("a_2", a, "A", spread=1.0),
        Parameter("b", b, "1/V", spread=0.7),
        Parameter("a_p", 2.0 / sweep.time_up, "1/s", spread=2 * _FACTOR_10),
        Parameter("a_n", 2.0 / sweep.time_down, "1/s", spread=2 * _FACTOR_10),
        Parameter("v_p", 0.4 * sweep.v_high, "V", spread=0.8),
        Parameter("v_n", -0.4 * sweep.v_low, "V", spread=0.8),
        *free,
    ], {**shape, **held}


def _stanford_pku(data: Data, fixed: Mapping[str, float]) -> Guess:
    sweep = _look(data)
    gap_min, gap_max = fixed.get("gap_min", 0.2e-9), fixed.get("gap_max", 1.7e-9)
    g_0 = (gap_max - gap_min) / np.log(sweep.r_high / sweep.r_low)
    i_0 = 0.25 / sweep.r_low * np.exp(gap_min / g_0)
    return [
        Parameter("i_0", float(i_0), "A", spread=0.5),
        Parameter("g_0", float(g_0), "m", spread=0.2),
        Parameter("v_0", 0.25, "V", spread=0.5),
        Parameter("velocity_0", 10.0, "m/s", spread=2 * _FACTOR_10),
        Parameter("gamma_0", 16.0, "1", spread=0.3),
    ], {"gap_min": gap_min, "gap_max": gap_max, "gap_start": gap_max if sweep.start > 0.3 else gap_min}


def _model(make: type[AbstractMemristor], guess: Callable[[Data, Mapping[str, float]], Guess]) -> FitModel:
    fields = [field for field in dataclasses.fields(make) if "unit" in field.metadata]
    units = {field.name: field.metadata["unit"] for field in fields}

    def component(values: Mapping[str, Any]) -> AbstractMemristor:
        return make(**{name: value for name, value in values.items() if name in units})

    def problem(data: Data, fixed: Mapping[str, float]) -> Problem:
        parameters, constants = hold(*guess(data, fixed), fixed)
        t, v, i = (data.columns[name] for name in ("t", "v", "i"))

        def predict(values: Values, substeps: int) -> Float[Array, " samples"]:
            return simulate(component(values), jnp.asarray(t), jnp.asarray(v), substeps=substeps).i

        return Problem(
            parameters, constants, predict, i, component, "i", "A", substeps=_STIFF if make.stiff else _SUBSTEPS
        )

    return FitModel("iv_sweep", problem, units)


IV_MODELS = {
    "linear_ion_drift": _model(LinearIonDrift, _linear_ion_drift),
    "vteam": _model(Vteam, _vteam),
    "team": _model(Team, _team),
    "yakopcic": _model(Yakopcic, _yakopcic),
    "stanford_pku": _model(StanfordPku, _stanford_pku),
}
