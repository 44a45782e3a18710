"""Products with arrays that learn: ideal, or through converters with noise and bound management."""

import abc

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...periphery import AbsMax, AbstractRange, BoundManagement, managed_product


class AbstractMvm(eqx.Module):
    """How an array is read: forward, backward (with the transposed weights) and in transfers, each with its own."""

    @abc.abstractmethod
    def __call__(
        self, w: Float[Array, "rows cols"], x: Float[Array, " rows"], *, key: PRNGKey
    ) -> Float[Array, " cols"]:
        """`x @ w`, as good as it gets."""


class IdealMvm(AbstractMvm):
    """The exact product."""

    def __call__(
        self, w: Float[Array, "rows cols"], x: Float[Array, " rows"], *, key: PRNGKey
    ) -> Float[Array, " cols"]:
        """`x @ w`."""
        del key
        return jnp.matmul(x, w, precision=lax.Precision.HIGHEST)


class NoisyMvm(AbstractMvm):
    r"""$y = s\,\mathrm{adc}(\mathrm{dac}(x/s)\,w + \sigma\xi)$: inputs scaled into [-1, 1] and rounded, outputs with
    noise, cut at a bound and rounded; s from noise management, and larger until no output saturates.

    **Arguments:** `in_step`, `out_step`, the steps of the converters as a part of their range on one side (0 for
    none); `out_bound` and `out_noise` $\sigma$, in units of the output of a full input at a weight of 1; `range` of
    noise management; `bound`, bound management, `None` for none.

    **Reference:** AIHWKit's PresetIOParameters: `in_step` 2/126, `out_step` 2/510.
    """

    in_step: Scalar = physical(2 / 126, doc="AIHWKit: inp_res 1/126 of the whole range")
    out_step: Scalar = physical(2 / 510, doc="AIHWKit: out_res 1/510 of the whole range")
    out_bound: Scalar = physical(20.0, doc="AIHWKit: out_bound")
    out_noise: Scalar = physical(0.1, doc="AIHWKit: out_noise")
    range: AbstractRange = eqx.field(default_factory=AbsMax)
    bound: BoundManagement | None = eqx.field(default_factory=BoundManagement)

    def __call__(
        self, w: Float[Array, "rows cols"], x: Float[Array, " rows"], *, key: PRNGKey
    ) -> Float[Array, " cols"]:
        """A managed product."""

        def product(x: Float[Array, " rows"], key: PRNGKey) -> tuple[Float[Array, " cols"], Bool[Array, ""]]:
            y = jnp.matmul(_rounded(x.clip(-1.0, 1.0), self.in_step), w, precision=lax.Precision.HIGHEST)
            y = y + self.out_noise * _random.normal(key, y.shape, y.dtype)
            bound = self.out_bound.astype(y.dtype)
            cut = jnp.minimum(jnp.maximum(y, -bound), bound)
            return _rounded(cut, self.out_step * bound), jnp.any(jnp.abs(y) > bound)

        return managed_product(product, x, key=key, noise=self.range, bound=self.bound)


def transfer_mvm() -> NoisyMvm:
    """How presets read an array for a transfer: `NoisyMvm` without bound management."""
    return NoisyMvm(bound=None)


def _rounded(x: Float[Array, "..."], step: Scalar) -> Float[Array, "..."]:
    safe = jnp.where(step > 0, step, 1.0).astype(x.dtype)
    return jnp.where(step > 0, jnp.round(x / safe) * safe, x)
