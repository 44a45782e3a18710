"""Steps and thresholds that are smooth over a width; at width zero they are the sharp functions of the papers.

Outside the width they are the sharp functions too, not nearly so: a cell below its threshold rests for years.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import Scalar


def positive_part(x: Float[Array, "*n"], width: Scalar) -> Float[Array, "*n"]:
    r"""$(x + w)^2 / 4w$ for $|x| < w$, otherwise $\max(x, 0)$; once differentiable while w is positive.

    **Arguments:** `x`; `width` w in the unit of `x`, zero or positive.
    """
    sharp = jnp.where(x > 0, x, jnp.zeros_like(x))
    return jnp.where(jnp.abs(x) < width, jnp.square(x + width) / (4 * _safe(width)), sharp)


def step(x: Float[Array, "*n"], width: Scalar) -> Float[Array, "*n"]:
    r"""$u^2 (3 - 2u)$ with $u = (x + w) / 2w$ for $|x| < w$, otherwise 0 below zero and 1 from zero on.

    **Arguments:** `x`; `width` w in the unit of `x`, zero or positive.
    """
    sharp = jnp.where(x >= 0, jnp.ones_like(x), jnp.zeros_like(x))
    u = (x + width) / (2 * _safe(width))
    return jnp.where(jnp.abs(x) < width, jnp.square(u) * (3 - 2 * u), sharp)


def power(base: Float[Array, "*n"], exponent: Scalar) -> Float[Array, "*n"]:
    """`base ** exponent`, zero with zero gradients (also in `exponent`) where `base` is not positive."""
    positive = base > 0
    # The branch that is not taken must have finite derivatives, or their product with zero is NaN.
    inside = jnp.where(positive, base, jnp.ones_like(base))
    # On a processor several times faster than `**`, which is not vectorised there.
    return jnp.where(positive, jnp.exp(exponent * jnp.log(inside)), jnp.zeros_like(base))


def _safe(width: Scalar) -> Scalar:
    return jnp.where(width > 0, width, jnp.ones_like(width))
