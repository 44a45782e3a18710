"""Passive arrays after Chen 2013: what sneak paths leave of a read, and what selectors bring back."""

import jax
import numpy as np

from ...tiles import DiodeSelector, SinhSelector, ThresholdSelector, read_margin
from .._check import Check, Origin, Paper, Range, Relative


PAPER = Paper("chen2013", "Chen, IEEE TED 60:1318 (2013)", "https://doi.org/10.1109/TED.2013.2246791")
_R_ON, _R_OFF, _SIZES = 1e4, 1e6, (2, 8, 64, 1024)


def _margins() -> list[float]:
    with jax.enable_x64(True):
        return [float(read_margin(n, _R_ON, _R_OFF)) for n in _SIZES]


def _closed_form(n: int) -> float:
    sneak = _R_ON * (2 * n - 1) / (n - 1) ** 2
    on, off = (1 / (1 / r + 1 / sneak) for r in (_R_ON, _R_OFF))
    return _R_ON / (on + _R_ON) - _R_ON / (off + _R_ON)


def _lost() -> float:
    with jax.enable_x64(True):
        return float(read_margin(8, _R_ON, _R_OFF) / read_margin(1, _R_ON, _R_OFF))


def _gains() -> list[float]:
    with jax.enable_x64(True):
        bare = float(read_margin(256, _R_ON, _R_OFF))
        selectors = (DiodeSelector(i_s=1e-9), ThresholdSelector(r_off=1e7), SinhSelector(i_0=1e-8))
        found = [read_margin(256, _R_ON, _R_OFF, selector=selector, v_supply=1.5) for selector in selectors]
        return (np.asarray(found) / bare).tolist()


CHECKS = (
    Check(PAPER, "floating", "read margin of floating arrays of 2, 8, 64, 1024 lines, 10 kOhm and 1 MOhm", _margins,
          tuple(_closed_form(n) for n in _SIZES), Relative(1e-9), "double precision", Origin.FORMULA),
    Check(PAPER, "small", "margin of 8 lines over that of one cell: not negligible even for small arrays", _lost, (),
          Range(0.0, 0.5), "the source says it in words; one half is ours to say", Origin.STATED),
    Check(PAPER, "selectors", "margin of 256 lines with a diode, a threshold, a sinh selector, over that without",
          _gains, (), Range(10.0), "the source says in words that they improve it; ten is ours to say",
          Origin.STATED, seconds=3.0),
)  # fmt: skip
