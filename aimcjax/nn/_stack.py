"""Stacks of equal matrices, and rows that choose one of them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Shaped

from .. import _random
from .._types import PRNGKey, Time
from ..mapping import AbstractCompensation, MatrixSnapshot, Partition, TiledMatrix, program_matrix
from ..tiles import AbstractTileDesign


# Rows of one block of `by_group`; assumed: enough for a matrix unit, little waste for a group with few rows.
_LARGEST_BLOCK = 128


class MatrixStack(eqx.Module):
    """Equal matrices, each programmed on tiles of its own: a `TiledMatrix` whose `tiles` and `reference` have one more
    leading axis. The physics of the design is one for all."""

    design: AbstractTileDesign
    tiles: Any
    reference: Float[Array, "stack grid_rows grid_cols vectors cols"]
    compensation: AbstractCompensation
    partition: Partition = eqx.field(static=True)

    def member(self, index: Int[Array, ""] | int) -> TiledMatrix:
        """One of the matrices."""
        tiles, reference = _pick((self.tiles, self.reference), index)
        return TiledMatrix(self.design, tiles, reference, self.compensation, self.partition)

    def at(self, t: Time) -> "StackSnapshot":
        """The matrices `t` seconds after programming."""

        def one(tiles: Any, reference: Array) -> tuple[Any, Array]:
            aged = TiledMatrix(self.design, tiles, reference, self.compensation, self.partition).at(t)
            return aged.tiles, aged.factor

        tiles, factor = eqx.filter_vmap(one)(self.tiles, self.reference)
        return StackSnapshot(self.design, tiles, factor, self.partition)


class StackSnapshot(eqx.Module):
    """A `MatrixStack` at one time; as `MatrixSnapshot`, with one more leading axis."""

    design: AbstractTileDesign
    tiles: Any
    factor: Float[Array, "stack grid_rows grid_cols _"]
    partition: Partition = eqx.field(static=True)

    def member(self, index: Int[Array, ""] | int) -> MatrixSnapshot:
        """One of the matrices."""
        tiles, factor = _pick((self.tiles, self.factor), index)
        return MatrixSnapshot(self.design, tiles, factor, self.partition)


def program_stack(
    design: AbstractTileDesign,
    w: Float[Array, "stack n_in n_out"],
    *,
    key: PRNGKey,
    compensation: AbstractCompensation,
) -> MatrixStack:
    """Programs every matrix of a stack on tiles of its own; otherwise as `program_matrix`."""

    def one(w: Array, key: PRNGKey) -> tuple[Any, Array]:
        matrix = program_matrix(design, w, key=key, compensation=compensation)
        return matrix.tiles, matrix.reference

    # Only what differs comes out of the map: it would repeat the physics for every matrix.
    tiles, reference = eqx.filter_vmap(one)(w, _random.split(key, len(w)))
    _, n_in, n_out = w.shape
    return MatrixStack(design, tiles, reference, compensation, Partition(n_in, n_out, design.rows, design.cols))


def _pick(tree: Any, index: Int[Array, ""] | int) -> Any:
    pick = lambda leaf: lax.dynamic_index_in_dim(leaf, index, keepdims=False) if eqx.is_array(leaf) else leaf
    return jax.tree.map(pick, tree)


def by_group(
    f: Callable[..., Float[Array, "block n_out"]],
    group: Int[Array, " rows"],
    n_groups: int,
    *rows: Shaped[Array, "rows ..."],
) -> Float[Array, "rows n_out"]:
    """`f(g, *blocks)` on blocks of `rows` of one group g (`group` of each row, `n_groups` in all), its results back in
    the order of the rows.

    Rows are laid out group by group, each group's rounded up to whole blocks (at most twice as many rows in all), and
    one loop takes block after block: no row is dropped, and memory is that of one group's matrix more.
    """
    n_rows = len(group)
    size = 1
    while size < min(n_rows / n_groups, _LARGEST_BLOCK):
        size *= 2
    n_blocks = min(n_rows, n_rows // size + n_groups)
    slot, owner = _layout(group, n_groups, size, n_blocks)
    source = jnp.zeros(n_blocks * size, slot.dtype).at[slot].set(jnp.arange(n_rows, dtype=slot.dtype))
    blocks = [row[source].reshape(n_blocks, size, *row.shape[1:]) for row in rows]

    @jax.checkpoint  # the backward pass takes the matrix from the stack again: no copies are kept
    def step(g: Int[Array, ""], *block: Array) -> Array:
        return f(g, *block)

    _, y = lax.scan(lambda _, item: (None, step(*item)), None, (owner, *blocks))
    return y.reshape(n_blocks * size, -1)[slot]


def _layout(
    group: Int[Array, " rows"], n_groups: int, size: int, n_blocks: int
) -> tuple[Int[Array, " rows"], Int[Array, " blocks"]]:
    """Where each row goes among the rows of all blocks, and the group of each block."""
    order = jnp.argsort(group)
    counts = jnp.bincount(group, length=n_groups)
    in_blocks = (counts + size - 1) // size
    ends = jnp.cumsum(in_blocks)
    first = (ends - in_blocks) * size
    rank = jnp.arange(len(group)) - (jnp.cumsum(counts) - counts)[group[order]]
    slot = jnp.zeros_like(order).at[order].set(first[group[order]] + rank)
    owner = jnp.searchsorted(ends, jnp.arange(n_blocks), side="right")
    return slot, jnp.minimum(owner, n_groups - 1)  # blocks beyond the last are empty
