"""Mixed precision: gradients add up digitally, whole pulses go to the cells."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._cells import rested, written_to
from ._checks import made
from ._order import AbstractOrder, EverySample
from ._programmed import binned, programmed
from ._rule import AbstractAlgorithm, Gradient, InMemoryRule, Outer, Written, matrix, n_samples
from ._stats import WriteCost


class MixedPrecisionState(eqx.Module):
    """`w`, the cells; `chi`, what has not been written yet [weight]; `batches` seen."""

    w: Any
    chi: Float[Array, "rows cols"]
    batches: Int[Array, ""]


class MixedPrecision(AbstractAlgorithm):
    r"""$\chi \leftarrow \chi - \mathrm{lr}\,\sum_b x_b d_b^T$ in digital memory; every `every` batches
    $n = \mathrm{trunc}(\chi/\epsilon)$ pulses go to the cells and $\chi \leftarrow \chi - n\epsilon$.

    **Arguments:** `device`; `lr`; `every`; `threshold` $\epsilon$ [weight] (`None`: the length of a pulse);
    `max_pulses` of one write, the rest stays in $\chi$; `x_bins`, `d_bins`, levels of x and d in the product, 0 for
    floats, rounded by chance; `order`.

    **Reference:** Nandakumar et al., Front. Neurosci. 14:406 (2020). That writes are cut at 31 pulses is assumed.
    """

    device: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.01, doc="assumed", above=0.0)
    threshold: Scalar | None = physical(None, unit="1", doc="the granularity of the device", above=0.0)
    every: int = eqx.field(static=True, default=1)
    max_pulses: int = eqx.field(static=True, default=31)
    x_bins: int = eqx.field(static=True, default=0)
    d_bins: int = eqx.field(static=True, default=0)
    order: AbstractOrder = eqx.field(default_factory=EverySample)

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> MixedPrecisionState:
        """`w` in the cells, nothing to write."""
        return MixedPrecisionState(written_to(self.device, w, key=key), jnp.zeros_like(w), jnp.zeros((), jnp.int32))

    def weights(self, state: MixedPrecisionState) -> Float[Array, "rows cols"]:
        """The array."""
        return self.device.weights(state.w)

    def update(
        self, gradient: Gradient, state: MixedPrecisionState, *, key: PRNGKey
    ) -> tuple[MixedPrecisionState, Written]:
        """One batch; takes factors or a matrix."""
        key_x, key_d, key_write, key_rest = _random.split(key, 4)
        if isinstance(gradient, Outer):
            x, d = binned(gradient.x, self.x_bins, key=key_x), binned(gradient.d, self.d_bins, key=key_d)
            gradient = Outer(x, d)
        chi, batches = state.chi - self.lr * matrix(gradient), state.batches + 1
        epsilon = (self.device.granularity() if self.threshold is None else self.threshold).astype(chi.dtype)
        due = jnp.mod(batches, self.every) == 0
        n = jnp.where(due, jnp.trunc(chi / epsilon).clip(-self.max_pulses, self.max_pulses), 0.0)
        write = lambda: programmed(self.device, state.w, n, self.order, key=key_write)
        cells, pulses, slots = lax.cond(due, write, lambda: (state.w, jnp.zeros_like(n), jnp.zeros((), n.dtype)))
        state = MixedPrecisionState(rested(self.device, cells, key=key_rest), chi - n * epsilon, batches)
        return state, Written({"W": pulses}, slots, 0.0 * slots, n_samples(gradient))


def mixed_precision(device: pulsed.AbstractPulsedDevice, *, cost: WriteCost | None = None, **hyper) -> InMemoryRule:
    """Mixed-precision training on `device`; `hyper` as in `MixedPrecision`."""
    return InMemoryRule(made(MixedPrecision, device, hyper=hyper), WriteCost() if cost is None else cost)
