"""The regression of Andrulis et al. on published ADCs: energy and area from resolution, rate and node."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from .._types import Scalar
from ..units import nm, pJ, um2


_FEWEST_BITS = 4.388  # where the fitted energy is smallest: 2.8291 / (0.1 ln 10 (6.0206 - 3.2205))


def log_energy_exact(bits: Scalar, rate: Scalar, node: Scalar) -> Scalar:
    """Logarithm of the energy [J] of a conversion, as fitted."""
    cap = 128.3068287398817 + 3.22051151097762 * jnp.ceil(bits).clip(0.0, 20.0)
    return _log_energy(bits, jnp.minimum(_by_rate(rate), cap), node)


def log_energy_smooth(bits: Scalar, rate: Scalar, node: Scalar, width: Scalar) -> Scalar:
    r"""The same without jumps and kinks: the cap on the figure of merit linear in bits, the smaller of the two figures
    as $-w \ln(e^{-a/w} + e^{-b/w})$, and energy that never falls with resolution."""
    bits = _FEWEST_BITS + 0.25 * jax.nn.softplus((bits - _FEWEST_BITS) / 0.25)
    cap = 128.3068287398817 + 3.22051151097762 * bits
    merit = -width * jnp.logaddexp(-_by_rate(rate) / width, -cap / width)
    return _log_energy(bits, merit, node)


def log_area(log_energy: Scalar, rate: Scalar, node: Scalar) -> Scalar:
    """Logarithm of the area [m2] of one ADC from that of its energy [J] per conversion."""
    return (
        (1.3461916439910742 + math.log(um2))
        + 0.9932794744745022 * jnp.log(node / nm)
        + 0.18071538424508238 * jnp.log(rate)
        + 0.29912426192653485 * (log_energy - math.log(pJ))
    )


def _by_rate(rate: Scalar) -> Any:
    return 213.7806687348118 - 2.8719030399529957 * jnp.log(rate)


def _log_energy(bits: Scalar, merit: Any, node: Scalar) -> Scalar:
    sndr = 6.0206 * bits + 1.76091
    return (
        (26.0496215686518 - 1.4702022133784405 - math.log(2.0) + math.log(pJ))
        + (math.log(10.0) / 10.0) * (sndr - merit)
        + 1.8800369206815004 * jnp.log(node / nm)
        - 2.8291256050594527 * jnp.log(bits)
    )
