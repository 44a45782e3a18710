"""The Stanford-PKU model of filamentary memory, of its Verilog-A code."""

import math

import jax
import jax.numpy as jnp

from ...devices.memristors import StanfordPku
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper(
    "jiang2016", "Jiang et al., IEEE TED 63:1884 (2016); rram_v_1_0_0.va", "https://doi.org/10.4231/D37H1DN48"
)
_POINTS = ((0.3e-9, 1.5), (1.0e-9, -1.2), (1.6e-9, 1.9))


def _resistances() -> list[float]:
    with jax.enable_x64(True):
        cell = StanfordPku.preset("default")
        v = jnp.asarray(0.1)
        return [0.1 / float(cell.current(jnp.asarray(gap), v, cell.ambient)) for gap in (0.2e-9, 1.0e-9, 1.7e-9)]


def _temperature() -> float:
    with jax.enable_x64(True):
        return float(StanfordPku().temperature(jnp.asarray(0.2e-9), jnp.asarray(0.1)))


def _velocities() -> list[float]:
    with jax.enable_x64(True):
        cell, hot = StanfordPku(f_width=0.0, gap_width=0.0), jnp.asarray(350.0)
        return [float(cell.rate(jnp.asarray(gap), jnp.asarray(v), hot)) for gap, v in _POINTS]


def _velocity(gap: float, v: float) -> float:
    gamma, kt = 16 - 0.8 * (gap / 1e-9) ** 3, 1.3806503e-23 * 350.0
    return -10 * math.exp(-1.6e-19 * 0.6 / kt) * math.sinh(gamma * 0.25e-9 * 1.6e-19 * v / (12e-9 * kt))


CHECKS = (
    Check(PAPER, "resistance", "resistance at 0.1 V for gaps of 0.2, 1, 1.7 nm", _resistances,
          (541.82, 13292.0, 218586.0), Absolute((0.0051, 0.51, 0.51)), "half of the last digit", Origin.FORMULA,
          "Ohm"),
    Check(PAPER, "velocity", "velocity of the gap at 0.3 nm and 1.5 V, 1 nm and -1.2 V, 1.6 nm and 1.9 V, at 350 K",
          _velocities, tuple(_velocity(*point) for point in _POINTS), Relative(1e-9), "double precision",
          Origin.FORMULA, "m/s"),
    Check(PAPER, "temperature", "temperature at a gap of 0.2 nm and 0.1 V", _temperature,
          298 + 2.1e3 * 0.1**2 / 541.82, Absolute(1e-6), "five digits of the resistance", Origin.FORMULA, "K"),
)  # fmt: skip
