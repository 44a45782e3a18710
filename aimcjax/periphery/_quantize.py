"""Every step that has no derivative, with the surrogate that stands in for it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar


@jax.custom_jvp
def round_straight_through(z: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Rounds half to even. **Gradient:** one (straight-through, Bengio et al., arXiv:1308.3432)."""
    return jnp.round(z)


@round_straight_through.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    return round_straight_through(*primals), tangents[0]


def quantize(z: Float[Array, "*n"], bound: Scalar, bits: Scalar) -> Float[Array, "*n"]:
    r"""Symmetric mid-tread quantiser, $\mathrm{clip}_{\pm b}(\Delta\,\mathrm{round}(z/\Delta))$ with
    $\Delta = 2b/(2^{bits} - 2)$: 8 bits are the 255 codes -127 ... 127.

    **Arguments:** `z` and `bound` in the same unit; `bits` may be any real number above 1, and is an array so that
    changing it does not recompile.

    **Gradient:** with respect to `z` one inside the range and zero outside; with respect to `bound`
    $\pm1$ outside and $\mathrm{round}(z/\Delta)\Delta/b - z/b$ inside, which is LSQ's (Esser et al., ICLR 2020).

    **Reference:** Rasch et al., Nat. Commun. 14:5282 (2023), Methods.
    """
    step = 2.0 * bound / (2.0**bits - 2.0)
    return (step * round_straight_through(z / step)).clip(-bound, bound)
