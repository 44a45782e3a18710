r"""Kirchhoff's laws of uniform arrays, to first order in the wires.

In an n x n array of conductances g with all rows driven and wires of r a segment on rows and columns, the lines lose
$r g \\sum_k \\min(j, k)$ of the voltage at the j-th cell, so that the mean column loses $r g (n + 1)(2 n + 1) / 3$.
"""

import jax
import numpy as np

from ...tiles import crossbar_currents
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper("kirchhoff1847", "Kirchhoff, Ann. Phys. 148:497 (1847)", "https://doi.org/10.1002/andp.18471481202")
_SIZES, _G, _R = (8, 16, 32, 64), 1e-6, 0.1


def _loss(n: int, g: float, r: float) -> float:
    i = np.asarray(crossbar_currents(np.full((n, n), g), np.ones(n), r_row=r, r_col=r))
    return float(1 - i.mean() / (n * g))


def _losses() -> list[float]:
    with jax.enable_x64(True):
        return [_loss(n, _G, _R) for n in _SIZES]


def _only_the_ratio() -> float:
    with jax.enable_x64(True):
        return _loss(16, 1e-4, 3.0) / _loss(16, 1e-7, 3e3)


def _one_cell() -> float:
    with jax.enable_x64(True):
        return float(crossbar_currents(np.full((1, 1), 0.1), np.ones(1), r_row=1.0, r_col=2.0)[0])


CHECKS = (
    Check(PAPER, "one_cell", "current of a cell of 10 Ohm behind wires of 1 and 2 Ohm", _one_cell, 1 / 13,
          Relative(1e-12), "double precision", Origin.FORMULA, "A"),
    Check(PAPER, "loss", "share of the current lost in arrays of 8, 16, 32, 64, wires of 0.1 Ohm, cells of 1 uS",
          _losses, tuple(_R * _G * (n + 1) * (2 * n + 1) / 3 for n in _SIZES), Relative(1e-3),
          "the next order is the square of the loss, 3e-4 of it", Origin.FORMULA, seconds=4.0),
    Check(PAPER, "ratio", "loss with cells and wires a thousand times as resistive, relative", _only_the_ratio, 1.0,
          Absolute(1e-7), "the solution is known to 1e-10 of the current, the loss is a twentieth of it",
          Origin.FORMULA),
)  # fmt: skip
