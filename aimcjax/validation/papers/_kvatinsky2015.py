"""VTEAM of Kvatinsky et al. 2015: a threshold in the voltage."""

import jax
import jax.numpy as jnp
import numpy as np

from ...devices.memristors import Vteam, simulate
from .._check import Check, Origin, Paper, Relative


PAPER = Paper(
    "kvatinsky2015", "Kvatinsky et al., IEEE Trans. Circuits Syst. II 62:786 (2015)",
    "https://doi.org/10.1109/TCSII.2015.2433536",
)  # fmt: skip
_TIMES = {0.5: 250e-9, 1.0: 122.449e-9, -0.3: 2.4e-9, -0.5: 88.9e-12, -1.0: 4.6875e-12}


def _switching_times() -> list[float]:
    # From the way that the state has made after half of the time.
    with jax.enable_x64(True):
        cell = Vteam.preset("technion")

        def one(volts: jax.Array, half: jax.Array, start: jax.Array) -> jax.Array:
            x = simulate(cell, half * jnp.asarray([0.0, 0.5, 1.0]), volts * jnp.ones(3), start, substeps=4).x
            return half * cell.d / jnp.abs(x[-1] - start)

        volts = np.asarray(list(_TIMES))
        starts = np.where(volts > 0, 0.0, float(cell.d))
        halves = np.asarray(list(_TIMES.values())) / 2
        return np.asarray(jax.vmap(one)(jnp.asarray(volts), jnp.asarray(halves), jnp.asarray(starts))).tolist()


def _thresholds() -> list[float]:
    with jax.enable_x64(True):
        cell = Vteam.preset("technion")
        x = jnp.asarray(1e-9)
        return [float(cell.rate(x, jnp.asarray(v), cell.ambient)) for v in (0.0199, -0.1999)]


CHECKS = (
    Check(PAPER, "switching", "switching times of the whole range at 0.5, 1, -0.3, -0.5, -1 V, Technion's set",
          _switching_times, tuple(_TIMES.values()), Relative(6e-4), "three digits printed for -0.5 V", Origin.FORMULA,
          "s"),
    Check(PAPER, "thresholds", "velocity 0.1 mV below either threshold", _thresholds, (0.0, 0.0), Relative(0.0),
          "exact: a cell rests between its thresholds", Origin.FORMULA, "m/s"),
)  # fmt: skip
