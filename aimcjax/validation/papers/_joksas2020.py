"""Passive arrays with wires: badcrossbar of Joksas and Mehonic 2020, and the circuits that it was compared with."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ...tiles import crossbar_currents
from .._check import Absolute, Check, Origin, Paper, Relative


PAPER = Paper(
    "joksas2020", "Joksas and Mehonic, SoftwareX 12:100617 (2020), its README and its comparison with QUCS",
    "https://github.com/joksas/badcrossbar",
)  # fmt: skip
_README = [
    [345.0, 903.0, 755.0, 257.0, 646.0],
    [652.0, 401.0, 508.0, 166.0, 454.0],
    [442.0, 874.0, 190.0, 244.0, 635.0],
]


def _qucs() -> list[float]:
    with jax.enable_x64(True):
        g = 1.0 / (10.0 * np.arange(1.0, 21.0).reshape(5, 4))
        return np.asarray(crossbar_currents(g, np.arange(5.0), r_row=1.0, r_col=2.0)).tolist()


def _readme() -> list[float]:
    with jax.enable_x64(True):
        i = crossbar_currents(1 / np.asarray(_README), np.asarray([1.5, 2.3, 1.7]), r_row=0.5, r_col=0.5)
        return (1e3 * np.asarray(i)).tolist()


def _device() -> float:
    # By reciprocity d(sum of outputs)/dg = e(v) e(1), with e(v) the voltage over the cell under inputs v.
    with jax.enable_x64(True):
        g, v = jnp.asarray(1 / np.asarray(_README)), jnp.asarray([2.6, 1.1, 3.3])
        total = lambda g, v: jnp.sum(crossbar_currents(g, v, r_row=0.5, r_col=0.5))
        slope, unit = (jax.grad(total)(g, inputs)[0, 3] for inputs in (v, jnp.ones(3)))
        return float(g[0, 3] * slope / jnp.sqrt(unit))


def _uniform(n: int) -> list[float]:
    with jax.enable_x64(True):
        i = np.asarray(crossbar_currents(np.full((n, n), 1e-4), np.ones(n), r_row=0.35, r_col=0.35)) / (n * 1e-4)
        return [float(i[0]), float(i[-1]), float(i.mean())]


CHECKS = (
    Check(PAPER, "qucs", "currents of 5x4 cells of 10 to 200 Ohm, wires of 1 and 2 Ohm, by QUCS", _qucs,
          (0.060570196651, 0.059327610717, 0.056348738829, 0.053352354575), Relative(1e-10), "eleven digits",
          Origin.PRINTED, "A"),
    Check(PAPER, "readme", "currents of the 3x5 cells of the README, wires of 0.5 Ohm", _readme,
          (11.5850254, 9.1906416, 15.1156812, 25.8332082, 9.8117929), Absolute(5.1e-8), "half of the last digit",
          Origin.PEER, "mA"),
    Check(PAPER, "device", "current through one cell of the README, from gradients of the outputs", _device,
          0.009856197822795886, Relative(1e-9), "double precision through an iterative solution", Origin.PRINTED, "A",
          seconds=4.0),
    *(Check(PAPER, f"uniform_{n}", f"current over the ideal: first, last, mean column of {n}x{n} cells of 10 kOhm, "
            "wires of 0.35 Ohm", functools.partial(_uniform, n), values, Absolute(5.1e-6), "half of the last digit",
            Origin.PEER, seconds=2.0)
      for n, values in ((16, (0.99619, 0.99203, 0.99350)), (32, (0.98659, 0.96991, 0.97564)))),
)  # fmt: skip
