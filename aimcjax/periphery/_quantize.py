"""Every step that has no derivative, with the surrogate that stands in for it."""

import jax
import jax.numpy as jnp
from jax import lax
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
    Inside is what needs no clipping once it is rounded: up to half a step beyond `bound`.

    **Reference:** Rasch et al., Nat. Commun. 14:5282 (2023), Methods.
    """
    largest = 0.5 * (2.0**bits - 2.0)
    step = bound / largest
    # A division, which XLA does not repeat, with all that is before it, in everything that takes the result
    code = round_straight_through(z / step)
    # Codes are compared, not products with the step: rounding could put the last one, and its gradient, outside
    return step * jnp.where(code > largest, largest, jnp.where(code < -largest, -largest, code))


def clamp(z: Float[Array, "*n"], bound: Float[Array, "*#n"] | Scalar | float) -> Float[Array, "*n"]:
    """`z` limited to `bound` either way. **Gradient:** with respect to `z` where $|z| \\le b$ (`jax.numpy.clip` halves
    it on the bound), with respect to `bound` elsewhere."""
    return jnp.where(z > bound, bound, jnp.where(z < -bound, -bound, z))


@jax.custom_vjp
def saturate(x: Float[Array, "*n"], bound: Scalar) -> Float[Array, "*n"]:
    r"""`clamp(x, bound)`. **Gradient:** with cotangent g, with respect to `x` g where $|x| \le b$, and with respect to
    `bound`
    $$b\Big(\sum_{x \ge b}\min(g, 0) - \sum_{x \le -b}\max(g, 0)\Big) :$$
    relative to the bound, and only ever such that a descent widens it; what narrows it is decay.

    **Reference:** AIHWKit, `gradient_relative`; AIHWKit-Lightning does the same.
    """
    return clamp(x, bound)


def _saturate_forward(x: Array, bound: Array) -> tuple[Array, tuple[Array, Array]]:
    return clamp(x, bound), (x, bound)


def _saturate_backward(residuals: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, bound = residuals
    outward = jnp.where(x >= bound, jnp.minimum(g, 0.0), jnp.where(x <= -bound, -jnp.maximum(g, 0.0), 0.0))
    return jnp.where(jnp.abs(x) <= bound, g, 0.0), bound * jnp.sum(outward)


saturate.defvjp(_saturate_forward, _saturate_backward)


def quantize_learned(
    w: Float[Array, "*n"], bound: Float[Array, "*#n"], bits: Scalar | None, gradient_scale: Scalar | float = 1.0
) -> Float[Array, "*n"]:
    r"""`w` within a learned `bound` c, in the same unit, in steps of $\Delta = 2c/(2^{bits} - 2)$; without steps if
    `bits` is `None`.

    **Gradient:** with respect to `w` one where $|w| \le c$ and zero elsewhere; with respect to c `gradient_scale` times
    $\mathrm{sign}(w)$ outside and $(\mathrm{round}(w/\Delta) - w/\Delta)\,\Delta/c$ inside.

    **Reference:** LSQ, Esser et al., ICLR 2020, equations 2 and 3, for the bound instead of the step.
    """
    held = lax.stop_gradient(bound)
    bound = held + gradient_scale * (bound - held)
    outside = jnp.sign(lax.stop_gradient(w)) * bound
    if bits is None:
        return jnp.where(jnp.abs(w) <= held, w, outside)
    largest = (2.0**bits - 2.0) / 2.0
    code = lax.stop_gradient(w) / held * largest
    return jnp.where(jnp.abs(w) <= held, w + bound * ((jnp.round(code) - code) / largest), outside)


@jax.custom_jvp
def replace_gradient(value: Float[Array, "*n"], smooth: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`value` exactly. **Gradient:** that of `smooth`, which stands in for it; none with respect to what `value` is
    made of. For converters whose decisions are comparisons, `smooth` is what the ideal converter gives."""
    del smooth
    return value


@replace_gradient.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    return replace_gradient(*primals), tangents[1]


