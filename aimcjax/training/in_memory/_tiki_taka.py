"""Tiki-Taka: gradients fill a fast array, whose reads are pulsed into the slow one."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._management import Rate
from ._mvm import AbstractMvm, IdealMvm
from ._pulse_update import PulsedUpdate
from ._rule import InMemoryRule, Outer
from ._stats import WriteCost
from ._streams import AbstractCoincidences
from ._transfer import AbstractTransfer, Row, TransferState, on_two_arrays


class TikiTaka(AbstractTransfer):
    r"""$A \leftarrow A - \lambda_A\,xd^T$ by parallel pulses; every `every` samples one row k is read and written,
    $W_k \leftarrow W_k + \lambda_W A_k$, by pulses as well. Products see $W + \gamma A$.

    **Arguments:** `fast`, `slow` devices; `lr`; `fast_lr` $\lambda_A$; `transfer_lr`, $\lambda_W$ in units of `lr`;
    `gamma`; `every`; `pulses` of the fast array and `transfer_pulses` of the slow one; `read`, how A is read.

    **Reference:** Gokmen & Haensch, Front. Neurosci. 14:103 (2020).
    """

    fast: pulsed.AbstractPulsedDevice
    slow: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.01, doc="assumed", above=0.0)
    fast_lr: Scalar = physical(0.01, doc="assumed: that of the slow array")
    transfer_lr: Scalar = physical(1.0, doc="AIHWKit")
    gamma: Scalar = physical(0.0, doc="AIHWKit: fully hidden")
    every: int = eqx.field(static=True, default=1)
    pulses: PulsedUpdate = eqx.field(default_factory=PulsedUpdate)
    transfer_pulses: PulsedUpdate = eqx.field(default_factory=PulsedUpdate)
    read: AbstractMvm = eqx.field(default_factory=IdealMvm)

    def buffers(self, w: Float[Array, "rows cols"]) -> dict[str, Float[Array, "rows ..."]]:
        """None."""
        del w
        return {}

    def fast_rate(self, state: TransferState, outer: Outer) -> tuple[Rate, TransferState]:
        """Given."""
        del outer
        return self.fast_lr, state

    def transfer(
        self, state: TransferState, omega: Row, n_rows: int, *, key: PRNGKey
    ) -> tuple[TransferState, AbstractCoincidences]:
        """A parallel update with x = 1 on the row and d = -omega."""
        del n_rows
        one = jnp.ones((1, 1), omega.dtype)
        lines = self.transfer_pulses.lines(one, -omega[None], self.lr * self.transfer_lr, self.slow.granularity())
        return state, self.transfer_pulses.draw(lines, key=key)


def tiki_taka(
    device: pulsed.AbstractPulsedDevice,
    *,
    slow: pulsed.AbstractPulsedDevice | None = None,
    cost: WriteCost | None = None,
    **hyper,
) -> InMemoryRule:
    """Tiki-Taka v1 on two arrays of `device`, or with another for the `slow` one; `hyper` as in `TikiTaka`."""
    return on_two_arrays(TikiTaka, device, slow, cost, hyper)
