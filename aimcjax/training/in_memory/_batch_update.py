"""The update of DNN+NeuroSim: the gradient of a batch, rounded to pulses, written cell by cell."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._cells import rested, written_to
from ._checks import made
from ._order import AbstractOrder, EverySample
from ._programmed import programmed, stochastic_round
from ._rule import AbstractAlgorithm, Gradient, InMemoryRule, Written, matrix, n_samples
from ._stats import WriteCost


class BatchUpdate(AbstractAlgorithm):
    r"""$n = \mathrm{round}(-\mathrm{lr}\,G / \epsilon)$ pulses for every cell with the gradient G of the batch and the
    nominal pulse $\epsilon$, along the cell's own curve of potentiation or depression.

    Nothing is remembered: gradients below half a pulse are lost, unless rounded by chance (`stochastic`).

    **Reference:** Peng et al., DNN+NeuroSim V2.0, IEEE TCAD 40:2306 (2021): with `pulsed.preset("neurosim_default")`.
    There all pulses of a batch share one noise; `stochastic` is ours.
    """

    device: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.01, doc="assumed", above=0.0)
    stochastic: bool = eqx.field(static=True, default=False)
    max_pulses: int = eqx.field(static=True, default=32)
    order: AbstractOrder = eqx.field(default_factory=EverySample)

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
        """`w` in the cells."""
        return written_to(self.device, w, key=key)

    def weights(self, state: Any) -> Float[Array, "rows cols"]:
        """The array."""
        return self.device.weights(state)

    def update(self, gradient: Gradient, state: Any, *, key: PRNGKey) -> tuple[Any, Written]:
        """One batch; takes factors or a matrix."""
        key_round, key_write, key_rest = _random.split(key, 3)
        wanted = -self.lr * matrix(gradient) / self.device.granularity()
        n = stochastic_round(wanted, key=key_round) if self.stochastic else jnp.round(wanted)
        n = n.clip(-self.max_pulses, self.max_pulses)
        cells, pulses, slots = programmed(self.device, state, n, self.order, key=key_write)
        return rested(self.device, cells, key=key_rest), Written({"W": pulses}, slots, 0.0 * slots, n_samples(gradient))


def batch_update(device: pulsed.AbstractPulsedDevice, *, cost: WriteCost | None = None, **hyper) -> InMemoryRule:
    """The update of DNN+NeuroSim on `device`; `hyper` as in `BatchUpdate`."""
    return InMemoryRule(made(BatchUpdate, device, hyper=hyper), WriteCost() if cost is None else cost)
