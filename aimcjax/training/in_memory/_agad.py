"""Analog gradient accumulation with a dynamic reference: no reference needs to be programmed."""

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
from ._transfer import AbstractTransfer, Row, TransferState, on_two_arrays, released
from ._ttv2 import given_or_automatic_rate, short_trains, switches


class Agad(AbstractTransfer):
    r"""`Ttv2` with choppers, and with what A holds besides the gradient estimated on the fly:

    $$h_k \leftarrow h_k + c_k\lambda_H(\omega - p_k^{ref}), \qquad p_k \leftarrow (1 - \beta)p_k + \beta\,\omega,
      \qquad p_k^{ref} \leftarrow p_k \text{ when } c_k \text{ switches}$$

    **Arguments:** as `Ttv2`, and `beta`.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024). AIHWKit writes nothing in the first sweeps but empties
    the buffer; here every pulse is written.
    """

    fast: pulsed.AbstractPulsedDevice
    slow: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.1, doc="Rasch 2024, Fig. 3", above=0.0)
    fast_lr: Scalar | None = physical(None, doc="Rasch 2024: automatic", above=0.0)
    gamma0: Scalar = physical(200.0, doc="Rasch 2024, Fig. 3", above=0.0)
    eta0: Scalar = physical(1.0, doc="Rasch 2024", above=0.0)
    chop: Scalar = physical(0.1, doc="Rasch 2024, Fig. 3", at_most=1.0)
    beta: Scalar = physical(0.5, doc="Rasch 2024, Fig. 3", above=0.0, at_most=1.0)
    momentum: Scalar = physical(0.0, doc="Rasch 2024: the buffer is emptied", at_most=1.0)
    mean_momentum: Scalar = physical(0.99, doc="AIHWKit: auto_momentum", at_most=1.0)
    gamma: Scalar = physical(0.0, doc="Rasch 2024: A is hidden")
    every: int = eqx.field(static=True, default=5)
    random_chop: bool = eqx.field(static=True, default=False)
    forget: bool = eqx.field(static=True, default=True)
    max_pulses: int = eqx.field(static=True, default=1)
    pulses: PulsedUpdate = eqx.field(default_factory=short_trains)
    read: AbstractMvm = eqx.field(default_factory=IdealMvm)

    def buffers(self, w: Float[Array, "rows cols"]) -> dict[str, Float[Array, "rows ..."]]:
        """The buffer, the choppers, and the means of reads."""
        zero = jnp.zeros_like(w)
        return {"buffer": zero, "chopper": jnp.ones(w.shape[0], w.dtype), "mean": zero, "past": zero}

    def fast_rate(self, state: TransferState, outer: Outer) -> tuple[Rate, TransferState]:
        """$\\lambda_A$, as `Ttv2`."""
        return given_or_automatic_rate(self, state, outer)

    def transfer(
        self, state: TransferState, omega: Row, n_rows: int, *, key: PRNGKey
    ) -> tuple[TransferState, AbstractCoincidences]:
        """The buffer of the row, its chopper and its reference."""
        assert state.buffer is not None
        assert state.chopper is not None
        assert state.mean is not None
        assert state.past is not None
        row, chopper = state.row, state.chopper
        rate = self.lr * self.every * n_rows / (self.gamma0 * self.slow.granularity())
        h, counts = released(
            state.buffer[row] + chopper[row] * rate * (omega - state.past[row]),
            limit=self.max_pulses,
            momentum=self.momentum,
            forget=self.forget,
        )
        mean = (1.0 - self.beta) * state.mean[row] + self.beta * omega
        flip = switches(state, self.chop, self.random_chop, key=key)
        past = jnp.where(flip, mean, state.past[row])
        chopper = chopper.at[row].multiply(jnp.where(flip, -1.0, 1.0).astype(chopper.dtype))
        changed = (state.buffer.at[row].set(h), chopper, state.mean.at[row].set(mean), state.past.at[row].set(past))
        return eqx.tree_at(lambda s: (s.buffer, s.chopper, s.mean, s.past), state, changed), counts


def agad(
    device: pulsed.AbstractPulsedDevice,
    *,
    slow: pulsed.AbstractPulsedDevice | None = None,
    cost: WriteCost | None = None,
    **hyper,
) -> InMemoryRule:
    """AGAD on two arrays of `device`, or with another for the `slow` one; `hyper` as in `Agad`."""
    return on_two_arrays(Agad, device, slow, cost, hyper)
