"""Pulsed devices from pulse trains: the expected staircase, without noise and variation.

The steps of an up and a down pulse are fitted as `alpha_up`, `alpha_down`; the device has them as `dw_min`, the larger
of the two, and `up_down`, their imbalance. `w_start`, the weight before the first pulse, is fitted along and is no
part of the device. A conductance becomes a weight from -1 at the smallest to +1 at the largest reading.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ..devices.pulsed import (
    AbstractStep,
    ExponentialStep,
    LinearStep,
    NeuroSimStep,
    PulsedDevice,
    RelativeNoise,
    SoftBounds,
    no_variation,
)
from ..units import format_quantity
from ._data import Data
from ._parameters import Free, Negative, Parameter
from ._problem import FitModel, Problem, Values, hold


_DEVICE = {"alpha_up": "1", "alpha_down": "1", "w_max": "1", "w_min": "1", "w_start": "1"}


@dataclasses.dataclass(frozen=True)
class _Train:
    """Directions and weights, the mean step per pulse up and down, and the longest run of pulses one way."""

    pulse: np.ndarray
    w: np.ndarray
    up: float
    down: float
    longest: int
    notes: Mapping[str, str]


def _look(data: Data) -> _Train:
    pulse, notes = data.columns["pulse"], {}
    if not (np.any(pulse > 0) and np.any(pulse < 0)):
        raise ValueError("a pulse train to be fitted needs pulses up and down (+1 and -1 in the column pulse)")
    if "w" in data.columns:
        w = data.columns["w"]
    else:
        g = data.columns["g"]
        w = 2.0 * (g - g.min()) / max(np.ptp(g), 1e-300) - 1.0
        notes = {"weight_minus_1": format_quantity(g.min(), "S"), "weight_plus_1": format_quantity(g.max(), "S")}
    if np.ptp(w) == 0:
        raise ValueError("the readings are all alike: no pulse had an effect")
    step, span = np.diff(w), np.ptp(w)
    least = 1e-4 * span
    up = max(float(np.mean(step[pulse[1:] > 0])), least) if np.any(pulse[1:] > 0) else least
    down = max(-float(np.mean(step[pulse[1:] < 0])), least) if np.any(pulse[1:] < 0) else least
    turns = np.flatnonzero(np.diff(pulse)) + 1
    longest = max(len(run) for run in np.split(pulse, turns))
    return _Train(pulse, w, up, down, longest, notes)


def _steps(train: _Train) -> list[Parameter]:
    return [Parameter("alpha_up", train.up, spread=1.5), Parameter("alpha_down", train.down, spread=1.5)]


def _bounds(train: _Train, beyond: float) -> list[Parameter]:
    high = max(train.w.max(), 0.05 * np.ptp(train.w)) + beyond * np.ptp(train.w)
    low = min(train.w.min(), -0.05 * np.ptp(train.w)) - beyond * np.ptp(train.w)
    return [Parameter("w_max", float(high), spread=0.3), Parameter("w_min", float(low), "1", Negative(), 0.3)]


def _fixed_bounds(train: _Train) -> dict[str, float]:
    # Hard bounds that no pulse reaches do not show; the law of the step is written relative to them.
    return {p.name: p.value for p in _bounds(train, 0.0)}


def _soft_bounds(train: _Train) -> tuple[list[Parameter], dict[str, float]]:
    return [*_steps(train), *_bounds(train, 0.1)], {}


def _linear(train: _Train) -> tuple[list[Parameter], dict[str, float]]:
    gammas = [Parameter(name, 0.5, spread=1.5) for name in ("gamma_up", "gamma_down")]
    return [*_steps(train), *gammas], {"gamma_std": 0.0, **_fixed_bounds(train)}


def _exponential(train: _Train) -> tuple[list[Parameter], dict[str, float]]:
    shapes = [Parameter(name, 0.2, spread=1.5) for name in ("a_up", "a_down")]
    rates = [Parameter(name, 2.0, spread=1.0) for name in ("gamma_up", "gamma_down")]
    return [*_steps(train), *shapes, *rates], {"scale": 0.5, "offset": 0.0, **_fixed_bounds(train)}


def _neurosim(train: _Train) -> tuple[list[Parameter], dict[str, float]]:
    labels = [Parameter(name, 1.0, "1", Free(), 3.0) for name in ("label_up", "label_down")]
    return [*labels, *_bounds(train, 0.02)], {"label_std": 0.0, "n_pulses": float(train.longest)}


def _make(law: type[AbstractStep], values: Mapping[str, Any]) -> PulsedDevice:
    own = {field.name for field in dataclasses.fields(law)}
    step = law(**{name: value for name, value in values.items() if name in own})
    w_max, w_min = values["w_max"], values["w_min"]
    if "n_pulses" in values:
        up = down = (w_max - w_min) / values["n_pulses"]
    else:
        up, down = values["alpha_up"], values["alpha_down"]
    larger = jnp.maximum(up, down)
    return PulsedDevice(
        step=step, dw_min=larger, up_down=(up - down) / larger, w_max=w_max, w_min=w_min,
        noise=RelativeNoise(0.0), variation=no_variation(),
    )  # fmt: skip


def _staircase(device: PulsedDevice, w_start: Any, pulse: np.ndarray) -> Float[Array, " samples"]:
    traits = device.nominal()

    def one(w: Any, direction: Any) -> Any:
        w = w + direction * device.step.size(w, direction > 0, traits)
        w = jnp.where(w > traits.w_max, traits.w_max, jnp.where(w < traits.w_min, traits.w_min, w))
        return w, w

    return lax.scan(one, w_start, jnp.asarray(pulse))[1]


def _model(law: type[AbstractStep], guess: Callable[[_Train], tuple[list[Parameter], dict[str, float]]]) -> FitModel:
    units = {**_DEVICE, **{f.name: f.metadata["unit"] for f in dataclasses.fields(law) if "unit" in f.metadata}}

    def problem(data: Data, fixed: Mapping[str, float]) -> Problem:
        train = _look(data)
        free, held = guess(train)
        start = Parameter("w_start", float(train.w[0]), "1", Free())
        parameters, constants = hold([*free, start], held, fixed)

        def predict(values: Values, substeps: int) -> Float[Array, " samples"]:
            return _staircase(_make(law, values), values["w_start"], train.pulse)

        component = lambda values: _make(law, values)
        return Problem(parameters, constants, predict, train.w, component, "w", "1", notes=train.notes)

    return FitModel("pulse_train", problem, units)


PULSE_MODELS = {
    "soft_bounds": _model(SoftBounds, _soft_bounds),
    "linear_step": _model(LinearStep, _linear),
    "exponential_step": _model(ExponentialStep, _exponential),
    "neurosim": _model(NeuroSimStep, _neurosim),
}
