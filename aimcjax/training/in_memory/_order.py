"""In which order the pulses of a batch act on a cell, and how often noise is drawn and bounds are met."""

import abc
import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Integer

from ... import _random
from ..._types import PRNGKey
from ...devices import pulsed
from ._response import AbstractClosedForm, AbstractResponse, Cell, pulse_by_pulse, response_of
from ._sparse import few_events, fits
from ._streams import AbstractCoincidences, BitStreams, Count, stored


_CACHED = 2**18  # cells at a time: what is known of them stays in a shared cache


class AbstractOrder(eqx.Module):
    """How a batch of coincidences acts on cells."""

    @abc.abstractmethod
    def run(
        self,
        device: pulsed.PulsedDevice,
        traits: pulsed.Traits,
        w: Cell,
        counts: AbstractCoincidences,
        *,
        key: PRNGKey,
    ) -> tuple[Cell, Count]:
        """The weights after the batch, and how many pulses every cell got."""


class EveryPulse(AbstractOrder):
    """Nothing is put together: every pulse has a noise of its own and meets the bounds. The reference, and slow."""

    def run(
        self,
        device: pulsed.PulsedDevice,
        traits: pulsed.Traits,
        w: Cell,
        counts: AbstractCoincidences,
        *,
        key: PRNGKey,
    ) -> tuple[Cell, Count]:
        """Sample after sample."""
        return _in_order(functools.partial(pulse_by_pulse, device), traits, w, counts, key)


class EverySample(AbstractOrder):
    """Sample after sample; the pulses of one sample, which all go one way, act at once by their closed form.

    Lost: within one sample bounds are met at the end only, and several pulses with noise in proportion to the step
    have a normal law of the same mean and variance. Laws without a closed form go pulse by pulse. A batch with few
    events updates only their cells, with the same result: `sparse` is whether to look (of no use under `vmap`, which
    computes both).
    """

    sparse: bool = eqx.field(static=True, default=True)

    def run(
        self,
        device: pulsed.PulsedDevice,
        traits: pulsed.Traits,
        w: Cell,
        counts: AbstractCoincidences,
        *,
        key: PRNGKey,
    ) -> tuple[Cell, Count]:
        """Sample after sample, over all cells or over those that are met."""
        dense = lambda: _in_order(functools.partial(response_of, device), traits, w, counts, key)
        closed = isinstance(jax.eval_shape(functools.partial(response_of, device), traits), AbstractClosedForm)
        if not (self.sparse and closed and isinstance(counts, BitStreams) and fits(counts, w)):
            return dense()
        of = lambda traits: _closed(device, traits, "EverySample")
        return few_events(of, traits, w, counts, key, otherwise=dense)


class EveryGroup(AbstractOrder):
    """Sample after sample, but noise is drawn and bounds are met once for every `samples` of them.

    Mean and variance of every cell are those of `EverySample` wherever bounds are not met: both follow exact
    recursions. Lost: near a bound, what the bound would have cut within a group. Faster, as noise is what costs.
    """

    samples: int = eqx.field(static=True, default=8)

    def __check_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"a group is of at least one sample, got samples={self.samples}")

    def run(
        self,
        device: pulsed.PulsedDevice,
        traits: pulsed.Traits,
        w: Cell,
        counts: AbstractCoincidences,
        *,
        key: PRNGKey,
    ) -> tuple[Cell, Count]:
        """Group after group."""
        response = _closed(device, traits, "EveryGroup")
        if counts.is_mean():
            return _in_order(functools.partial(response_of, device), traits, w, counts, key)
        groups = _grouped(counts, self.samples)

        def sample(carry: tuple[Cell, Cell, Count], counts: AbstractCoincidences) -> tuple[tuple, None]:
            w, variance, total = carry
            n, up = counts.at()
            n = n.astype(w.dtype)
            return (*response.spread(w, variance, n, up), total + n), None

        def group(carry: tuple[Cell, Count], inputs: tuple[AbstractCoincidences, Array]) -> tuple[tuple, None]:
            w, total = carry
            (w, variance, total), _ = lax.scan(sample, (w, jnp.zeros_like(w), total), inputs[0])
            return (response.disturbed(w, variance, inputs[1]), total), None

        n_groups = jax.tree.leaves(groups)[0].shape[0]
        words = jr.key_data(_random.split(key, n_groups))
        return lax.scan(group, (w, jnp.zeros_like(w)), (groups, words))[0]


class Summed(AbstractOrder):
    """The whole batch at once: its counts are a product of matrices of bits, and up and down pulses act as if they
    came evenly interleaved.

    Lost: the order of the samples, and bounds within the batch; exact for constant steps away from the bounds.
    """

    def run(
        self,
        device: pulsed.PulsedDevice,
        traits: pulsed.Traits,
        w: Cell,
        counts: AbstractCoincidences,
        *,
        key: PRNGKey,
    ) -> tuple[Cell, Count]:
        """Counts, then one step."""
        response = _closed(device, traits, "Summed")
        n_up, n_down = (n.astype(w.dtype) for n in total_counts(counts))
        mean, variance = response.mixed(w, n_up, n_down)
        if counts.is_mean():
            return response.clip(mean), n_up + n_down
        words = jr.key_data(_random.split(key, 1))[0]
        return response.disturbed(mean, variance, words), n_up + n_down


