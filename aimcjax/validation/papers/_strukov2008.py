"""The memristor of Strukov et al. 2008: linear drift of ions."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...devices.memristors import LinearIonDrift, Trace, lobe_areas, simulate
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper("strukov2008", "Strukov et al., Nature 453:80 (2008)", "https://doi.org/10.1038/nature06932")
_FINE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}


def _units() -> list[float]:
    with jax.enable_x64(True):
        cell = LinearIonDrift.preset("strukov_b")
        return [1e3 * float(cell.d**2 / cell.mobility), 1e3 / float(cell.r_on)]


def _constant(t: np.ndarray, x0: float) -> Trace:
    return simulate(LinearIonDrift.preset("strukov_b"), t, np.ones(len(t)), x0, **_FINE)


def _at_fifty() -> list[float]:
    # Figure 2: flux in v0 t0, charge in i0 t0, with t0 = 10 ms and i0 = 10 mA.
    with jax.enable_x64(True):
        trace = _constant(np.linspace(0.0, 0.5, 501), 0.1)
        return [float(trace.x[-1]), float(jnp.trapezoid(trace.i, trace.t)) / (0.01 * 0.01)]


def _switching_time() -> float:
    # The first of many samples at the bound, 0.1 ms apart.
    with jax.enable_x64(True):
        t = np.append(np.linspace(0.0, 0.78, 301), np.arange(0.7801, 0.83, 1e-4))
        x = np.asarray(_constant(t, 0.0).x)
        return float(t[np.argmax(x >= 1.0)])


def _flux_error() -> float:
    # The flux that the state stands for, in closed form, against the one that was applied.
    with jax.enable_x64(True):
        cell, t = LinearIonDrift.preset("strukov_c"), np.linspace(0.0, 0.5, 501)
        v = 3.0 * np.sin(2 * np.pi * t / 0.5)
        x = np.asarray(simulate(cell, t, v, 0.1, **_FINE).x)
        applied = np.concatenate([[0.0], np.cumsum(np.diff(t) * (v[1:] + v[:-1]) / 2)])
        r_on, r_off = float(cell.r_on), float(cell.r_off)
        flux = (r_off * (x - 0.1) - (r_off - r_on) * (x**2 - 0.01) / 2) * float(cell.d**2 / cell.mobility) / r_on
        return float(np.max(np.abs(flux - applied)) / applied.max())


@functools.cache
def _caption() -> tuple[float, float]:
    # State and flux (v0 t0) after half a period of the frequency in the caption, 2 pi / t0.
    with jax.enable_x64(True):
        t = np.linspace(0.0, 5e-3, 501)
        trace = simulate(LinearIonDrift.preset("strukov_b"), t, np.sin(2 * np.pi * t / 0.01), 0.1, **_FINE)
        return float(trace.x[-1]), float(jnp.trapezoid(trace.v, trace.t)) / 0.01


def _areas() -> list[float]:
    with jax.enable_x64(True):
        areas = lobe_areas(LinearIonDrift(), 1.0, [100.0, 1000.0], samples=4000, substeps=1)
        return np.asarray(areas)[:, 0].tolist()


CHECKS = (
    Check(PAPER, "units", "units of time t0 (ms) and of current i0 (mA) of figure 2", _units, (10.0, 10.0),
          Relative(1e-9), "double precision", Origin.PRINTED),
    Check(PAPER, "at_fifty", "state and charge (i0 t0) at a flux of 50 v0 t0, from 0.1", _at_fifty, (0.568, 0.468),
          Absolute(5e-4), "half of the last digit of the closed form", Origin.FORMULA),
    Check(PAPER, "flux", "largest error of the flux from the state, relative", _flux_error, 0.0, Absolute(1e-6),
          "tolerance of the solver, over 500 steps", Origin.FORMULA),
    Check(PAPER, "switching", "time to switch at 1 V, ratio 160", _switching_time, 0.805, Absolute(1.1e-4),
          "samples are 0.1 ms apart", Origin.FORMULA, "s"),
    Check(PAPER, "switching_estimate", "the same as estimated in the paper, D^2 R_off / (2 mobility V R_on)",
          _switching_time, 0.8, Relative(0.01), "the estimate leaves out R_on, 0.6 %", Origin.FORMULA, "s"),
    Check(PAPER, "lobes", "lobe areas at 1 V, 100 Hz and 1 kHz", _areas, (5.659e-8, 5.640e-9), Relative(1e-4),
          "four digits of an independent integration", Origin.FORMULA, "W",
          seconds=1.5),
    Check(PAPER, "caption_state", "state after half a period of the frequency in the caption, from 0.1",
          lambda: _caption()[0], 0.1022, Absolute(5.1e-4), "the stated 0.0022 has two digits",
          Origin.FORMULA),
    Check(PAPER, "caption_flux", "flux after half a period of the frequency in the caption of figure 2 (v0 t0)",
          lambda: _caption()[1], 50.0, Relative(0.1),
          "the axis of the figure ends there", Origin.PRINTED,
          known_discrepancy="caption and axis contradict each other: the axis needs a period of 157 t0, not of t0"),
)  # fmt: skip
