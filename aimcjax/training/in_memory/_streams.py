"""Pulse trains on rows and columns, and how often they coincide at every cell."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Float, UInt32

from ... import _random
from ..._types import PRNGKey
from ._management import Lines


Count = Float[Array, "rows cols"]
Up = Bool[Array, "rows cols"]

_UNROLLED = 8  # slots: trains as short as this are one fused loop, longer ones stop at the longest train of the batch


class AbstractCoincidences(eqx.Module):
    """How many pulses every cell gets from every sample: leaves have a leading axis of samples; `at` is for one."""

    @abc.abstractmethod
    def is_mean(self) -> bool:
        """Whether counts are real numbers of infinitely small pulses without noise."""

    @abc.abstractmethod
    def at(self) -> tuple[Count, Up]:
        """The pulses of one sample (leaves without their leading axis), at least 0, and whether they go up."""

    def n_samples(self) -> int:
        """How many samples there are."""
        return jax.tree.leaves(self)[0].shape[0]

    def one_way(self, to_up: bool) -> "OneWay":
        """Only the pulses of one direction, all of them up."""
        return OneWay(self, to_up)

    @abc.abstractmethod
    def chosen(self, samples: Bool[Array, " batch"]) -> "AbstractCoincidences":
        """Only the pulses of some samples."""


class BitStreams(AbstractCoincidences):
    """Trains of 0 and 1, slot s in bit s of 32-bit words; a pulse is where both lines fire.

    `x`, `d` words of rows and columns; `d` has one train for all rows or one for rows of each sign (`sets`); the signs
    are true for positive lines.
    """

    x: UInt32[Array, "*batch words rows"]
    d: UInt32[Array, "*batch sets words cols"]
    x_positive: Bool[Array, "*batch rows"]
    d_positive: Bool[Array, "*batch cols"]

    def is_mean(self) -> bool:
        """No."""
        return False

    def at(self) -> tuple[Count, Up]:
        """The population count of the AND of the words of a row and of a column."""
        rows = self.x_positive[:, None]
        total = jnp.zeros((self.x.shape[-1], self.d.shape[-1]), jnp.int32)
        for word in range(self.x.shape[-2]):
            train = self.d[0, word][None, :]
            if self.d.shape[-3] == 2:
                train = jnp.where(rows, train, self.d[1, word][None, :])
            total += lax.population_count(self.x[word][:, None] & train).astype(jnp.int32)
        return total.astype(jnp.float32), rows != self.d_positive[None, :]

    def chosen(self, samples: Bool[Array, " batch"]) -> "BitStreams":
        """Rows fire in the chosen samples only."""
        x = jnp.where(samples[:, None, None], self.x, jnp.zeros_like(self.x))
        return BitStreams(x, self.d, self.x_positive, self.d_positive)

    def bits(self, n_slots: int) -> tuple[Float[Array, "slots rows"], Float[Array, "slots sets cols"]]:
        """The trains of all samples as 0 and 1, samples and slots in one axis, so that products of them count."""
        slot = jnp.arange(n_slots, dtype=jnp.uint32)
        unpack = lambda words: (words[:, slot // 32] >> (slot % 32)[None, :, None]) & 1
        x = unpack(self.x).astype(jnp.float32)
        d = jnp.stack([unpack(self.d[:, part]) for part in range(self.d.shape[1])], axis=2).astype(jnp.float32)
        return x.reshape(-1, *x.shape[2:]), d.reshape(-1, *d.shape[2:])


class Products(AbstractCoincidences):
    """Pulses without trains: the product of what rows and columns hold, times `scale`, `rounded` or not."""

    x: Float[Array, "*batch rows"]
    d: Float[Array, "*batch cols"]
    scale: Float[Array, "*batch"]
    rounded: bool = eqx.field(static=True, default=True)

    def is_mean(self) -> bool:
        """Unless they are rounded."""
        return not self.rounded

    def at(self) -> tuple[Count, Up]:
        """The product of the line of a row and that of a column."""
        n = self.scale * (jnp.abs(self.x)[:, None] * jnp.abs(self.d)[None, :])
        return jnp.round(n) if self.rounded else n, (self.x > 0)[:, None] != (self.d > 0)[None, :]

    def chosen(self, samples: Bool[Array, " batch"]) -> "Products":
        """Nothing in the other samples."""
        return Products(self.x, self.d, jnp.where(samples, self.scale, 0.0), self.rounded)


class OneWay(AbstractCoincidences):
    """The pulses of `counts` in one direction, as up pulses."""

    counts: AbstractCoincidences
    to_up: bool = eqx.field(static=True)

    def is_mean(self) -> bool:
        """As those it takes from."""
        return self.counts.is_mean()

    def at(self) -> tuple[Count, Up]:
        """What goes in this direction."""
        n, up = self.counts.at()
        return jnp.where(up == self.to_up, n, 0.0), jnp.ones_like(up)

    def chosen(self, samples: Bool[Array, " batch"]) -> "OneWay":
        """Of the chosen samples."""
        return OneWay(self.counts.chosen(samples), self.to_up)


class Turned(AbstractCoincidences):
    """The pulses of `counts`, in the other direction on rows where `turned`."""

    counts: AbstractCoincidences
    turned: Bool[Array, "*batch rows"]

    def is_mean(self) -> bool:
        """As those it takes from."""
        return self.counts.is_mean()

    def at(self) -> tuple[Count, Up]:
        """Directions of turned rows are the opposite."""
        n, up = self.counts.at()
        return n, up != self.turned[:, None]

    def chosen(self, samples: Bool[Array, " batch"]) -> "Turned":
        """Of the chosen samples."""
        return Turned(self.counts.chosen(samples), self.turned)


class Given(AbstractCoincidences):
    """Pulses that were counted elsewhere: `n`, whole numbers, up where positive."""

    n: Float[Array, "*batch rows cols"]

    def is_mean(self) -> bool:
        """No."""
        return False

    def at(self) -> tuple[Count, Up]:
        """As they are."""
        return jnp.abs(self.n), self.n > 0

    def chosen(self, samples: Bool[Array, " batch"]) -> "Given":
        """Nothing in the other samples."""
        return Given(jnp.where(samples[:, None, None], self.n, 0.0))


class AbstractTrains(eqx.Module):
    """How samples become pulses."""

    @abc.abstractmethod
    def draw(self, lines: Lines, max_length: int, *, key: PRNGKey) -> AbstractCoincidences:
        """The coincidences of a batch; no train is longer than `max_length`."""

    def passes(self) -> int:
        """How often a train is sent."""
        return 1


class Stochastic(AbstractTrains):
    r"""Every line fires in every slot by chance: $n \sim \mathrm{Binomial}(L, p_x p_d)$, with the train of a row shared
    by all its cells, and that of a column likewise, so that counts are correlated along both.

    **Arguments:** `compressed`: both signs in one pass (else rows of either sign take turns, and columns draw a new
    train for each: twice the time, and rows of different sign share nothing).

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016), Eqs. (2)-(4). That the columns of the two passes
    draw anew is assumed.
    """

    compressed: bool = eqx.field(static=True, default=True)

    def draw(self, lines: Lines, max_length: int, *, key: PRNGKey) -> BitStreams:
        """Bernoulli trains in words of 32 bits."""
        keys, sent = _random.split(key, 1 + self.passes()), [lines.x] + [lines.d] * self.passes()
        x, *d = (_trains(p, lines.length, max_length, key) for p, key in zip(sent, keys, strict=True))
        return BitStreams(x[0], jnp.stack([words for words, _ in d], axis=1), x[1], d[0][1])

    def passes(self) -> int:
        """One, or one for each sign."""
        return 1 if self.compressed else 2


class Deterministic(AbstractTrains):
    r"""$n = \mathrm{round}(L\,q(p_x)\,q(p_d))$, without chance; `resolution_x`, `resolution_d` of q, 0 for none.

    What rounds to zero never arrives: an update below half a pulse is lost, however often it is repeated.

    **Reference:** AIHWKit, DETERMINISTIC_IMPLICIT.
    """

    resolution_x: float = eqx.field(static=True, default=0.0)
    resolution_d: float = eqx.field(static=True, default=0.0)

    def draw(self, lines: Lines, max_length: int, *, key: PRNGKey) -> Products:
        """Nothing is random."""
        del max_length, key
        return Products(_steps(lines.x, self.resolution_x), _steps(lines.d, self.resolution_d), lines.length)


class MeanCount(AbstractTrains):
    r"""$n = \mathrm{round}(c_x c_d / L)$ with $c = \mathrm{round}(L p)$: trains of a fixed number of pulses.

    **Reference:** AIHWKit, MEAN_COUNT.
    """

    def draw(self, lines: Lines, max_length: int, *, key: PRNGKey) -> Products:
        """Nothing is random."""
        del max_length, key
        length = lines.length[:, None]
        count = lambda p: jnp.sign(p) * jnp.round(jnp.minimum(jnp.abs(p), 1.0) * length)
        return Products(count(lines.x), count(lines.d), 1.0 / jnp.maximum(lines.length, 1.0))


class MeanField(AbstractTrains):
    r"""The limit of infinitely many infinitely small pulses, $\delta \to 0$ at the same learning rate: $n = L p_x p_d =
    \mathrm{lr}|xd|/g$, not rounded and never saturated; devices follow their mean law along $e^{-bn}$, without noise.

    The expectation of the stochastic update exactly where steps do not depend on the weight, $-\mathrm{lr}\,xd$.
    """

    def draw(self, lines: Lines, max_length: int, *, key: PRNGKey) -> Products:
        """Nothing is random."""
        del max_length, key
        return Products(lines.x, lines.d, lines.length, rounded=False)


def _steps(p: Float[Array, "batch n"], resolution: float) -> Float[Array, "batch n"]:
    p = p.clip(-1.0, 1.0)
    return jnp.round(p / resolution) * resolution if resolution > 0 else p


def _trains(
    p: Float[Array, "batch n"], length: Float[Array, " batch"], max_length: int, key: PRNGKey
) -> tuple[UInt32[Array, "batch words n"], Bool[Array, "batch n"]]:
    """Slot s in bit s of the words, and which lines are positive."""
    slots = jr.key_data(_random.split(key, max_length))

    def fill(slot: Array, word: Array) -> Array:
        fires = _fires(p, slots[slot]) & (slot.astype(length.dtype) < length)[:, None]
        return word | (fires.astype(jnp.uint32) << (slot % 32).astype(jnp.uint32))

    nothing = jnp.zeros(p.shape, jnp.uint32)
    if max_length <= _UNROLLED:
        word = (p > 0).astype(jnp.uint32) << 31
        for slot in range(max_length):
            word = fill(jnp.asarray(slot, jnp.int32), word)
        word = stored(word)
        return (word & jnp.uint32(2**31 - 1))[:, None], word >= jnp.uint32(2**31)
    words, longest = [], jnp.max(length, initial=0.0).astype(jnp.int32)
    for first in range(0, max_length, 32):
        last = jnp.minimum(longest, min(first + 32, max_length))
        words.append(lax.fori_loop(jnp.int32(first), last, fill, nothing))
    return jnp.stack(words, axis=1), p > 0


def stored(words: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
    """The same words, 2^32 - 1 excepted, by a division, which XLA takes for too expensive to be repeated.

    It repeats all the hashing for every cell that uses a word else, and ignores optimisation barriers on a CPU.
    """
    return lax.rem(words, (words + 1) | 1)


def _fires(p: Float[Array, "batch n"], words: UInt32[Array, " 2"]) -> Bool[Array, "batch n"]:
    """With probability |p|, one of `words` for all lines."""
    index = jnp.arange(p.size, dtype=jnp.uint32).reshape(p.shape)
    size = jnp.abs(p).astype(jnp.float32)
    threshold = (size.clip(0.0, 1.0 - 2.0**-24) * jnp.float32(2.0**32)).astype(jnp.uint32)
    return (_random.bits_at(words, index) < threshold) | (size >= 1.0)
