"""What it took to program a matrix."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey
from ..tiles import AbstractTileDesign, ProgrammingReport, TileDesign, check_finite
from ._partition import Partition


def programming_report(design: AbstractTileDesign, w: Float[Array, "n_in n_out"], *, key: PRNGKey) -> ProgrammingReport:
    """The reports of all tiles that `program_matrix(design, w, key=key)` programs, with leading axes `grid_rows
    grid_cols`: pulses and reads of every cell, errors [S], energy [J] and time [s] of every tile. Energies
    add up, times do so only where one programmer serves all.

    **Raises:** `ValueError` for non-finite weights, or a tile without cells.
    """
    if not isinstance(design, TileDesign):
        raise ValueError(f"{type(design).__name__} has no cells to program; give a `TileDesign`")
    check_finite(w)
    return _reports(design, w, key)


@eqx.filter_jit
def _reports(design: TileDesign, w: Array, key: PRNGKey) -> ProgrammingReport:
    part = Partition(w.shape[0], w.shape[1], design.rows, design.cols)
    keys = _random.split(key, part.n_tiles).reshape(part.grid_rows, part.grid_cols)
    one = lambda block, key: design.program_and_report(block, key=key)[1]
    return jax.vmap(jax.vmap(one))(part.split_matrix(w), keys)
