"""The test for ideal memristors of Pershin and Di Ventra 2019: resistance as a function of charge alone."""

import jax

from ...devices.memristors import ChuaMemristor, LinearIonDrift, Vteam, Yakopcic, ideality
from .._check import Absolute, Check, Origin, Paper, Range


PAPER = Paper(
    "pershin2019", "Pershin and Di Ventra, J. Phys. D 52:01LT01 (2019)", "https://doi.org/10.1088/1361-6463/aae680"
)


def _ideal() -> list[float]:
    with jax.enable_x64(True):
        cells = ((ChuaMemristor(), 1.0, 1.0), (LinearIonDrift(), 0.2, 0.2))
        return [float(ideality(cell, flux, duration, substeps=4).error) for cell, flux, duration in cells]


def _with_thresholds() -> list[float]:
    with jax.enable_x64(True):
        cells = ((Vteam(), 1e-7, 5e-7), (Yakopcic.preset("miao"), 0.4, 1.0))
        return [float(ideality(cell, flux, duration, substeps=4).error) for cell, flux, duration in cells]


CHECKS = (
    Check(PAPER, "ideal", "spread of resistances after five waveforms of one flux: Chua, Strukov", _ideal,
          (0.0, 0.0), Absolute(1e-5), "zero for an ideal memristor; what is left is the solver's", Origin.FORMULA,
          seconds=2.0),
    Check(PAPER, "thresholds", "the same of cells with thresholds: VTEAM, Yakopcic", _with_thresholds, (),
          Range(0.01), "not zero; the bound, a percent, is ours to say", Origin.STATED, seconds=2.0),
)  # fmt: skip