def total_counts(counts: AbstractCoincidences) -> tuple[Count, Count]:
    """Up and down pulses of every cell over the batch (`counts`): products of bit streams, of the signed and of the
    plain."""
    if isinstance(counts, BitStreams):
        n_slots = 32 * counts.x.shape[-2]
        x, d = counts.bits(n_slots)
        repeated = lambda positive: jnp.repeat(jnp.where(positive, 1.0, -1.0).astype(x.dtype), n_slots, axis=0)
        sign_x, sign_d = repeated(counts.x_positive), repeated(counts.d_positive)
        net, total = jnp.zeros((), x.dtype), jnp.zeros((), x.dtype)
        for part in range(d.shape[1]):
            rows = x if d.shape[1] == 1 else jnp.where((sign_x > 0) == (part == 0), x, 0.0)
            net, total = net - (rows * sign_x).T @ (d[:, part] * sign_d), total + rows.T @ d[:, part]
        return 0.5 * (total + net), 0.5 * (total - net)

    def add(carry: tuple[Count, Count], counts: AbstractCoincidences) -> tuple[tuple[Count, Count], None]:
        n, up = counts.at()
        return (carry[0] + jnp.where(up, n, 0.0), carry[1] + jnp.where(up, 0.0, n)), None

    shape = jax.eval_shape(lambda: jax.tree.map(lambda leaf: leaf[0], counts).at()[0])
    none = jnp.zeros(shape.shape, shape.dtype)
    return lax.scan(add, (none, none), counts)[0]


def _in_order(
    response_of: Callable[[pulsed.Traits], AbstractResponse],
    traits: pulsed.Traits,
    w: Cell,
    counts: AbstractCoincidences,
    key: PRNGKey,
) -> tuple[Cell, Count]:
    """Sample after sample: all cells at once, or block after block of rows that fit into a cache."""
    words = stored(jr.key_data(_random.split(key, counts.n_samples())))
    n_blocks = w.size // _CACHED
    if not isinstance(counts, BitStreams) or n_blocks < 2 or w.shape[0] % n_blocks:
        return _samples(response_of(traits), w, counts, words, 0)
    n_rows = w.shape[0] // n_blocks
    cut = lambda leaf: leaf.reshape(n_blocks, n_rows, *leaf.shape[1:]) if leaf.shape[:2] == w.shape else None
    traits_cut, whole = jax.tree.map(cut, traits), jax.tree.map(lambda x: None if x.shape[:2] == w.shape else x, traits)

    def block(inputs: tuple) -> tuple[Cell, Count]:
        w, traits_cut, (x, positive), number = inputs
        part = BitStreams(x, counts.d, positive, counts.d_positive)
        return _samples(response_of(eqx.combine(traits_cut, whole)), w, part, words, number * w.size)

    rows = lambda leaf: jnp.moveaxis(leaf.reshape(*leaf.shape[:-1], n_blocks, n_rows), -2, 0)
    lines = rows(counts.x), rows(counts.x_positive)
    moved = lax.map(block, (cut(w), traits_cut, lines, jnp.arange(n_blocks, dtype=jnp.int32)))
    return moved[0].reshape(w.shape), moved[1].reshape(w.shape)


def _samples(
    response: AbstractResponse, w: Cell, counts: AbstractCoincidences, words: Array, first: Integer[Array, ""] | int
) -> tuple[Cell, Count]:
    def one(carry: tuple[Cell, Count], inputs: tuple[AbstractCoincidences, Array]) -> tuple[tuple, None]:
        w, total = carry
        n, up = inputs[0].at()
        n = n.astype(w.dtype)
        w = response.flow(w, n, up) if counts.is_mean() else response.advance(w, n, up, inputs[1], first)
        return (w, total + n), None

    return lax.scan(one, (w, jnp.zeros_like(w)), (counts, words))[0]


def _grouped(counts: AbstractCoincidences, size: int) -> AbstractCoincidences:
    def split(leaf: Array) -> Array:
        missing = -leaf.shape[0] % size
        padded = jnp.pad(leaf, [(0, missing)] + [(0, 0)] * (leaf.ndim - 1))  # samples of zeros have no pulses
        return padded.reshape(-1, size, *leaf.shape[1:])

    return jax.tree.map(split, counts)


def _closed(device: pulsed.PulsedDevice, traits: pulsed.Traits, order: str) -> AbstractClosedForm:
    response = response_of(device, traits)
    if not isinstance(response, AbstractClosedForm):
        raise ValueError(
            f"{order} needs the moments of n pulses, known for straight step laws with additive or relative noise; "
            f"got {type(device.step).__name__} with {type(device.noise).__name__}: use EverySample or EveryPulse"
        )
    return response
