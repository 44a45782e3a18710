"""NeuRRAM of Wan et al. 2022: noise of its resistive memory over time, efficiency over bits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ... import chips
from ...devices import StatisticalDevice, preset
from ...units import day
from .._check import Absolute, AtMost, Check, Origin, Paper, Relative


PAPER = Paper("wan2022", "Wan et al., Nature 608:504 (2022)", "https://doi.org/10.1038/s41586-022-04992-8")
# (bits out, bits in): TOPS/W, read off figure 12 by the authors of CiMLoop
_EFFICIENCY = {(3, 1): 43.08, (4, 2): 40.33, (5, 3): 23.09, (6, 4): 15.95,
               (7, 5): 11.03, (8, 6): 8.26, (9, 7): 7.75, (10, 8): 6.44}  # fmt: skip
_TIMES = (1.0, day, 2 * day)


def _spread(x: np.ndarray, t: float) -> np.ndarray:
    """The deviation [uS] around the target at `t`."""
    device = preset("rram_wan2022")
    assert isinstance(device, StatisticalDevice)
    assert device.programming is not None
    at = jnp.asarray(x)
    variance = device.programming(at) ** 2
    for law in (device.relaxation, device.accumulated):
        variance = variance + (0.0 if law is None else law(at, jnp.asarray(t)) ** 2)
    return 1e6 * np.asarray(jnp.sqrt(variance) * device.g_max)


@functools.cache
def _largest() -> list[tuple[float, float]]:
    with jax.enable_x64(True):
        g = np.linspace(1, 40, 3901)
        spreads = [_spread(g / 40, t) for t in _TIMES]
        return [(float(spread.max()), float(g[spread.argmax()])) for spread in spreads]


def _second_fit() -> float:
    with jax.enable_x64(True):
        g = np.linspace(4, 28, 241)
        other = 1.536e-4 * g**3 - 1.167e-2 * g**2 + 0.2374 * g + 1.053
        return float(np.max(np.abs(_spread(g / 40, 1.0) - other)))


@functools.cache
def _peak() -> chips.Peak:
    return chips.peak(chips.load("neurram_2022"))


def _headline() -> list[float]:
    return [float(_peak().ops_per_s) / 1e12, float(_peak().ops_per_J) / 1e12]


def _energies() -> list[float]:
    macs = [float(chips.energy_per_mac(_EFFICIENCY[bits] * 1e12, ops_per_mac=1)) for bits in ((3, 1), (10, 8))]
    return [1e12 * energy for energy in macs]


def _predicted() -> list[float]:
    # A law fitted on every second point predicts the others.
    points, efficiency = np.asarray(list(_EFFICIENCY), float), np.asarray(list(_EFFICIENCY.values()))
    law = chips.fit_mvm_energy(points[::2, 1], points[::2, 0], 1e-12 / efficiency[::2])
    energy = law(jnp.asarray(points[1::2, 1]), jnp.asarray(points[1::2, 0]))
    return (1e-12 / np.asarray(energy, np.float64)).tolist()


CHECKS = (
    Check(PAPER, "largest", "largest deviation of conductance after 1 s, 1 day, 2 days",
          lambda: [sigma for sigma, _ in _largest()], (2.30, 4.005, 3.998), Absolute((0.0051, 5.1e-4, 5.1e-4)),
          "half of the last digit", Origin.FORMULA, "uS"),
    Check(PAPER, "largest_at", "conductance at which it is largest", lambda: [g for _, g in _largest()],
          (12.3, 15.7, 16.4), Absolute(0.051), "half of the last digit", Origin.FORMULA, "uS"),
    Check(PAPER, "second_fit", "largest distance to the second fit of the same figure (CrossSim), 4 to 28 uS, at 1 s",
          _second_fit, 0.4, AtMost(), "what two people read off one figure differs by so much", Origin.PEER, "uS"),
    Check(PAPER, "headline", "throughput (TOPS) and efficiency (TOPS/W) of the whole chip, 4 bits in and 6 out",
          _headline, (0.744, 15.95), Relative(5e-3),
          "what the digits of the chosen constants leave", Origin.PRINTED,
          fitted="time of the read and figure of merit of the converters were chosen for both numbers; what is checked "
          "is the arithmetic", seconds=2.0),
    Check(PAPER, "energy", "energy of an operation at its most and least efficient", _energies, (0.023, 0.155),
          Absolute(5.1e-4), "half of the last digit", Origin.FORMULA, "pJ"),
    Check(PAPER, "predicted", "TOPS/W with 2, 4, 6, 8 bits in by a law fitted to 1, 3, 5, 7 bits in", _predicted,
          (40.33, 15.95, 8.26, 6.44), Relative(0.25), "points of a figure, and a law of three numbers",
          Origin.PRINTED),
)  # fmt: skip
