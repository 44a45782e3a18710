"""Phase-change memory from drift traces."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..devices import Pcm, Power
from ._data import Data
from ._parameters import Free, Parameter
from ._problem import FitModel, Problem, Values, hold


_T_0 = 20.0  # [s], the default of Pcm
_MOST_CELLS = 100


def _pcm_drift(data: Data, fixed: Mapping[str, float]) -> Problem:
    r"""$\ln g = \ln g_0 - \nu \ln((t + t_0)/t_0)$, for every cell its own $g_0$ and $\nu$, least squares in $\ln g$
    (noise in proportion to the conductance), so for one cell a straight line in log-log."""
    t_0 = fixed.get("t_0", _T_0)
    if not t_0 > 0:
        raise ValueError(f"t_0 must be above zero, got {t_0:g} s")
    elapsed = np.log((data.columns["t"] + t_0) / t_0)
    y = np.log(data.columns["g"])
    cells, index = np.unique(data.columns.get("cell", np.zeros(len(y))), return_inverse=True)
    if len(cells) > _MOST_CELLS:
        raise ValueError(f"at most {_MOST_CELLS} cells are fitted at once, got {len(cells)}; split the file")
    names = [_suffix(data, cell) for cell in cells]
    for base in {"g_0", "nu"} & set(fixed):  # of every cell
        fixed = {**{f"{base}{name}": fixed[base] for name in names}, **fixed}
    free = []
    for k, name in enumerate(names):
        first = float(np.exp(y[index == k][0]))
        free += [Parameter(f"g_0{name}", first, "S"), Parameter(f"nu{name}", 0.05, "1", Free())]
    parameters, constants = hold(free, {"t_0": t_0}, fixed)

    def predict(values: Values, substeps: int) -> Float[Array, " samples"]:
        log_g = jnp.log(jnp.stack([values[f"g_0{name}"] for name in names]))
        nu = jnp.stack([values[f"nu{name}"] for name in names])
        return log_g[index] - nu[index] * jnp.asarray(elapsed)

    def component(values: Mapping[str, Any]) -> Pcm:
        g = np.array([values[f"g_0{name}"] for name in names])
        nu = np.array([values[f"nu{name}"] for name in names])
        if nu.mean() <= 0:
            raise ValueError(f"a drift device loses conductance, got nu = {nu.mean():.3g}: is the trace drift?")
        spread = float(nu.std(ddof=1)) if len(nu) > 1 else 0.0
        noise = Power(coefficient=float(values.get("noise", 0.0)), exponent=1.0)  # in proportion, as it was fitted
        laws: Any = {"nu_mean": float(nu.mean()), "nu_std": spread, "programming": 0.0, "accumulated": 0.0}
        return Pcm(g_max=float(g.max()), t_0=t_0, read_noise=noise, **laws)

    return Problem(parameters, constants, predict, y, component, "ln g", "1")


def _suffix(data: Data, cell: float) -> str:
    return f"[{cell:g}]" if "cell" in data.columns else ""


DRIFT_MODELS = {"pcm_drift": FitModel("drift_trace", _pcm_drift, {"t_0": "s", "g_0": "S", "nu": "1"})}
