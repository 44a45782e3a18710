"""The memristor of Chua 1971: charge and flux on one curve."""

import jax
import numpy as np

from ...devices.memristors import ChuaMemristor, simulate
from .._check import Absolute, Check, Origin, Paper


PAPER = Paper("chua1971", "Chua, IEEE Trans. Circuit Theory 18:507 (1971)", "https://doi.org/10.1109/TCT.1971.1083337")


def _distance(*, charge_controlled: bool) -> float:
    with jax.enable_x64(True):
        cell, t = ChuaMemristor(charge_controlled=charge_controlled), np.linspace(0.0, 1.0, 101)
        v = np.cos(3 * t)
        x = np.asarray(simulate(cell, t, v, substeps=16).x)
        flux = np.concatenate([[0.0], np.cumsum(np.diff(t) * (v[1:] + v[:-1]) / 2)])
        return float(np.max(np.abs((x + x**3 / 3 if charge_controlled else x) - flux)))


CHECKS = (
    Check(PAPER, "curve", "largest distance from the curve of charge and flux, controlled by charge and by flux",
          lambda: [_distance(charge_controlled=charge) for charge in (True, False)], (0.0, 0.0), Absolute(1e-6),
          "16 steps of second order a sample", Origin.FORMULA, "Wb"),
)  # fmt: skip
