"""Fingerprints of memristors, Adhikari et al. 2013: loops pinched at the origin that shrink with the frequency."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ...devices.memristors import AbstractMemristor, LinearIonDrift, Vteam, Yakopcic, hysteresis_loop, lobe_areas
from .._check import Absolute, Check, Origin, Paper, Range, Relative


PAPER = Paper(
    "adhikari2013", "Adhikari et al., IEEE Trans. Circuits Syst. I 60:3008 (2013)",
    "https://doi.org/10.1109/TCSI.2013.2256171",
)  # fmt: skip
# Model, amplitude [V], a frequency [Hz] at which it moves much, and one above which it hardly moves.
_CELLS: dict[str, tuple[Callable[[], AbstractMemristor], float, float, float]] = {
    "strukov": (LinearIonDrift, 1.0, 5.0, 100.0),
    "vteam": (Vteam, 0.5, 1e6, 1e11),
    "yakopcic": (Yakopcic, 0.45, 100.0, 1e6),
}


def _current_at_zero() -> list[float]:
    with jax.enable_x64(True):
        found = []
        for build, amplitude, frequency, _ in _CELLS.values():
            trace = hysteresis_loop(build(), amplitude, frequency, cycles=2, samples=100, substeps=2)
            found.append(float(jnp.max(jnp.abs(jnp.where(trace.v == 0, trace.i, 0.0)))))
        return found


@functools.cache
def _areas(name: str) -> np.ndarray:
    with jax.enable_x64(True):
        build, amplitude, low, high = _CELLS[name]
        frequencies = [low, high, 10 * high]
        return np.asarray(lobe_areas(build(), amplitude, frequencies, samples=2000, substeps=1))[:, 0]


CHECKS = (
    Check(PAPER, "pinched", "largest current at zero voltage: Strukov, VTEAM, Yakopcic", _current_at_zero,
          (0.0, 0.0, 0.0), Absolute(0.0), "exact: the loop passes through the origin", Origin.FORMULA, "A"),
    Check(PAPER, "inverse", "area of a lobe over that at ten times the frequency: Strukov, VTEAM, Yakopcic",
          lambda: [float(_areas(name)[1] / _areas(name)[2]) for name in _CELLS], (10.0, 10.0, 10.0), Relative(0.01),
          "the law is the limit of high frequencies", Origin.FORMULA),
    Check(PAPER, "shrinks", "area of a lobe at a high over that at a low frequency: Strukov, VTEAM, Yakopcic",
          lambda: [float(_areas(name)[2] / _areas(name)[0]) for name in _CELLS], (), Range(0.0, 0.01),
          "the law is that it vanishes; a hundredth is ours to say", Origin.STATED),
)  # fmt: skip
