"""What Tiki-Taka and its successors share: a fast array is pulsed by samples and read, row by row, into a slow one."""

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from ... import _random
from ..._types import PRNGKey, Scalar
from ...devices import pulsed
from ._cells import rested, row_of, with_row, written_to
from ._checks import made
from ._management import Rate
from ._mvm import AbstractMvm
from ._pulse_update import PulsedUpdate, apply_counts, check_outer
from ._rule import AbstractAlgorithm, Gradient, InMemoryRule, Outer, Written, factors
from ._stats import WriteCost
from ._streams import AbstractCoincidences, Given, Turned


Row = Float[Array, " cols"]


class TransferState(eqx.Module):
    """The arrays of a fast and a slow array of cells and what stands between them.

    `a`, `w`: the cells (their reference cells are `a.reference`, `w.reference`); `samples` seen and `row` to read
    next; `largest_x`, `largest_d`, running means for the automatic rate (0 before the first sample). Where the
    algorithm has them, else `None`: `buffer` H, in pulses of w; `chopper`, +1 or -1 of every row; `sweeps` over all
    rows; `mean`, `past`: the running mean of reads of every row, and what it was when its chopper last switched.
    """

    a: Any
    w: Any
    samples: Int[Array, ""]
    row: Int[Array, ""]
    sweeps: Int[Array, ""]
    largest_x: Scalar
    largest_d: Scalar
    buffer: Float[Array, "rows cols"] | None = None
    chopper: Float[Array, " rows"] | None = None
    mean: Float[Array, "rows cols"] | None = None
    past: Float[Array, "rows cols"] | None = None


