"""The health of every tile of a chip: one row of numbers each, and heat maps of one."""

import csv
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from .. import nn
from .._types import Time
from ..chips import mapping_table
from ..devices import is_stuck
from ._results import TileErrors


HEALTH_COLUMNS = (
    "tile_id", "layer", "rows", "cols", "target_std", "error_mean", "error_std", "error_max", "worst_row",
    "worst_col", "stuck_share", "full_share",
)  # fmt: skip


def tile_weights(analog: Any, chip: Any, *, t: Time = 0.0) -> list[TileErrors]:
    """Target and held weights of every tile `t` seconds after programming, in the order of the mapping table.

    **Arguments:** `analog`, from `nn.convert`; `chip`, `nn.program(analog, key=...)`; `t` [s].
    """
    table, layers, found = mapping_table(chip), nn.analog_layers(analog), []
    for name, programmed in nn.analog_layers(chip).items():
        held, part = _held(programmed.matrix.at(t)), programmed.matrix.partition
        for tile in (tile for tile in table if tile["layer"] == name):
            (r0, r1), (c0, c1) = tile["row_range"], tile["col_range"]
            block = held[r0 // part.block_rows, c0 // part.block_cols, : r1 - r0, : c1 - c0]
            target = np.asarray(layers[name].weight).T[r0:r1, c0:c1]
            scale = np.asarray(programmed.scale)[c0:c1]
            found.append(TileErrors(layer=name, tile_id=tile["tile_id"], target=target, programmed=block * scale))
    return found


def tile_health(analog: Any, chip: Any, *, t: Time = 0.0) -> list[dict[str, Any]]:
    """One row a tile, with `HEALTH_COLUMNS`: sizes; standard deviation of the weights asked for; mean, standard
    deviation and largest magnitude of the error, in units of the weights; the row and column with the largest mean
    square error; the share of stuck cells (of those in use and of padding) and of weights within 1 % of full scale.

    **Arguments:** as `tile_weights`.
    """
    stuck = {}
    for name, programmed in nn.analog_layers(chip).items():
        device, cells = (
            getattr(programmed.matrix.design, "device", None),
            getattr(programmed.matrix.tiles, "cells", None),
        )
        share = None if device is None else np.asarray(is_stuck(device, cells)).mean(axis=(-3, -2, -1)).ravel()
        stuck[name] = iter([] if share is None else share)
    rows = []
    for tile in tile_weights(analog, chip, t=t):
        error = tile.programmed - tile.target
        largest = np.abs(tile.target).max(axis=0, keepdims=True)
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
                "worst_row": int(np.argmax((error**2).mean(axis=1))),
                "worst_col": int(np.argmax((error**2).mean(axis=0))),
                "stuck_share": float(next(stuck[tile.layer], 0.0)),
                "full_share": float(np.mean(np.abs(tile.target) >= 0.99 * largest)),
            }
        )
    return rows


def write_tile_health(analog: Any, chip: Any, folder: Path, *, t: Time = 0.0, heat_maps: int = 1) -> Path:
    """Writes `tile_health_report.csv` and heat maps of the `heat_maps` tiles with the largest error into `folder`
    (`heat_map_<tile>.png`: target, programmed, error).

    **Returns:** the path of the table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, path = tile_health(analog, chip, t=t), folder / "tile_health_report.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list[str](HEALTH_COLUMNS))
        writer.writeheader()
        writer.writerows(rows)
    worst = sorted(range(len(rows)), key=lambda k: -rows[k]["error_std"])[:heat_maps]
    tiles = tile_weights(analog, chip, t=t) if worst else []
    for k in worst:
        plot_tile(tiles[k]).savefig(folder / f"heat_map_{tiles[k].tile_id}.png", dpi=120)
    return path


def plot_tile(tile: TileErrors) -> Figure:
    """Heat maps of one tile: target, programmed and error, in units of the weights."""
    figure = Figure(figsize=(11.0, 3.6), layout="constrained")
    error = tile.programmed - tile.target
    panels = ((tile.target, "target"), (tile.programmed, "programmed"), (error, f"error: std {error.std():.3g}"))
    for axis, (values, title) in zip(figure.subplots(1, 3, sharex=True, sharey=True), panels, strict=True):
        limit = float(np.max(np.abs(values))) or 1.0
        image = axis.imshow(values, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        axis.set(title=title, xlabel="column (output)", ylabel="row (input)")
        figure.colorbar(image, ax=axis, label="weight")
    figure.suptitle(f"{tile.tile_id}, layer {tile.layer}")
    return figure


def _held(snapshot: Any) -> Float[np.ndarray, "grid_rows grid_cols rows cols"]:
    one_hot = jnp.eye(snapshot.partition.block_rows)

    def answers(tile: Any) -> Array:
        return jax.vmap(lambda x: snapshot.design.expected(tile, x))(one_hot)

    factor = np.asarray(snapshot.factor)[..., None, None]
    return np.asarray(jax.vmap(jax.vmap(answers))(snapshot.tiles)) * factor
