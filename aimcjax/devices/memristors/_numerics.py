"""The Boltzmann constant in volts per kelvin, exponentials that stay finite, and motion that ends softly at a bound."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import Scalar


BOLTZMANN = 1.380649e-23 / 1.602176634e-19  # k/q [V/K], exact since 2019
BOLTZMANN_STANFORD = 1.3806503e-23 / 1.6e-19  # k/q [V/K] with the constants of the Stanford model


_STRAIGHT = 60.0  # e^60 is 1e26: faster than any process, and finite in single precision after scaling


def limited_exp(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`exp(x)`, continued as a straight line beyond 60: rates far outside of a model's range stay finite, and so do
    their slopes. What circuit simulators call limexp."""
    return jnp.exp(jnp.minimum(x, _STRAIGHT)) * (1.0 + jnp.maximum(x - _STRAIGHT, 0.0))


def limited_expm1(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`exp(x) - 1`, continued like `limited_exp`."""
    return jnp.where(x < 1.0, jnp.expm1(jnp.minimum(x, 1.0)), limited_exp(x) - 1.0)


def limited_sinh(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`sinh(x)`, continued like `limited_exp`."""
    small = jnp.abs(x) < 1.0
    return jnp.where(small, jnp.sinh(jnp.where(small, x, 0.0)), 0.5 * (limited_exp(x) - limited_exp(-x)))


def sinh_over(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`sinh(x) / x`, one at zero, with the right slope there."""
    small = jnp.abs(x) < 1e-2
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 + x**2 / 6.0 * (1.0 + x**2 / 20.0), limited_sinh(safe) / safe)


def slowed(rate: Scalar, x: Scalar, low: Scalar, high: Scalar, width: Scalar) -> Scalar:
    r"""`rate` times $1 - e^{-d/w}$, with d the distance to the bound that `rate` moves `x` to and w the `width`.

    A rate that stops at once at a bound leaves an implicit solver without a root. At `width` zero it does stop at once.
    """
    distance = jnp.where(rate > 0, high - x, x - low)
    safe = jnp.where(width > 0, width, jnp.ones_like(width))
    return rate * jnp.where(width > 0, -jnp.expm1(-distance / safe), jnp.ones_like(rate))