class AbstractTransfer(AbstractAlgorithm):
    """An algorithm of two arrays: `fast` and `slow` devices; a read every `every` samples."""

    fast: eqx.AbstractVar[pulsed.AbstractPulsedDevice]
    slow: eqx.AbstractVar[pulsed.AbstractPulsedDevice]
    every: eqx.AbstractVar[int]
    pulses: eqx.AbstractVar[PulsedUpdate]
    read: eqx.AbstractVar[AbstractMvm]
    gamma: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def fast_rate(self, state: TransferState, outer: Outer) -> tuple[Rate, TransferState]:
        """The learning rate of the fast array for every sample, and the state with new running means."""

    @abc.abstractmethod
    def transfer(
        self, state: TransferState, omega: Row, n_rows: int, *, key: PRNGKey
    ) -> tuple[TransferState, AbstractCoincidences]:
        """What one read `omega` of row `state.row` of A does to buffers, and the pulses for that row of W."""

    @abc.abstractmethod
    def buffers(self, w: Float[Array, "rows cols"]) -> dict[str, Float[Array, "rows ..."]]:
        """The fields of the state that this algorithm has besides the arrays."""

    def init(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> TransferState:
        """`w` in the slow array, zeros in the fast one."""
        key_a, key_w = _random.split(key, 2)
        zero = jnp.zeros((), jnp.int32)
        return TransferState(
            a=written_to(self.fast, jnp.zeros_like(w), key=key_a),
            w=written_to(self.slow, w, key=key_w),
            samples=zero,
            row=zero,
            sweeps=zero,
            largest_x=jnp.zeros((), w.dtype),
            largest_d=jnp.zeros((), w.dtype),
            **self.buffers(w),
        )

    def weights(self, state: TransferState) -> Float[Array, "rows cols"]:
        """$W + \\gamma A$."""
        return self.slow.weights(state.w) + self.gamma * self.fast.weights(state.a)

    def update(self, gradient: Gradient, state: TransferState, *, key: PRNGKey) -> tuple[TransferState, Written]:
        """Samples in order, with a read after every `every` of them.

        A batch is cut into pieces as long as both it and `every` are multiples of; a read that falls within a piece,
        which takes batches of changing sizes, comes at its end.
        """
        outer = factors(gradient, type(self).__name__)
        shape = eqx.filter_eval_shape(self.slow.weights, state.w).shape
        check_outer(shape, outer.x, outer.d)
        batch = outer.x.shape[0]
        piece = math.gcd(batch, self.every)
        key_trains, key_pieces, key_a, key_w = _random.split(key, 4)
        rate, state = self.fast_rate(state, outer)
        lines = self.pulses.lines(outer.x, outer.d, rate, self.fast.granularity())
        counts = self.pulses.draw(lines, key=key_trains)
        pieces = jax.tree.map(lambda leaf: leaf.reshape(batch // piece, piece, *leaf.shape[1:]), counts)

        def one(carry: tuple, inputs: tuple[AbstractCoincidences, PRNGKey]) -> tuple[tuple, None]:
            state, n_a, n_w, reads = carry
            return self._piece(state, n_a, n_w, reads, inputs[0], inputs[1], piece, shape), None

        nothing = (jnp.zeros(shape, outer.x.dtype), jnp.zeros(shape, outer.x.dtype), jnp.zeros((), outer.x.dtype))
        (state, n_a, n_w, reads), _ = lax.scan(
            one, (state, *nothing), (pieces, _random.split(key_pieces, batch // piece))
        )
        state = eqx.tree_at(
            lambda s: (s.a, s.w), state, (rested(self.fast, state.a, key=key_a), rested(self.slow, state.w, key=key_w))
        )
        slots = self.pulses.slots(lines) + reads
        return state, Written({"A": n_a, "W": n_w}, slots, reads, jnp.asarray(batch, outer.x.dtype))

    def _piece(
        self,
        state: TransferState,
        n_a: Array,
        n_w: Array,
        reads: Scalar,
        counts: AbstractCoincidences,
        key: PRNGKey,
        piece: int,
        shape: tuple[int, ...],
    ) -> tuple[TransferState, Array, Array, Scalar]:
        key_a, key_transfer = _random.split(key, 2)
        if state.chopper is not None:
            counts = Turned(counts, jnp.broadcast_to(state.chopper < 0, (piece, shape[0])))
        a, n = apply_counts(self.fast, state.a, counts, self.pulses.order, key=key_a)
        due = state.samples // self.every != (state.samples + piece) // self.every
        state = eqx.tree_at(lambda s: (s.a, s.samples), state, (a, state.samples + piece))
        visit = lambda state, n_w: self._visit(state, n_w, shape[0], key=key_transfer)
        state, n_w = lax.cond(due, visit, lambda state, n_w: (state, n_w), state, n_w)
        return state, n_a + n, n_w, reads + due.astype(reads.dtype)

    def _visit(self, state: TransferState, n_w: Array, n_rows: int, *, key: PRNGKey) -> tuple[TransferState, Array]:
        key_read, key_transfer, key_write = _random.split(key, 3)
        one_hot = (jnp.arange(n_rows) == state.row).astype(n_w.dtype)
        omega = self.read(self.fast.weights(state.a), one_hot, key=key_read)
        row = state.row
        state, counts = self.transfer(state, omega, n_rows, key=key_transfer)
        cells, n = apply_counts(self.slow, row_of(state.w, row, n_w.shape), counts, self.pulses.order, key=key_write)
        last = row + 1 == n_rows
        state = eqx.tree_at(
            lambda s: (s.w, s.row, s.sweeps),
            state,
            (
                with_row(state.w, cells, row, n_w.shape),
                jnp.where(last, 0, row + 1),
                state.sweeps + last.astype(jnp.int32),
            ),
        )
        return state, n_w.at[row].add(n[0])


def on_two_arrays(
    algorithm: type[AbstractTransfer],
    device: pulsed.AbstractPulsedDevice,
    slow: pulsed.AbstractPulsedDevice | None,
    cost: WriteCost | None,
    hyper: dict[str, Any],
) -> InMemoryRule:
    """The rule of `algorithm` on a fast and a slow array of `device`, or with another for the `slow` one."""
    on_both = made(algorithm, device, device if slow is None else slow, hyper=hyper)
    return InMemoryRule(on_both, WriteCost() if cost is None else cost)


def automatic_rate(
    state: TransferState, outer: Outer, scale: Scalar, momentum: Scalar
) -> tuple[Float[Array, " batch"], TransferState]:
    r"""$\eta/(\mu_x\mu_d)$ for every sample, with $\mu$ the running means of the largest magnitudes of x and d,
    $\mu \leftarrow m\mu + (1 - m)\max|\cdot|$, which the first sample starts; zeros are left out."""

    def one(mean: Scalar, largest: Scalar) -> tuple[Scalar, Scalar]:
        moved = jnp.where(mean > 0, momentum * mean + (1.0 - momentum) * largest, largest)
        mean = jnp.where(largest > 0, moved, mean)
        return mean, mean

    last_x, mean_x = lax.scan(one, state.largest_x, jnp.max(jnp.abs(outer.x), axis=1))
    last_d, mean_d = lax.scan(one, state.largest_d, jnp.max(jnp.abs(outer.d), axis=1))
    product = mean_x * mean_d
    rate = jnp.where(product > 0, scale / jnp.where(product > 0, product, 1.0), 0.0)
    return rate, eqx.tree_at(lambda s: (s.largest_x, s.largest_d), state, (last_x, last_d))


def released(h: Row, *, limit: int, momentum: Scalar, forget: bool) -> tuple[Row, AbstractCoincidences]:
    """The whole pulses in the buffer, at most `limit`, and what stays in it."""
    n = jnp.trunc(h).clip(-limit, limit)
    left = momentum * h if forget else h - (1.0 - momentum) * n
    return jnp.where(n == 0, h, left), Given(n[None, None])
