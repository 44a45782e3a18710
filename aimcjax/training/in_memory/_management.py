"""How often which line fires: the amplitudes of pulse trains and their length, chosen for every sample."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import Scalar, physical


Rate = Float[Array, ""] | Float[Array, " batch"]  # of all samples, or of each


class Lines(eqx.Module):
    """What the periphery does with samples: the probabilities $p_x$, $p_d$ that a line fires in one slot, each with
    the sign of its line, and the `length` of the train in slots. A cell whose lines have the same sign goes down."""

    x: Float[Array, "*batch rows"]
    d: Float[Array, "*batch cols"]
    length: Float[Array, "*batch"]


class Management(eqx.Module):
    r"""Update management and update BL management, for every sample: with g the granularity of the device,
    $X = \max|x|$, $D = s\max|d|$ and $k = \mathrm{lr}\,XD/g$, the pulses that the largest element needs,

    $$L = \min(\lceil k\rceil, L_{max}), \qquad p_x = |x|\sqrt{\frac{\mathrm{lr}}{gL}\,\frac{D}{X}}, \qquad
      p_d = |d|\sqrt{\frac{\mathrm{lr}}{gL}\,\frac{X}{D}}$$
    If $k > L_{max}$, D is reduced by $L_{max}/k$: x never saturates, the largest d do.

    **Arguments:** `length` $L_{max}$ in slots; `adapt_length`, whether L follows k (else it is $L_{max}$); `balance`,
    whether the factors D/X and X/D are there; `resolution` of the probabilities, 0 for none; `d_scale` s.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016) for C; Gokmen et al., Front. Neurosci. 11:538
    (2017) for the management, with the defaults of AIHWKit.
    """

    length: int = eqx.field(static=True, default=31)
    adapt_length: bool = eqx.field(static=True, default=True)
    balance: bool = eqx.field(static=True, default=True)
    resolution: Scalar = physical(0.0, doc="AIHWKit: none")
    d_scale: Scalar = physical(1.0, doc="AIHWKit: um_grad_scale")

    def __check_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"a pulse train has at least one slot, got length={self.length}")

    def lines(
        self, x: Float[Array, "batch rows"], d: Float[Array, "batch cols"], lr: Rate, granularity: Scalar
    ) -> Lines:
        """The lines of every sample for `w -= lr x d`; `lr` of all or of each."""
        one = lambda x, d, lr: self._lines(x, d, lr, jnp.asarray(granularity, x.dtype))
        return jax.vmap(one)(x, d, jnp.broadcast_to(jnp.asarray(lr, x.dtype), x.shape[:1]))

    def _lines(self, x: Float[Array, " rows"], d: Float[Array, " cols"], lr: Scalar, granularity: Scalar) -> Lines:
        largest_x, largest_d = jnp.max(jnp.abs(x)), self.d_scale.astype(x.dtype) * jnp.max(jnp.abs(d))
        amount = jnp.abs(lr) / granularity
        k, limit = amount * largest_x * largest_d, float(self.length)
        something = k > 0
        length = jnp.minimum(jnp.ceil(k), limit) if self.adapt_length else jnp.full_like(k, limit)
        amplitude = jnp.sqrt(amount / jnp.maximum(length, 1.0))
        ratio = jnp.ones_like(k)
        if self.balance:
            reduced = largest_d / jnp.maximum(k / limit, 1.0)
            ratio = jnp.sqrt(jnp.where(something, largest_x, 1.0) / jnp.where(something, reduced, 1.0))
        p_x, p_d = x * (amplitude / ratio), d * (jnp.sign(lr) * amplitude * ratio)
        return Lines(
            x=jnp.where(something, self._resolved(p_x), 0.0),
            d=jnp.where(something, self._resolved(p_d), 0.0),
            length=jnp.where(something, length, 0.0),
        )

    def _resolved(self, p: Float[Array, " n"]) -> Float[Array, " n"]:
        step = jnp.where(self.resolution > 0, self.resolution, 1.0).astype(p.dtype)
        return jnp.where(self.resolution > 0, jnp.round(p / step) * step, p)
