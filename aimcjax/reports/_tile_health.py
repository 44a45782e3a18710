"""The health of every tile of a chip: one row of numbers each, and heat maps of one."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool
from matplotlib.figure import Figure

from .. import nn
from .._types import Time
from ..chips import mapping_table
from ..devices import is_stuck
from ..mapping import MatrixSnapshot
from ..tiles import TileDesign, decode_weights
from ._heat_map import heat_map
from ._results import TileErrors


HEALTH_COLUMNS = (
    "tile_id", "layer", "rows", "cols", "target_std", "error_mean", "error_std", "error_max", "ir_drop_max",
    "worst_row", "worst_col", "stuck_share", "stuck_cells", "full_share",
)  # fmt: skip
# Where the wires are looked at: half of full scale on all rows, the mean magnitude of uniform inputs.
_LOAD = 0.5


def tile_weights(analog: Any, chip: Any, *, t: Time = 0.0) -> list[TileErrors]:
    """Target and held weights of every tile `t` seconds after programming, in the order of the mapping table.

    **Arguments:** `analog`, from `nn.convert`; `chip`, `nn.program(analog, key=...)`; `t` [s].
    """
    table, layers, found = mapping_table(chip), nn.matrix_layers(analog), []
    for name, programmed in nn.matrix_layers(chip).items():
        part = programmed.matrix.partition
        held, seen = (np.asarray(weights) for weights in _held_and_seen(programmed.matrix.at(t)))
        for tile in (tile for tile in table if tile["layer"] == name):
            (r0, r1), (c0, c1) = tile["row_range"], tile["col_range"]
            scale = np.asarray(programmed.scale)[c0:c1]
            block = lambda weights, r0=r0, r1=r1, c0=c0, c1=c1, part=part, scale=scale: (
                scale * weights[r0 // part.block_rows, c0 // part.block_cols, : r1 - r0, : c1 - c0]
            )
            target = np.asarray(layers[name].weight).T[r0:r1, c0:c1]
            found.append(TileErrors(name, tile["tile_id"], target, programmed=block(held), seen=block(seen)))
    return found


def largest_tile(tiles: Sequence[TileErrors]) -> TileErrors:
    """Of `tiles`, the first of those with most weights."""
    return max(tiles, key=lambda tile: tile.target.size)


def tile_health(analog: Any, chip: Any, *, t: Time = 0.0) -> list[dict[str, Any]]:
    """One row a tile, with `HEALTH_COLUMNS`: sizes; standard deviation of the weights asked for; mean, standard
    deviation and largest magnitude of the error (cells and wires), in units of the weights; the largest magnitude of
    what the wires took; the row and column with the largest mean square error; the share of stuck cells, and each of
    them as `[cell of the weight, row, col]`; the share of weights within 1 % of full scale.

    **Arguments:** as `tile_weights`.
    """
    return _health(tile_weights(analog, chip, t=t), chip)


def write_tile_health(
    analog: Any,
    chip: Any,
    folder: Path,
    *,
    t: Time = 0.0,
    heat_maps: int = 1,
    tiles: Sequence[TileErrors] | None = None,
) -> Path:
    """Writes `tile_health_report.csv` and heat maps of the `heat_maps` tiles with the largest error into `folder`
    (`heat_map_<tile>.png`: target, programmed, error, IR drop).

    **Arguments:** as `tile_weights`; `tiles`, what it returned, where that is known already.

    **Returns:** the path of the table.
    """
    if heat_maps < 0:
        raise ValueError(f"the number of heat maps is 0 or more, got {heat_maps}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tiles, path = tiles or tile_weights(analog, chip, t=t), folder / "tile_health_report.csv"
    rows = _health(tiles, chip)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list[str](HEALTH_COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
    for k in sorted(range(len(rows)), key=lambda k: -rows[k]["error_std"])[:heat_maps]:
        plot_tile(tiles[k]).savefig(folder / f"heat_map_{tiles[k].tile_id}.png", dpi=120)
    return path


def plot_tile(tile: TileErrors) -> Figure:
    """Heat maps of one `tile` in units of the weights: target, programmed, error, IR drop (what the wires take at half
    of full scale on all rows)."""
    figure = Figure(figsize=(11.0, 7.0), layout="constrained")
    panels = {"target": tile.target, "programmed": tile.programmed, "error": tile.error, "IR drop": tile.ir_drop}
    for axis, (title, values) in zip(figure.subplots(2, 2, sharex=True, sharey=True).flat, panels.items(), strict=True):
        heat_map(axis, values, title)
        axis.set(xlabel="column (output)", ylabel="row (input)")
        axis.label_outer()
    figure.suptitle(f"{tile.tile_id}, layer {tile.layer}")
    return figure


def _health(tiles: Sequence[TileErrors], chip: Any) -> list[dict[str, Any]]:
    stuck = {name: iter(_stuck(layer.matrix)) for name, layer in nn.matrix_layers(chip).items()}
    rows = []
    for tile in tiles:
        error, largest = tile.error, np.abs(tile.target).max(axis=0, keepdims=True)
        broken = next(stuck[tile.layer])
        rows.append(
            {
                "tile_id": tile.tile_id,
                "layer": tile.layer,
                "rows": error.shape[0],
                "cols": error.shape[1],
                "target_std": float(tile.target.std()),
                "error_mean": float(error.mean()),
                "error_std": float(error.std()),
                "error_max": float(np.abs(error).max()),
                "ir_drop_max": float(np.abs(tile.ir_drop).max()),
                "worst_row": int(np.argmax((error**2).mean(axis=1))),
                "worst_col": int(np.argmax((error**2).mean(axis=0))),
                "stuck_share": float(broken.mean()),
                "stuck_cells": np.argwhere(broken).tolist(),
                "full_share": float(np.mean((largest > 0) & (np.abs(tile.target) >= 0.99 * largest))),
            }
        )
    return rows


def _stuck(matrix: Any) -> list[Bool[np.ndarray, "cells rows cols"]]:
    """Which of the cells in use, tile by tile in the order of the mapping table; none on tiles without cells."""
    part, cells = matrix.partition, getattr(matrix.tiles, "cells", None)
    if cells is None:
        return [np.zeros((1, 1, 1), bool)] * part.n_tiles
    stuck = np.asarray(is_stuck(matrix.design.device, cells))
    found = []
    for i, j in np.ndindex(part.grid_rows, part.grid_cols):
        rows = min(part.block_rows, part.n_in - i * part.block_rows)
        cols = min(part.block_cols, part.n_out - j * part.block_cols)
        # Further lines, such as that of a reference column, come after those of the weights.
        found.append(stuck[i, j, :, :rows, :cols])
    return found


@eqx.filter_jit
def _held_and_seen(snapshot: MatrixSnapshot) -> tuple[Array, Array]:
    """Weights as the cells hold them, and as inputs meet them through the wires around the load."""
    design, factor = snapshot.design, snapshot.factor[..., None, :]
    loaded = jnp.full(snapshot.partition.block_rows, _LOAD)
    met = lambda tile: jax.jacobian(lambda x: design.expected(tile, x))(loaded).T
    seen = jax.vmap(jax.vmap(met))(snapshot.tiles) * factor
    if not isinstance(design, TileDesign):
        return seen, seen
    held = lambda tile: decode_weights(design.encoding, tile.g, tile.gain, design.device)
    return jax.vmap(jax.vmap(held))(snapshot.tiles) * factor, seen
