"""The 1.5-bit stage that pipeline and cyclic converters are made of."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar


class StageMismatch(eqx.Module):
    """Of one stage in every converter: ratio `gamma` of its capacitors, `parasitic` capacitance relative to C1,
    `offset` of the two comparators as fractions of the reference."""

    gamma: Float[Array, "*converters"]
    parasitic: Float[Array, "*converters"]
    offset: Float[Array, "*converters two"]


def draw_stages(
    shape: tuple[int, ...], sigma_capacitor: Scalar, sigma_parasitic: Scalar, sigma_comparator: Scalar, key: PRNGKey
) -> StageMismatch:
    """Stages of `shape`; both capacitors and the parasitic one vary independently, relative to C1's nominal value."""
    key_1, key_2, key_parasitic, key_comparator = _random.split(key, 4)
    dtype = sigma_capacitor.dtype
    c_1 = 1.0 + sigma_capacitor * _random.normal(key_1, shape, dtype)
    c_2 = 1.0 + sigma_capacitor * _random.normal(key_2, shape, dtype)
    return StageMismatch(
        gamma=c_2 / c_1,
        parasitic=sigma_parasitic * _random.normal(key_parasitic, shape, dtype) / c_1,
        offset=sigma_comparator * _random.normal(key_comparator, (*shape, 2), dtype),
    )


def residue(
    v: Float[Array, " cols"], mismatch: StageMismatch | None, gain: Scalar
) -> tuple[Float[Array, " cols"], Float[Array, " cols"]]:
    r"""One stage: the decision d in {-1, 0, 1} by thresholds of $\pm1/4$, and what is left of `v`, doubled:

    $$V' = \frac{(1 + \gamma) V - d\,\gamma}{1 + 1/(A \beta)}, \qquad \gamma = \frac{C_2}{C_1}, \quad
      \beta = \frac{C_1}{C_1 + C_2 + C_{par}}$$
    """
    gamma, parasitic, low, high = jnp.ones_like(v), jnp.zeros_like(v), -0.25, 0.25
    if mismatch is not None:
        gamma, parasitic = mismatch.gamma, mismatch.parasitic
        low, high = low + mismatch.offset[..., 0], high + mismatch.offset[..., 1]
    d = (v > high).astype(v.dtype) - (v < low).astype(v.dtype)
    beta = 1.0 / (1.0 + gamma + parasitic)
    return d, ((1.0 + gamma) * v - d * gamma) / (1.0 + 1.0 / (gain * beta))


def convert(v: Float[Array, " cols"], stages: StageMismatch | None, gain: Scalar, bits: int) -> Float[Array, " cols"]:
    """The code of `v`, a fraction of the reference, by `bits - 1` stages (a leading axis of `stages`) and a last
    ternary decision. Without a gradient."""
    stages, gain = lax.stop_gradient((stages, gain))

    def step(carry: tuple[Array, Array], stage: StageMismatch | None) -> tuple[tuple[Array, Array], None]:
        v, code = carry
        d, v = residue(v, stage, gain)
        return (v, 2.0 * code + d), None

    (v, code), _ = lax.scan(step, (v, jnp.zeros_like(v)), stages, length=bits - 1)
    return code + (v > 0.5).astype(v.dtype) - (v < -0.5).astype(v.dtype)
