"""A batch with few events: the cells that are met, instead of all of them, with the same result."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Int, UInt32

from ... import _random
from ..._types import PRNGKey
from ...devices import pulsed
from ._response import AbstractClosedForm, Cell
from ._streams import BitStreams, Count


_CELLS = 2**14  # below this a pass over all cells is as cheap
_SHARE = 64  # events are few if they are less than this part of the cells


class _Events(NamedTuple):
    """Pairs of lines that both fire somewhere in one sample, sorted by cell and then by sample."""

    cell: Int[Array, " events"]
    sample: Int[Array, " events"]
    turn: Int[Array, " events"]  # how many events of this cell come before


def fits(counts: BitStreams, w: Cell) -> bool:
    """Whether it may pay to look for events."""
    one_word = counts.x.shape[-2] == 1 and counts.d.shape[-3] == 1
    n_samples = counts.x.shape[0]
    return one_word and w.size >= _CELLS and n_samples > 1 and (w.size + 1) * n_samples <= 2**32


def few_events(
    response_of: Callable[[pulsed.Traits], AbstractClosedForm],
    traits: pulsed.Traits,
    w: Cell,
    counts: BitStreams,
    key: PRNGKey,
    *,
    otherwise: Callable[[], tuple[Cell, Count]],
) -> tuple[Cell, Count]:
    """The update of those cells that two firing lines meet, if there are few, and `otherwise` else."""
    rows, cols = counts.x[:, 0] != 0, counts.d[:, 0, 0] != 0
    per_sample = jnp.sum(rows, axis=1) * jnp.sum(cols, axis=1)
    capacity = w.size // _SHARE
    lines = min(capacity, rows.size, cols.size)
    few = (jnp.sum(per_sample) <= capacity) & (jnp.sum(rows) <= lines) & (jnp.sum(cols) <= lines)

    def sparse() -> tuple[Cell, Count]:
        return _visit(response_of, traits, w, counts, _events(rows, cols, capacity, lines), key)

    return lax.cond(few, sparse, otherwise)


def _events(rows: Bool[Array, "batch rows"], cols: Bool[Array, "batch cols"], capacity: int, lines: int) -> _Events:
    n_rows, n_cols = jnp.sum(rows, axis=1), jnp.sum(cols, axis=1)
    ends = jnp.cumsum(n_rows * n_cols)
    number = jnp.arange(capacity)
    sample = jnp.searchsorted(ends, number, side="right").astype(jnp.int32)
    valid = number < ends[-1]
    sample = jnp.minimum(sample, rows.shape[0] - 1)
    within = number - (ends - n_rows * n_cols)[sample]
    width = jnp.maximum(n_cols[sample], 1)
    row = _firing(rows, lines)[jnp.minimum((jnp.cumsum(n_rows) - n_rows)[sample] + within // width, lines - 1)]
    col = _firing(cols, lines)[jnp.minimum((jnp.cumsum(n_cols) - n_cols)[sample] + within % width, lines - 1)]
    n_cells = rows.shape[1] * cols.shape[1]
    cell = jnp.where(valid, row * cols.shape[1] + col, n_cells).astype(jnp.uint32)
    # In one word: the sort of a single array takes a fifth of the time.
    both = lax.sort(cell * rows.shape[0] + sample.astype(jnp.uint32), is_stable=False)
    cell, sample = (both // rows.shape[0]).astype(jnp.int32), (both % rows.shape[0]).astype(jnp.int32)
    number = number.astype(jnp.int32)
    first = lax.cummax(jnp.where(cell == jnp.roll(cell, 1), 0, number))
    return _Events(cell, sample, jnp.where(cell < n_cells, number - first, -1))


def _firing(lines: Bool[Array, "batch n"], size: int) -> Int[Array, " size"]:
    """Which lines fire, sample after sample: the k-th set bit, for every k, in an eighth of the time of `nonzero`."""
    bits = jnp.pad(lines.ravel(), (0, -lines.size % 32)).reshape(-1, 32).astype(jnp.uint32)
    words = jnp.sum(bits << jnp.arange(32, dtype=jnp.uint32)[None, :], axis=1, dtype=jnp.uint32)
    ends = jnp.cumsum(_set_bits(words))
    number = jnp.arange(size, dtype=jnp.int32)
    which = jnp.minimum(jnp.searchsorted(ends, number, side="right", method="scan_unrolled"), words.size - 1)
    word = words[which]
    rank, place = number - (ends[which] - _set_bits(word)), jnp.zeros(size, jnp.uint32)
    for width in (16, 8, 4, 2, 1):
        below = _set_bits((word >> place) & jnp.uint32(2**width - 1))
        above = rank >= below
        rank, place = jnp.where(above, rank - below, rank), place + jnp.where(above, width, 0).astype(jnp.uint32)
    return (which * 32 + place.astype(jnp.int32)) % lines.shape[1]


def _set_bits(words: UInt32[Array, " n"]) -> Int[Array, " n"]:
    return lax.population_count(words).astype(jnp.int32)


def _visit(
    response_of: Callable[[pulsed.Traits], AbstractClosedForm],
    traits: pulsed.Traits,
    w: Cell,
    counts: BitStreams,
    events: _Events,
    key: PRNGKey,
) -> tuple[Cell, Count]:
    words = jr.key_data(_random.split(key, counts.x.shape[0]))[events.sample]
    n_cols = w.shape[1]
    row, col = jnp.minimum(events.cell // n_cols, w.shape[0] - 1), events.cell % n_cols
    n = lax.population_count(counts.x[events.sample, 0, row] & counts.d[events.sample, 0, 0, col])
    n = n.astype(jnp.int32).astype(w.dtype)
    up = counts.x_positive[events.sample, row] != counts.d_positive[events.sample, col]
    small = response_of(jax.tree.map(lambda leaf: leaf[row, col] if leaf.shape == w.shape else leaf, traits))
    xi = _random.normal_at(words, events.cell.astype(jnp.uint32)).astype(w.dtype)

    def step(before: Cell) -> Cell:
        mean, variance = small.spread(before, jnp.zeros_like(xi), n, up)
        return small.clip(mean + jnp.sqrt(variance) * xi)

    def turn(carry: tuple[Array, Cell]) -> tuple[Array, Cell]:
        i, after = carry
        return i + 1, jnp.where(events.turn == i, step(jnp.roll(after, 1)), after)

    last, after = jnp.max(events.turn), step(w[row, col])
    _, after = lax.while_loop(lambda carry: carry[0] <= last, turn, (jnp.ones((), jnp.int32), after))
    following = jnp.append(events.cell[1:], w.size)
    target = jnp.where(events.cell == following, w.size, events.cell)  # the last event of every cell
    w_new = w.ravel().at[target].set(after, mode="drop").reshape(w.shape)
    return w_new, jnp.zeros(w.size, w.dtype).at[events.cell].add(n, mode="drop").reshape(w.shape)
