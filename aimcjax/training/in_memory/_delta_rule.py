"""Prezioso's Manhattan rule: the sign of an accumulated gradient, one and the same pulse for every cell."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._cells import rested, written_to
from ._checks import made
from ._order import AbstractOrder, EverySample
from ._programmed import programmed
from ._rule import AbstractAlgorithm, Gradient, InMemoryRule, Written, matrix, n_samples
from ._stats import WriteCost


class DeltaRuleState(eqx.Module):
    """`w`, the cells; `total`, the gradient since the last write; `batches` seen."""

    w: Any
    total: Float[Array, "rows cols"]
    batches: Int[Array, ""]


class DeltaRule(AbstractAlgorithm):
    r"""$W \leftarrow W - \delta\,\mathrm{sgn}\,\sum_b x_b d_b^T$ after every `every` batches (an epoch, in the paper),
    with `pulses` equal pulses for every cell whose gradient exceeds `threshold` in magnitude.

    For differential pairs give a `OneSidedPair`, or a device with both directions for each pair.

    **Reference:** Prezioso et al., Nature 521:61 (2015), the batch Manhattan rule. The paper has no threshold.
    """

    device: pulsed.AbstractPulsedDevice
    threshold: Scalar = physical(0.0, doc="Prezioso 2015: none")
    every: int = eqx.field(static=True, default=1)
    pulses: int = eqx.field(static=True, default=1)
    order: AbstractOrder = eqx.field(default_factory=EverySample)

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> DeltaRuleState:
        """`w` in the cells."""
        return DeltaRuleState(written_to(self.device, w, key=key), jnp.zeros_like(w), jnp.zeros((), jnp.int32))

    def weights(self, state: DeltaRuleState) -> Float[Array, "rows cols"]:
        """The array."""
        return self.device.weights(state.w)

    def update(self, gradient: Gradient, state: DeltaRuleState, *, key: PRNGKey) -> tuple[DeltaRuleState, Written]:
        """One batch; takes factors or a matrix."""
        key_write, key_rest = _random.split(key, 2)
        total, batches = state.total + matrix(gradient), state.batches + 1
        due = jnp.mod(batches, self.every) == 0
        n = jnp.where(due & (jnp.abs(total) > self.threshold), -self.pulses * jnp.sign(total), 0.0)
        cells, pulses, slots = programmed(self.device, state.w, n, self.order, key=key_write)
        state = DeltaRuleState(rested(self.device, cells, key=key_rest), jnp.where(due, 0.0, total), batches)
        return state, Written({"W": pulses}, slots, 0.0 * slots, n_samples(gradient))


def delta_rule(device: pulsed.AbstractPulsedDevice, *, cost: WriteCost | None = None, **hyper) -> InMemoryRule:
    """The Manhattan delta rule on `device`; `hyper` as in `DeltaRule`."""
    return InMemoryRule(made(DeltaRule, device, hyper=hyper), WriteCost() if cost is None else cost)
