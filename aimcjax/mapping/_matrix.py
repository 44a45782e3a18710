"""A logical matrix on a grid of tiles: the object that users hold."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import AxisType, PartitionSpec
from jaxtyping import Array, Float

from .. import _random
from .._over import over
from .._types import PRNGKey, Time
from ..tiles import AbstractTileDesign, ages, check_finite, check_time, read_together
from ._compensation import AbstractCompensation, GlobalDriftCompensation
from ._partition import Partition


class MatrixSnapshot(eqx.Module):
    """A programmed matrix at one time: `y = snapshot(x, key=key)`.

    `tiles` and the compensation `factor` have leading axes `grid_rows grid_cols`; there is one factor for all columns
    of a tile, or one for each.
    """

    design: AbstractTileDesign
    tiles: Any
    factor: Float[Array, "grid_rows grid_cols _"]
    partition: Partition = eqx.field(static=True)

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey) -> Float[Array, " n_out"]:
        """One analog product `y ~ x @ w` for one vector in [-1, 1]; partial sums of the grid are added digitally."""
        part = self.partition
        if x.shape != (part.n_in,):
            raise ValueError(
                f"a matrix reads one vector of shape ({part.n_in},), got {x.shape}; for a batch use `jax.vmap`"
            )
        return self.read(part.split_vector(x), jnp.ones(part.grid_rows, x.dtype), key=key)

    def read(
        self,
        x: Float[Array, "grid_rows rows"],
        unit: Float[Array, " grid_rows"],
        *,
        key: PRNGKey,
        dtype: Any = None,
    ) -> Float[Array, " n_out"]:
        """One analog product of a vector that is split already, every part in a `unit` of its own: the tiles of a row
        of the grid have one input range. `dtype`: see `tiles.read_together`."""
        part = self.partition

        def column(tiles: Any, factor: Array, key: PRNGKey) -> Array:
            return read_together(self.design, tiles, x, factor, unit, key=key, dtype=dtype)

        keys = _random.split(key, part.grid_cols)
        return part.join_vector(over(column, self.tiles, self.factor, keys, axes=(1, 1, 0)))


class TiledMatrix(eqx.Module):
    """A matrix programmed on tiles: `y = matrix(x, t=t, key=key)`, ideally `x @ w`.

    `tiles` holds the states of the tiles with leading axes `grid_rows grid_cols`; `reference` is their answer to the
    calibration vectors when they were programmed, from which `compensation` finds a factor at any later time.
    """

    design: AbstractTileDesign
    tiles: Any
    reference: Float[Array, "grid_rows grid_cols vectors cols"]
    compensation: AbstractCompensation
    partition: Partition = eqx.field(static=True)

    def at(self, t: Time) -> MatrixSnapshot:
        """The matrix `t` seconds after programming; deterministic, so to be taken once for many reads."""
        check_time(t)
        return _age(self, jnp.asarray(t, float))

    def __call__(self, x: Float[Array, " n_in"], *, t: Time, key: PRNGKey) -> Float[Array, " n_out"]:
        """One analog product `y ~ x @ w` of one vector in [-1, 1] at `t` [s] after programming."""
        return self.at(t)(x, key=key)


def program_matrix(
    design: AbstractTileDesign,
    w: Float[Array, "n_in n_out"],
    *,
    key: PRNGKey,
    compensation: AbstractCompensation | None = None,
) -> TiledMatrix:
    """Programs a matrix of any size on as many tiles of `design` as it needs.

    **Arguments:** `design`, the tile; `w[n_in, n_out]`, finite, dimensionless; `key`, draws one chip; `compensation`,
    default `GlobalDriftCompensation()`.

    **Returns:** the programmed matrix: `y = matrix(x, t=t, key=key)` for one vector `x[n_in]` in [-1, 1].

    **Raises:** `ValueError` for empty or non-finite weights.
    """
    w = jnp.asarray(w)
    if w.ndim != 2 or 0 in w.shape:
        raise ValueError(f"a matrix is a non-empty array w[n_in, n_out], got shape {w.shape}")
    check_finite(w)
    return _program(design, w, key, compensation or GlobalDriftCompensation())


# Compiled even when called one matrix at a time: a chip has many matrices of few shapes.
@eqx.filter_jit
def _program(design: AbstractTileDesign, w: Array, key: PRNGKey, compensation: AbstractCompensation) -> TiledMatrix:
    part = Partition(w.shape[0], w.shape[1], design.rows, design.cols)
    keys = _random.split(key, part.n_tiles).reshape(part.grid_rows, part.grid_cols)
    tiles = _over_grid(lambda block, key: design.program(block, key=key))(_spread(part.split_matrix(w)), keys)
    fresh = _over_grid(lambda state: design.at(state, 0.0))(tiles)
    reference = _calibration_reads(design, fresh, compensation, part)
    return TiledMatrix(design, tiles, reference, compensation, part)


@eqx.filter_jit
def _age(matrix: TiledMatrix, t: Time) -> MatrixSnapshot:
    tiles = _over_grid(lambda state: matrix.design.at(state, t))(matrix.tiles)
    if ages(matrix.design):
        response = _calibration_reads(matrix.design, tiles, matrix.compensation, matrix.partition)
        factor = _over_grid(matrix.compensation.factor)(matrix.reference, response)
    else:
        factor = jnp.ones((*matrix.reference.shape[:2], 1), matrix.reference.dtype)
    return MatrixSnapshot(matrix.design, tiles, factor, matrix.partition)


def _calibration_reads(
    design: AbstractTileDesign, tiles: Any, compensation: AbstractCompensation, part: Partition
) -> Array:
    vectors = compensation.vectors(part.block_rows)
    return _over_grid(lambda tile: jax.vmap(lambda x: design.expected(tile, x))(vectors))(tiles)


def _spread(blocks: Float[Array, "grid_rows grid_cols rows cols"]) -> Array:
    """On a mesh with an axis `model` (see `training.make_mesh`): tiles split over it with their matrix, by the first of
    their axes that divides; columns of tiles, the columns of each, then rows. The noise of a cell goes by its place."""
    mesh = jax.sharding.get_abstract_mesh()
    parts = dict(zip(mesh.axis_names, mesh.axis_sizes, strict=True)).get("model", 1)
    axes = [axis for axis in (1, 3, 0, 2) if parts > 1 and blocks.shape[axis] % parts == 0]
    if not axes or AxisType.Auto != dict(zip(mesh.axis_names, mesh.axis_types, strict=True))["model"]:
        return blocks
    spec: list[Any] = [PartitionSpec.UNCONSTRAINED] * 4
    spec[axes[0]] = "model"
    return jax.lax.with_sharding_constraint(blocks, PartitionSpec(*spec))


def _over_grid(f: Any) -> Any:
    return jax.vmap(jax.vmap(f))
