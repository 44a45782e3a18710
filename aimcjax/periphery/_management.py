"""Noise and bound management: vectors are scaled into the range of the DAC, and down until no ADC saturates."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Float

from .._types import PRNGKey, Scalar, physical
from ._checks import check_part
from ._ranges import AbsMax, AbstractRange


Product = Callable[[Float[Array, " n_in"], PRNGKey], tuple[Float[Array, " n_out"], Bool[Array, ""]]]


class BoundManagement(eqx.Module):
    r"""Repeats a product that saturated with the inputs divided by r = 1, 2, 4, ...; the last repetition is the first
    with $r > r_{max}$ or with a DAC resolution $r / (2^{bits} - 2) > \rho / 2$, and counts even if it saturated.

    **Arguments:** `max_factor` ($r_{max}$); `max_resolution` ($\rho$); `dac_bits`, of the DAC; `fallback`, a range that
    takes the place of the first one from the second round on (`AbsMaxNpSum` for AIHWKit's ITERATIVE_WORST_CASE).

    **Reference:** AIHWKit, ITERATIVE, with its defaults (7-bit DAC: r up to 16). Per vector as in its C++ code; its
    torch code repeats the whole batch if one vector saturated.
    """

    max_factor: Scalar = physical(1000.0, doc="AIHWKit: max_bm_factor")
    max_resolution: Scalar = physical(0.25, doc="AIHWKit: max_bm_res")
    dac_bits: Scalar = physical(7.0, doc="AIHWKit: inp_res 1/126", above=1.0)
    fallback: AbstractRange | None = None

    def __check_init__(self) -> None:
        if self.fallback is not None:
            check_part("fallback", self.fallback, AbstractRange, "a range such as `AbsMaxNpSum()`")

    def scale(self, alpha: Scalar, x: Float[Array, " n_in"], n: Scalar) -> tuple[Scalar, Scalar]:
        """Range in round `n` from the first range `alpha`, and the factor r in it."""
        if self.fallback is None:
            return alpha * 2.0**n, 2.0**n
        later = n > 0
        r = jnp.where(later, 2.0 ** (n - 1.0), 1.0)
        return jnp.where(later, self.fallback(x), alpha) * r, r

    def is_last(self, r: Scalar) -> Bool[Array, ""]:
        """Whether a round with factor `r` is not followed by another."""
        return (jnp.floor(r) > self.max_factor) | (r / (2.0**self.dac_bits - 2.0) > self.max_resolution / 2.0)


def managed_product(
    product: Product,
    x: Float[Array, " n_in"],
    *,
    key: PRNGKey,
    noise: AbstractRange | None = None,
    bound: BoundManagement | None = None,
) -> Float[Array, " n_out"]:
    r"""$y = s\,\mathrm{product}(x / s)$ with $s = \alpha r$: $\alpha$ from noise management, r from bound management.

    **Arguments:** `product(x, key)` gives outputs and whether any of them saturated; `x`, one vector; `noise`, a range,
    `AbsMax()` if `None`; `bound`, a `BoundManagement`, `None` for one round. Noise is drawn anew in each round.

    **Returns:** outputs in units of `x`; exactly zero where the range is not positive. `vmap` over vectors decides for
    each by itself (and computes as long as the slowest).

    **Gradient:** that of the last round with its factor r held fixed; the last round is computed twice.
    """
    alpha = (AbsMax() if noise is None else noise)(x)
    safe = jnp.where(alpha > 0, alpha, jnp.ones_like(alpha))
    if bound is None:
        s, key_last = safe, jr.fold_in(key, 0)
    else:
        n = _last_round(product, x, safe, bound, key)
        s, key_last = bound.scale(safe, x, n.astype(x.dtype))[0], jr.fold_in(key, n)
        s = jnp.where(s > 0, s, jnp.ones_like(s))
    y, _ = product(x / s, key_last)
    return jnp.where(alpha > 0, s * y, jnp.zeros_like(y))


def _last_round(
    product: Product, x: Float[Array, " n_in"], alpha: Scalar, bound: BoundManagement, key: PRNGKey
) -> Array:
    x, alpha, bound = lax.stop_gradient((x, alpha, bound))

    def repeat(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        n = carry[0] + 1
        s, r = bound.scale(alpha, x, n.astype(x.dtype))
        _, saturated = product(x / jnp.where(s > 0, s, jnp.ones_like(s)), jr.fold_in(key, n))
        return n, bound.is_last(r) | ~saturated

    start = (jnp.asarray(-1, jnp.int32), jnp.asarray(False))
    return lax.while_loop(lambda carry: ~carry[1], repeat, start)[0]
