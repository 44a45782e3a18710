"""TEAM of Kvatinsky et al. 2013: a threshold in the current, and the windows of its report."""

import math

import jax
import jax.numpy as jnp

from ...devices.memristors import AbstractWindow, Biolek, Joglekar, Prodromakis, Team, TeamWindow
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper(
    "kvatinsky2013", "Kvatinsky et al., IEEE Trans. Circuits Syst. I 60:211 (2013)",
    "https://doi.org/10.1109/TCSI.2012.2215714",
)  # fmt: skip


def _rates() -> list[float]:
    with jax.enable_x64(True):
        cell, on = Team.preset("technion"), jnp.asarray(0.0)  # 100 Ohm
        currents = (345e-6, 114.9e-6, -8.89e-6, -17.8e-6)
        return [float(cell.rate(on, jnp.asarray(100.0 * i), cell.ambient)) for i in currents]


def _exponents() -> list[float]:
    # Three times the threshold against twice: 2 ** alpha, whatever the window, which sees the direction alone.
    with jax.enable_x64(True):
        cell = Team.preset("pickett")

        def rate(x: float, i: jax.Array) -> jax.Array:
            resistance = 1.0 / cell.current(jnp.asarray(x), jnp.asarray(1.0), cell.ambient)
            return cell.rate(jnp.asarray(x), i * resistance, cell.ambient)

        places = ((1.2e-9, cell.i_off), (1.8e-9, cell.i_on))  # where the windows are open
        return [float(rate(x, 3 * threshold) / rate(x, 2 * threshold)) for x, threshold in places]


def _windows() -> list[float]:
    with jax.enable_x64(True):
        up, down = 1e-3, -1e-3
        points: list[tuple[AbstractWindow, float, float]] = [
            (Joglekar(p=2.0), 0.25, up), (Biolek(p=2.0), 0.5, up), (Biolek(p=2.0), 1.0, down),
            (Prodromakis(p=2.0), 0.5, up), (TeamWindow(), 0.4, up), (TeamWindow(), 0.6, down),
        ]  # fmt: skip
        return [float(window(jnp.asarray(x), jnp.asarray(i))) for window, x, i in points]


CHECKS = (
    Check(PAPER, "rates", "velocity at 345 uA, just below either threshold, and at -17.8 uA, defaults of the report",
          _rates, (8e-13 * 2**3, 0.0, 0.0, -8e-13), Relative(1e-9), "double precision", Origin.FORMULA, "m/s"),
    Check(PAPER, "exponents", "velocity at three times over twice the threshold, up and down, fit to Pickett 2009",
          _exponents, (2.0**10, 2.0**10), Relative(1e-9), "double precision", Origin.FORMULA),
    Check(PAPER, "windows", "windows at one point: Joglekar, Biolek up and down, Prodromakis, TEAM off and on",
          _windows, (1 - 0.5**4, 1 - 0.5**4, 1.0, 1 - 0.75**2, math.exp(-1), math.exp(-1)), Absolute(1e-12),
          "double precision", Origin.FORMULA),
)  # fmt: skip