def quantize_stochastic(
    z: Float[Array, "*n"], bound: Scalar, bits: Scalar, u: Float[Array, "*n"]
) -> Float[Array, "*n"]:
    r"""Stochastic rounding, $\mathrm{clip}_{\pm b}(\Delta\lfloor z/\Delta + u\rfloor)$ with the step of `quantize`:
    inside the range the mean over `u` is `z`.

    **Arguments:** as `quantize`; `u`, uniform in (0, 1).

    **Gradient:** that of $\mathrm{clip}_{\pm b}(z)$: of the mean.

    **Reference:** Gupta et al., ICML 2015, section 3.
    """
    step = 2.0 * bound / (2.0**bits - 2.0)
    rounded = step * jnp.floor(lax.stop_gradient(z / step) + u)
    return replace_gradient(clamp(rounded, bound), clamp(z, bound))


def quantize_levels(x: Float[Array, " *n"], levels: Float[Array, "#n codes"], bits: int) -> Float[Array, " *n"]:
    r"""The nearest of the $2^{bits}-1$ codes for `x` in [-1, 1], then the level that this converter has for it.

    **Arguments:** `x`, one number a converter; `levels`, what each code gives, per converter or one row for all.

    **Gradient:** with respect to `x` one inside [-1, 1] and zero outside, as `quantize`; with respect to `levels` that
    of the lookup.
    """
    largest = 2 ** (bits - 1) - 1
    code = jnp.clip(jnp.round(lax.stop_gradient(x) * largest), -largest, largest).astype(jnp.int32)
    levels = jnp.broadcast_to(levels, (x.shape[0], levels.shape[1]))
    picked = jnp.take_along_axis(levels, code[:, None] + largest, axis=1)[:, 0]
    picked = jnp.where(jnp.isnan(x), x, picked)
    return replace_gradient(picked, clamp(x, 1.0) + picked)


def digits(x: Float[Array, " *n"], bits: int, slice_bits: int) -> Float[Array, "slices *n"]:
    r"""Digits $d_k$ of base $2^{s}$, lowest first and with the sign of `x`, of the code of `bits` nearest to `x`:
    $\mathrm{round}(x M) = \sum_k 2^{sk} d_k$, $M = 2^{bits-1}-1$, for `x` saturated to [-1, 1].

    **Arguments:** `x`; `bits`, with the sign; `slice_bits` (s), of one digit.

    **Gradient:** $M / \sum_k 2^{sk}$ for every digit inside [-1, 1] and zero outside: what recombines them has the
    slope of `quantize`.
    """
    largest = 2 ** (bits - 1) - 1
    n_slices = -(-(bits - 1) // slice_bits)
    code = jnp.round(lax.stop_gradient(x).clip(-1.0, 1.0) * largest)
    magnitude, base = jnp.abs(code), 2.0**slice_bits
    # Floats hold these integers exactly; below 2^24 also in single precision
    found = [jnp.sign(code) * jnp.mod(jnp.floor(magnitude / base**k), base) for k in range(n_slices)]
    slope = largest / sum(base**k for k in range(n_slices))
    smooth = jnp.broadcast_to(slope * clamp(x, 1.0), (n_slices, *x.shape))
    return replace_gradient(jnp.stack(found), smooth)


def decide(z: Float[Array, "*n"], threshold: Float[Array, "*#n"], bound: Scalar) -> Float[Array, "*n"]:
    r"""Binary decision, $+1$ where `z` is above `threshold` and $-1$ elsewhere; NaN where `z` is.

    **Gradient:** with respect to `z` that of $\mathrm{clip}(z / b, -1, 1)$, b the `bound` (Hubara et al., NeurIPS
    2016), none with respect to `threshold`.
    """
    binary = jnp.where(z > threshold, jnp.ones_like(z), -jnp.ones_like(z))
    return replace_gradient(jnp.where(jnp.isnan(z), z, binary), clamp(z / bound, 1.0))


def decide_ternary(z: Float[Array, "*n"], threshold: Float[Array, "*#n"], bound: Scalar) -> Float[Array, "*n"]:
    r"""Ternary decision, the sign of `z` where its magnitude is above `threshold`, zero elsewhere, NaN where `z` is.

    **Gradient:** as `decide`.
    """
    ternary = jnp.where(jnp.abs(z) > threshold, jnp.sign(z), jnp.zeros_like(z))
    return replace_gradient(jnp.where(jnp.isnan(z), z, ternary), clamp(z / bound, 1.0))
