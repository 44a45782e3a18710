"""Energy and area of published ADCs, the regression of Andrulis et al. 2024."""

import functools
import math

import jax
import jax.numpy as jnp

from ...chips import adc
from ...units import pJ, um2
from .._check import Absolute, Check, Origin, Paper, Range, Relative


PAPER = Paper("andrulis2024", "Andrulis et al., arXiv:2404.06553 (2024)", "https://arxiv.org/abs/2404.06553")
_RATES = (1e6, 1e8, 1e9, 1e10)
_GRID = {  # (nm, bits): energies [pJ], areas [um2]
    (32, 4): ((0.92375, 0.92375, 0.92375, 0.92375), (1424.5, 3274.1, 4963.8, 7525.4)),
    (32, 6): ((1.0651, 1.0651, 1.0651, 1.0651), (1486.5, 3416.6, 5179.8, 7852.8)),
    (32, 8): ((1.7137, 1.7137, 1.7137, 7.5121), (1713.7, 3938.9, 5971.6, 14086.0)),
    (32, 10): ((3.3097, 3.3097, 13.945, 63.931), (2086.7, 4796.0, 11180.0, 26728.0)),
    (22, 8): ((0.84724, 0.84724, 0.84724, 3.7139), (956.8, 2199.0, 3333.9, 7864.1)),
    (7, 8): ((0.098405, 0.098405, 0.098405, 0.43136), (161.1, 370.3, 561.4, 1324.3)),
}


@functools.cache
def _found(node: int, bits: int) -> tuple[list[float], list[float]]:
    pairs = [adc.andrulis(float(bits), rate, float(node)) for rate in _RATES]
    return [float(energy) / pJ for energy, _ in pairs], [float(area) / um2 for _, area in pairs]


def _log_energy(bits: jax.Array, rate: jax.Array, node: jax.Array, *, smooth: bool) -> jax.Array:
    return jnp.log(adc.andrulis(bits, rate, node, smooth=smooth)[0])


def _slopes(*points: tuple[float, float], smooth: bool, by: int) -> list[float]:
    """Derivatives of the logarithm of the energy by the bits (0) or by the logarithm of the rate (1)."""
    with jax.enable_x64(True):
        of = lambda b, log_f: _log_energy(b, jnp.exp(log_f), jnp.asarray(32.0), smooth=smooth)
        slope = jax.grad(of, argnums=by)
        return [float(slope(jnp.asarray(b), jnp.log(jnp.asarray(f)))) for b, f in points]


def _corners() -> list[float]:
    # Where the energy is a thousandth above that of slow converters: by halving intervals of the logarithm of the rate.
    with jax.enable_x64(True):
        corners = []
        for bits in (6.0, 8.0, 10.0, 12.0):
            energy = lambda f, bits=bits: float(adc.andrulis(bits, f, 32.0)[0])
            low, high, slow = 1e5, 1e12, energy(1e5)
            while high / low > 1 + 1e-4:
                middle = (low * high) ** 0.5
                low, high = (middle, high) if energy(middle) < 1.001 * slow else (low, middle)
            corners.append(low)
        return corners


def _falls() -> float:
    three, four = (float(adc.andrulis(bits, 1e6, 32.0)[0]) for bits in (3.0, 4.0))
    return three / four


_BELOW = ((6.0, 1e6), (8.0, 1e8))

CHECKS = (
    *(Check(PAPER, f"energy_{node}nm_{bits}b", f"energy at {node} nm and {bits} bits, 1 M, 100 M, 1 G, 10 G samples/s",
            lambda node=node, bits=bits: _found(node, bits)[0], values[0], Relative(6e-5), "five digits",
            Origin.FORMULA, "pJ") for (node, bits), values in _GRID.items()),
    *(Check(PAPER, f"area_{node}nm_{bits}b", f"area at {node} nm and {bits} bits, 1 M, 100 M, 1 G, 10 G samples/s",
            lambda node=node, bits=bits: _found(node, bits)[1], values[1], Relative(3.2e-4), "four to five digits",
            Origin.FORMULA, "um2") for (node, bits), values in _GRID.items()),
    Check(PAPER, "corner", "rate from which energy grows with it, 6, 8, 10, 12 bits", _corners,
          (1.0e10, 1.07e9, 1.14e8, 1.2e7), Relative(0.05), "two digits printed", Origin.FORMULA, "1/s"),
    Check(PAPER, "slope_exact", "d ln E / d ln f below the corner, as fitted", functools.partial(
              _slopes, *_BELOW, smooth=False, by=1), (0.0, 0.0), Absolute(0.0), "exactly flat", Origin.FORMULA),
    Check(PAPER, "falls", "energy at 3 bits over that at 4 bits, as fitted: it falls as bits grow", _falls,
          (4 / 3) ** 2.8291256050594527 * math.exp(-0.1 * math.log(10) * (6.0206 - 3.22051151097762)), Relative(1e-4),
          "single precision of a sum of large logarithms", Origin.FORMULA),
    Check(PAPER, "slope_bits", "d ln E / d bits at 6 bits and at 8 bits, slow, smooth form", functools.partial(
              _slopes, *_BELOW, smooth=True, by=0), (0.17, 0.29), Absolute(5.1e-3), "half of the last digit",
          Origin.FORMULA),
    Check(PAPER, "slope_fast", "d ln E / d bits at 8 bits and 2 G samples/s, beyond the corner", functools.partial(
              _slopes, (8.0, 2e9), smooth=True, by=0), 1.03, Absolute(5.1e-3), "half of the last digit",
          Origin.FORMULA),
    Check(PAPER, "slope_grows", "the smooth form grows with bits also at 2, 3 and 4 bits", functools.partial(
              _slopes, (2.0, 1e6), (3.0, 1e6), (4.0, 1e6), smooth=True, by=0), (), Range(0.0),
          "what the fit does not do: gradients would remove bits the wrong way", Origin.STATED),
)  # fmt: skip
