r"""Phase-change memory of Joshi et al. 2020: a million devices, fitted by laws of $g = G / G_\text{max}$."""

import functools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ...devices import AbstractLaw, Pcm, PcmCells
from ...mapping import program_matrix
from ...periphery import IdealAdc, IdealDac
from ...tiles import TileDesign, preset
from ...units import day, hour, year
from .._check import Absolute, AtMost, Check, Origin, Paper, Relative


PAPER = Paper(
    "joshi2020", "Joshi et al., Nat. Commun. 11:2473 (2020), after Nandakumar et al., ICECS (2019)",
    "https://doi.org/10.1038/s41467-020-16108-9",
)  # fmt: skip
_AT, _WHERE = (0.05, 0.10, 0.25, 0.50, 1.00), "at g / g_max = 0.05, 0.1, 0.25, 0.5, 1"
_TIMES, _WHEN = (1.0, hour, day, year), "after 1 s, 1 h, 1 day, 1 year"
_N = 200_000  # cells of a sample


def _law(name: str, scale: float = 1.0) -> list[float]:
    with jax.enable_x64(True):
        law: AbstractLaw = getattr(Pcm(), name)
        return [scale * float(law(jnp.asarray(x))) for x in _AT]


def _accumulated(x: float) -> list[float]:
    # One cell with a unit variate, one with none: their difference is the noise, whatever the drift.
    with jax.enable_x64(True):
        device = Pcm()
        cells = PcmCells(g=jnp.full(2, x * device.g_max), nu=jnp.full(2, 0.06), xi=jnp.asarray([1.0, 0.0]))
        noisy, plain = np.stack([np.asarray(device.drift(cells, t)) for t in _TIMES], axis=1)
        return (noisy / plain - 1).tolist()


def _second_fit() -> float:
    with jax.enable_x64(True):
        g = np.linspace(0.5, 25, 246)  # uS
        ours = 25 * np.asarray(Pcm().programming(jnp.asarray(g / 25)))
        return float(np.max(np.abs(ours - (-0.00178767 * g**2 + 0.07585724 * g + 0.28638599))))


def _largest_error() -> list[float]:
    with jax.enable_x64(True):
        x = np.linspace(0.0, 1.0, 20_001)
        sigma = 25 * np.asarray(Pcm().programming(jnp.asarray(x)))
        return [float(sigma.max()), float(x[sigma.argmax()])]


@functools.cache
def _sample(x: float) -> tuple[Pcm, PcmCells]:
    device = Pcm(accumulated=0.0)
    return device, device.program(jnp.full(_N, x * device.g_max), key=jr.key(2020))


def _programmed() -> list[float]:
    return [float(1e6 * np.std(np.asarray(_sample(x)[1].g, np.float64))) for x in (0.25, 0.5, 1.0)]


def _drifted(x: float) -> list[float]:
    device, cells = _sample(x)
    return [float(np.mean(np.asarray(device.drift(cells, t) / cells.g, np.float64))) for t in _TIMES[1:]]


def _one_exponent() -> list[float]:
    # All cells drift alike, so that compensation is exactly the inverse of the drift factor.
    device = Pcm(nu_mean=0.06, nu_std=0.0, accumulated=0.0, programming=0.0, read_noise=0.0)
    design = TileDesign(device=device, dac=IdealDac(), adc=IdealAdc())
    matrix = program_matrix(design, jr.normal(jr.key(1), (30, 20)), key=jr.key(2))
    return [1 / float(np.ravel(matrix.at(t).factor)[0]) for t in _TIMES[1:]]


def _compensation() -> list[float]:
    key_w, key = jr.split(jr.key(3))
    matrix = program_matrix(preset("standard_pcm"), 0.246 * jr.normal(key_w, (512, 512)), key=key)
    return [float(np.ravel(matrix.at(t).factor)[0]) for t in (0.0, 1.0, hour)]


_DIGITS = "half of the last digit of the value"
_SAMPLE = "four standard errors of 200 000 cells are 0.7 % for a deviation"

CHECKS = (
    Check(PAPER, "programming", f"programming error of a cell {_WHERE}", lambda: _law("programming", 25.0),
          (0.358797, 0.448249, 0.681411, 0.952705, 1.055380), Absolute(1e-6), _DIGITS, Origin.FORMULA, "uS"),
    Check(PAPER, "nu_mean", f"mean drift exponent {_WHERE}", lambda: _law("nu_mean"),
          (0.0708339, 0.0600901, 0.049, 0.049, 0.049), Absolute(1e-6), _DIGITS, Origin.FORMULA),
    Check(PAPER, "nu_std", f"deviation of the drift exponent {_WHERE}", lambda: _law("nu_std"),
          (0.0315467, 0.0228823, 0.0114287, 0.008, 0.008), Absolute(1e-6), _DIGITS, Origin.FORMULA),
    Check(PAPER, "q", f"coefficient of accumulated 1/f noise {_WHERE}", lambda: _law("accumulated"),
          (0.0616811, 0.0393082, 0.0216681, 0.0138087, 0.0088), Absolute(1e-6), _DIGITS, Origin.FORMULA),
    *(Check(PAPER, f"accumulated_{x:g}", f"relative 1/f noise at g / g_max = {x:g} {_WHEN}",
            functools.partial(_accumulated, x), values, Absolute(5.1e-5), _DIGITS, Origin.FORMULA)
      for x, values in ((0.05, (0.2584, 0.2939, 0.3138, 0.3477)), (0.25, (0.0908, 0.1032, 0.1102, 0.1221)),
                        (1.0, (0.0369, 0.0419, 0.0448, 0.0496)))),
    Check(PAPER, "largest_error", "largest programming error over 25 uS, in percent, and the g / g_max of it",
          lambda: [100 * _largest_error()[0] / 25, _largest_error()[1]], (4.35, 0.8375), Absolute((0.006, 1e-4)),
          _DIGITS, Origin.FORMULA),
    Check(PAPER, "second_fit", "largest distance to the second fit of the same figure (CrossSim), 0.5 to 25 uS",
          _second_fit, 0.03, AtMost(), "what two people read off one figure differs by so much", Origin.PEER, "uS"),
    Check(PAPER, "programmed", "deviation of programmed cells at g / g_max = 0.25, 0.5, 1", _programmed,
          (0.681411, 0.952705, 1.055380), Relative(0.007), _SAMPLE, Origin.FORMULA, "uS"),
    *(Check(PAPER, f"drift_{x:g}", f"mean drift factor of cells at g / g_max = {x:g} after 1 h, 1 day, 1 year",
            functools.partial(_drifted, x), values, Relative(0.005),
            "four digits printed; the mean of 200 000 cells is known to 0.1 %", Origin.FORMULA)
      for x, values in ((0.5, (0.7758, 0.6650, 0.5002)), (0.1, (0.7365, 0.6153, 0.4464)))),
    Check(PAPER, "drift_one_exponent", "drift factor with one exponent 0.06, as compensated, after 1 h, 1 day, 1 year",
          _one_exponent, (0.73205, 0.60515, 0.42473), Absolute(1e-5), _DIGITS, Origin.FORMULA),
    Check(PAPER, "compensation", "factor of global drift compensation at 0, 1 s, 1 h, 512x512 normal weights",
          _compensation, (1.0, 1.0, 1.278), Relative(0.01),
          "one chip of either simulator; the estimate of a tile is sharp to 0.5 %", Origin.PEER, seconds=4.0),
)  # fmt: skip
