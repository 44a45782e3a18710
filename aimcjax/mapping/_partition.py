"""Which part of a matrix lies on which tile."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


@dataclasses.dataclass(frozen=True)
class Partition:
    """A matrix of `n_in` x `n_out` on a grid of equal blocks that fit tiles of `rows` x `cols`.

    Blocks are as equal as they can be (520 inputs on 512-row tiles are two blocks of 260, not 512 and 8): every
    converter sees a similar sum, and the blocks of a matrix are one array with two grid axes.
    """

    n_in: int
    n_out: int
    rows: int
    cols: int

    def __post_init__(self) -> None:
        for name in ("n_in", "n_out", "rows", "cols"):
            if getattr(self, name) < 1:
                raise ValueError(f"a partition needs positive sizes, got {name}={getattr(self, name)}")

    @property
    def grid_rows(self) -> int:
        """Tiles along the inputs."""
        return math.ceil(self.n_in / self.rows)

    @property
    def grid_cols(self) -> int:
        """Tiles along the outputs."""
        return math.ceil(self.n_out / self.cols)

    @property
    def block_rows(self) -> int:
        """Inputs of one tile; the last tile may use fewer."""
        return math.ceil(self.n_in / self.grid_rows)

    @property
    def block_cols(self) -> int:
        """Outputs of one tile; the last tile may use fewer."""
        return math.ceil(self.n_out / self.grid_cols)

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return self.grid_rows * self.grid_cols

    def row_range(self, i: int) -> tuple[int, int]:
        """Inputs `[start, stop)` on row `i` of the grid."""
        return i * self.block_rows, min((i + 1) * self.block_rows, self.n_in)

    def col_range(self, j: int) -> tuple[int, int]:
        """Outputs `[start, stop)` on column `j` of the grid."""
        return j * self.block_cols, min((j + 1) * self.block_cols, self.n_out)

    def split_matrix(self, w: Float[Array, "n_in n_out"]) -> Float[Array, "grid_rows grid_cols rows cols"]:
        """The blocks of `w`, padded with zeros (rows without input and columns without a reader)."""
        padded = jnp.pad(w, self._padding())
        blocks = padded.reshape(self.grid_rows, self.block_rows, self.grid_cols, self.block_cols)
        return blocks.transpose(0, 2, 1, 3)

    def split_vector(self, x: Float[Array, " n_in"]) -> Float[Array, "grid_rows rows"]:
        """The inputs of every row of the grid."""
        return jnp.pad(x, self._padding()[0]).reshape(self.grid_rows, self.block_rows)

    def join_vector(self, y: Float[Array, "grid_cols cols"]) -> Float[Array, " n_out"]:
        """The outputs of the grid, without padding."""
        return y.reshape(-1)[: self.n_out]

    def _padding(self) -> Any:
        return (
            (0, self.grid_rows * self.block_rows - self.n_in),
            (0, self.grid_cols * self.block_cols - self.n_out),
        )
