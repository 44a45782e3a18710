"""In-memory SGD: the outer product goes straight into the weights."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._cells import rested, written_to
from ._checks import made
from ._pulse_update import PulsedUpdate, outer_update
from ._rule import AbstractAlgorithm, Gradient, InMemoryRule, Written, factors, n_samples
from ._stats import WriteCost


class Sgd(AbstractAlgorithm):
    r"""$W \leftarrow W - \mathrm{lr}\sum_b x_b d_b^T$ by parallel pulses. Asymmetric devices are drawn to their
    symmetry points: the result is biased.

    **Arguments:** `device`, any pulsed device; `lr`; `pulses`, the parallel update.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016).
    """

    device: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.01, doc="Gokmen & Vlasov 2016", above=0.0)
    pulses: PulsedUpdate = eqx.field(default_factory=PulsedUpdate)

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
        """One array that holds `w`."""
        return written_to(self.device, w, key=key)

    def update(self, gradient: Gradient, state: Any, *, key: PRNGKey) -> tuple[Any, Written]:
        """One batch of pulses, and the leak of one batch."""
        outer = factors(gradient, "sgd")
        key_update, key_rest = _random.split(key, 2)
        cells, n, slots = outer_update(
            self.device, state, outer.x, outer.d, self.lr, update=self.pulses, key=key_update
        )
        return rested(self.device, cells, key=key_rest), Written({"W": n}, slots, 0.0 * slots, n_samples(outer))

    def weights(self, state: Any) -> Float[Array, "rows cols"]:
        """The array."""
        return self.device.weights(state)


def sgd(device: pulsed.AbstractPulsedDevice, *, cost: WriteCost | None = None, **hyper) -> InMemoryRule:
    """In-memory SGD on `device`; `hyper` as in `Sgd`."""
    return InMemoryRule(made(Sgd, device, hyper=hyper), WriteCost() if cost is None else cost)
