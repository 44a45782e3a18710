"""Steps and thresholds that are smooth over a width; at width zero they are the sharp functions of the papers."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import Scalar


def positive_part(x: Float[Array, "*n"], width: Scalar) -> Float[Array, "*n"]:
    r"""$w \ln(1 + e^{x/w})$, exactly $\max(x, 0)$ at `width` zero.

    **Arguments:** `x`; `width` w in the unit of `x`, zero or positive. The two differ by at most $w \ln 2$, at zero.
    """
    sharp = jnp.where(x > 0, x, jnp.zeros_like(x))
    return jnp.where(width > 0, _safe(width) * jax.nn.softplus(x / _safe(width)), sharp)


def step(x: Float[Array, "*n"], width: Scalar) -> Float[Array, "*n"]:
    r"""$1 / (1 + e^{-x/w})$, exactly 0 below zero and 1 from zero on at `width` zero.

    **Arguments:** `x`; `width` w in the unit of `x`, zero or positive.
    """
    sharp = jnp.where(x >= 0, jnp.ones_like(x), jnp.zeros_like(x))
    return jnp.where(width > 0, jax.nn.sigmoid(x / _safe(width)), sharp)


def power(base: Float[Array, "*n"], exponent: Scalar) -> Float[Array, "*n"]:
    """`base ** exponent`, zero with zero gradients (also in `exponent`) where `base` is not positive."""
    positive = base > 0
    inside = jnp.where(positive, base, jnp.ones_like(base))
    return jnp.where(positive, inside**exponent, jnp.zeros_like(base))


def _safe(width: Scalar) -> Scalar:
    # The branch that is not taken must have finite derivatives, or their product with zero is NaN.
    return jnp.where(width > 0, width, jnp.ones_like(width))
