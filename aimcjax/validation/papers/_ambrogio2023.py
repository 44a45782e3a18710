"""The speech chip of Ambrogio et al. 2023: arithmetic between its headlines."""

import functools

from ... import chips
from ...units import fJ, ns
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper("ambrogio2023", "Ambrogio et al., Nature 620:768 (2023)", "https://doi.org/10.1038/s41586-023-06337-5")


def _cells() -> float:
    chip = chips.load("ambrogio_2023")
    rows, cols = chip.array or (0, 0)
    return chip.count_tiles() * rows * cols / 1e6


@functools.cache
def _peak() -> chips.Peak:
    return chips.peak(chips.load("ambrogio_2023"))


CHECKS = (
    Check(PAPER, "cells", "memory cells of 34 tiles of 512x2048, in millions", _cells, 35.0, Relative(0.02),
          "printed as 35 million", Origin.PRINTED),
    Check(PAPER, "energy", "energy of an operation from 12.4 TOPS/W",
          lambda: float(chips.energy_per_mac(12.4e12, ops_per_mac=1)) / fJ, 81.0, Absolute(0.51), "two digits printed",
          Origin.FORMULA, "fJ"),
    Check(PAPER, "efficiency", "efficiency of the whole chip (TOPS/W)", lambda: float(_peak().ops_per_J) / 1e12, 12.4,
          Relative(5e-3),
          "what the digits of the chosen constant leave", Origin.PRINTED, seconds=2.0,
          fitted="the figure of merit of the converters was chosen for it; what is checked is the arithmetic"),
    Check(PAPER, "step", "time of a step", lambda: float(_peak().mvm_s) / ns, 300.0, Relative(5e-3),
          "what the digits of the chosen constant leave", Origin.PRINTED, "ns", seconds=1.5,
          fitted="the rate of the converters, the rest of the step after the read, was chosen for it"),
)  # fmt: skip
