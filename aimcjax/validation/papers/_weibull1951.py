r"""Weibull's law of endurance: $F(n) = 1 - \exp(-(n / \eta)^\beta)$."""

import functools
import math
from collections.abc import Callable

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ...devices import Endurance, IdealDevice, is_stuck, reprogram
from .._check import Absolute, Check, Origin, Paper


PAPER = Paper("weibull1951", "Weibull, J. Appl. Mech. 18:293 (1951)", "https://doi.org/10.1115/1.4010337")
_endurance: Callable[..., Endurance] = Endurance
_N, _AT = 100_000, (0.1, 0.7, 1.0, 1.5)  # cells; cycles over the scale


def _failed(scale: float, shape: float) -> list[float]:
    """The share of cells that have failed after so many cycles, of one chip for each count."""
    found = []
    for x in _AT:
        device = _endurance(IdealDevice(), scale=scale, shape=shape, cycles=x * scale)
        cells = device.program(jnp.full(_N, 0.5 * device.g_max), key=jr.key(1951))
        found.append(float(np.mean(np.asarray(is_stuck(device, cells)))))
    return found


def _written() -> list[float]:
    """The same by writing one chip five times, at a scale of four cycles."""
    device = _endurance(IdealDevice(), scale=4.0, shape=2.0)
    targets = jnp.full(_N, 0.5 * device.g_max)
    cells, found = device.program(targets, key=jr.key(0)), []
    for n in range(1, 6):
        cells = reprogram(device, cells, targets, key=jr.key(n))
        found.append(float(np.mean(np.asarray(is_stuck(device, cells)))))
    return found


def _expected(x: float, shape: float) -> float:
    return 1 - math.exp(-(x**shape))


_ERROR, _REASON = 4 * 0.5 / _N**0.5, "four standard errors of a share of 100 000 cells"

CHECKS = (
    *(Check(PAPER, f"failed_{shape:g}", f"failed cells after 0.1, 0.7, 1, 1.5 times {scale:g} cycles, shape {shape:g}",
            functools.partial(_failed, scale, shape), tuple(_expected(x, shape) for x in _AT), Absolute(_ERROR),
            _REASON, Origin.FORMULA, to_be_verified="scales of 1e6 to 1e9 and shapes of 1 to 3 for resistive memory")
      for scale, shape in ((1e6, 1.0), (1e7, 2.0), (1e9, 3.0))),
    Check(PAPER, "written", "failed cells of one chip after 1 to 5 writes, scale 4, shape 2", _written,
          tuple(_expected(n / 4, 2.0) for n in range(1, 6)), Absolute(_ERROR), _REASON, Origin.FORMULA),
)  # fmt: skip
