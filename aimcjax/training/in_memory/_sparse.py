"""A batch with few events: the cells that are met, instead of all of them, with the same result."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Int

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
    return one_word and w.size >= _CELLS and counts.x.shape[0] > 1


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
    cell = jnp.where(valid, row * cols.shape[1] + col, n_cells).astype(jnp.int32)
    cell, sample = lax.sort((cell, sample), num_keys=1, is_stable=True)  # samples are in order already
    first = jnp.searchsorted(cell, cell, side="left", method="scan_unrolled")
    return _Events(cell, sample, jnp.where(cell < n_cells, number - first, -1).astype(jnp.int32))


def _firing(lines: Bool[Array, "batch n"], size: int) -> Int[Array, " size"]:
    """Which lines fire, sample after sample."""
    return jnp.nonzero(lines.ravel(), size=size, fill_value=0)[0] % lines.shape[1]


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

    def turn(carry: tuple[Array, Cell]) -> tuple[Array, Cell]:
        i, w = carry
        mean, variance = small.spread(w[row, col], jnp.zeros_like(xi), n, up)
        moved = small.clip(mean + jnp.sqrt(variance) * xi)
        target = jnp.where(events.turn == i, events.cell, w.size)
        return i + 1, w.ravel().at[target].set(moved, mode="drop").reshape(w.shape)

    last = jnp.max(events.turn)
    _, w_new = lax.while_loop(lambda carry: carry[0] <= last, turn, (jnp.zeros((), jnp.int32), w))
    return w_new, jnp.zeros(w.size, w.dtype).at[events.cell].add(n, mode="drop").reshape(w.shape)
