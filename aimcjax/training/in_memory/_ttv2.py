"""Tiki-Taka with a digital buffer between the arrays, and with choppers against offsets."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Bool, Float

from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._management import Management, Rate
from ._mvm import AbstractMvm, IdealMvm
from ._pulse_update import PulsedUpdate
from ._rule import InMemoryRule, Outer
from ._stats import WriteCost
from ._streams import AbstractCoincidences
from ._transfer import AbstractTransfer, Row, TransferState, automatic_rate, on_two_arrays, released


def short_trains() -> PulsedUpdate:
    return PulsedUpdate(management=Management(length=5))


class Ttv2(AbstractTransfer):
    r"""$A \leftarrow A - \lambda_A\,(c \odot x)d^T$; every $n_s$ samples one row k is read, $\omega = A_k$, and

    $$h_k \leftarrow h_k + c_k\lambda_H\,\omega, \qquad \lambda_H = \frac{\lambda\,n_s n}{\gamma_0\,\delta_W}, \qquad
      \lambda_A = \frac{\eta_0\,l_{max}\,\delta_A}{\mu_x\mu_d}$$
    Where $|h_k| \ge 1$ a pulse goes to W and the buffer is emptied. The chopper $c_k$ switches after a read with the
    probability `chop`, or regularly; 0 is TTv2 without choppers. $\mu$ are running means of the largest |x|, |d|.

    A factor on d (a learning rate of the gradient, or a mean over outputs) drops out of $\lambda_A d$: only $\lambda$
    makes weights learn faster. Its inverse is a number of samples: in the study of 20x20 weights of 20 states, 40,000
    of them are enough from $\lambda$ = 0.01 to 0.2 (errors of 0.05 to 0.06) and not at 0.005 (0.12, and falling).

    **Arguments:** `fast`, `slow` devices; `lr` $\lambda$; `every` $n_s$; `gamma0`; `eta0`;
    `fast_lr`, a fixed $\lambda_A$ instead; `chop`, `random_chop`;
    `momentum`, the part of the buffer that stays; `forget` (else the pulses alone are taken out, but for `momentum`);
    `mean_momentum` of $\mu$; `max_pulses` of one read; `gamma`, of A in what products see; `pulses` of A, `read`.

    **Reference:** Gokmen, Front. Artif. Intell. 4:699148 (2021) for TTv2; Rasch et al., Nat. Commun. 15:7133 (2024)
    for the choppers, rates and defaults. The momentum of $\mu$ is AIHWKit's.
    """

    fast: pulsed.AbstractPulsedDevice
    slow: pulsed.AbstractPulsedDevice
    lr: Scalar = physical(0.1, doc="Rasch 2024, Fig. 3", above=0.0)
    fast_lr: Scalar | None = physical(None, doc="Rasch 2024: automatic", above=0.0)
    gamma0: Scalar = physical(200.0, doc="Rasch 2024, Fig. 3", above=0.0)
    eta0: Scalar = physical(1.0, doc="Rasch 2024", above=0.0)
    chop: Scalar = physical(0.0, doc="none: TTv2", at_most=1.0)
    momentum: Scalar = physical(0.0, doc="Rasch 2024: the buffer is emptied", at_most=1.0)
    mean_momentum: Scalar = physical(0.99, doc="AIHWKit: auto_momentum", at_most=1.0)
    gamma: Scalar = physical(0.0, doc="Rasch 2024: A is hidden")
    every: int = eqx.field(static=True, default=5)
    random_chop: bool = eqx.field(static=True, default=True)
    forget: bool = eqx.field(static=True, default=True)
    max_pulses: int = eqx.field(static=True, default=1)
    pulses: PulsedUpdate = eqx.field(default_factory=short_trains)
    read: AbstractMvm = eqx.field(default_factory=IdealMvm)

    def buffers(self, w: Float[Array, "rows cols"]) -> dict[str, Float[Array, "rows ..."]]:
        """The buffer and the choppers."""
        return {"buffer": jnp.zeros_like(w), "chopper": jnp.ones(w.shape[0], w.dtype)}

    def fast_rate(self, state: TransferState, outer: Outer) -> tuple[Rate, TransferState]:
        """$\\lambda_A$."""
        return given_or_automatic_rate(self, state, outer)

    def transfer(
        self, state: TransferState, omega: Row, n_rows: int, *, key: PRNGKey
    ) -> tuple[TransferState, AbstractCoincidences]:
        """The buffer of the row, and its chopper."""
        assert state.buffer is not None
        assert state.chopper is not None
        row, chopper = state.row, state.chopper
        rate = self.lr * self.every * n_rows / (self.gamma0 * self.slow.granularity())
        h, counts = released(
            state.buffer[row] + chopper[row] * rate * omega,
            limit=self.max_pulses,
            momentum=self.momentum,
            forget=self.forget,
        )
        flip = switches(state, self.chop, self.random_chop, key=key)
        chopper = chopper.at[row].multiply(jnp.where(flip, -1.0, 1.0).astype(chopper.dtype))
        return eqx.tree_at(lambda s: (s.buffer, s.chopper), state, (state.buffer.at[row].set(h), chopper)), counts


def given_or_automatic_rate(algorithm: Any, state: TransferState, outer: Outer) -> tuple[Rate, TransferState]:
    r"""$\lambda_A$ of `Ttv2` and `Agad`: `fast_lr`, or from the sizes of x and d."""
    if algorithm.fast_lr is not None:
        return algorithm.fast_lr, state
    scale = algorithm.eta0 * algorithm.pulses.management.length * algorithm.fast.granularity()
    return automatic_rate(state, outer, scale, algorithm.mean_momentum)


def switches(state: TransferState, chop: Scalar, random: bool, *, key: PRNGKey) -> Bool[Array, ""]:
    """Whether the chopper of the present row switches after this read: by chance, or in every 1/chop-th sweep."""
    if random:
        return jr.uniform(key, (), chop.dtype) < chop
    period = jnp.maximum(jnp.ceil(1.0 / jnp.maximum(chop, 1e-9)), 1.0)
    return (chop > 0) & (jnp.mod((state.sweeps + 1).astype(period.dtype), period) == 0)


def ttv2(
    device: pulsed.AbstractPulsedDevice,
    *,
    slow: pulsed.AbstractPulsedDevice | None = None,
    cost: WriteCost | None = None,
    **hyper,
) -> InMemoryRule:
    """TTv2 on two arrays of `device`, or with another for the `slow` one; `hyper` as in `Ttv2`."""
    return on_two_arrays(Ttv2, device, slow, cost, hyper)


def cttv2(
    device: pulsed.AbstractPulsedDevice,
    *,
    slow: pulsed.AbstractPulsedDevice | None = None,
    chop: Scalar | float = 0.1,
    cost: WriteCost | None = None,
    **hyper,
) -> InMemoryRule:
    """Chopped TTv2: as `ttv2`, with choppers that switch with the probability `chop`, 0.1 in Rasch 2024, Fig. 3."""
    return ttv2(device, slow=slow, cost=cost, chop=chop, **hyper)
