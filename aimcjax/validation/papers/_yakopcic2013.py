"""The model of Yakopcic et al., with their fit to the devices of Miao."""

import math

import jax
import jax.numpy as jnp

from ...devices.memristors import Yakopcic
from .._check import Check, Origin, Paper, Relative


PAPER = Paper(
    "yakopcic2013", "Yakopcic et al., IEEE Electron Device Lett. 32:1436 (2011) and IJCNN (2013)",
    "https://doi.org/10.1109/LED.2011.2163292",
)  # fmt: skip
_UP, _DOWN = 7.5 * (math.exp(0.5) - math.exp(0.09)), -2.0 * (math.exp(1.0) - math.exp(0.75))


def _rates() -> list[float]:
    with jax.enable_x64(True):
        cell = Yakopcic.preset("miao")
        points = ((0.2, 0.089), (0.2, -0.749), (0.2, 0.5), (0.65, 0.5), (0.9, -1.0), (0.25, -1.0))
        return [float(cell.rate(jnp.asarray(x), jnp.asarray(v), cell.ambient)) for x, v in points]


def _current() -> float:
    with jax.enable_x64(True):
        cell = Yakopcic.preset("miao")
        return float(cell.current(jnp.asarray(0.5), jnp.asarray(1.0), cell.ambient))


CHECKS = (
    Check(PAPER, "rates", "velocity below and above the thresholds, outside and inside of the windows, set of Miao",
          _rates, (0.0, 0.0, _UP, _UP * math.exp(-0.35) * 0.5, _DOWN, _DOWN * math.exp(-1.25) * 0.5), Relative(1e-12),
          "double precision", Origin.FORMULA, "1/s"),
    Check(PAPER, "current", "current at x = 0.5 and 1 V, set of Miao", _current, 0.11 * 0.5 * math.sinh(0.5),
          Relative(1e-12), "double precision", Origin.FORMULA, "A"),
)  # fmt: skip
