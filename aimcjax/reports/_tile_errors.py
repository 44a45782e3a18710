"""How well one tile holds what it was asked to hold."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import nn
from ..chips import mapping_table
from ._results import TileErrors


def tile_errors(analog: Any, chip: Any) -> TileErrors:
    """Target and programmed weights of the chip's largest tile, right after programming.

    **Arguments:** `analog`, from `nn.convert`; `chip`, `nn.program(analog, key=...)`.
    """
    tile = max(mapping_table(chip), key=_size)
    layer, programmed = nn.analog_layers(analog)[tile["layer"]], nn.analog_layers(chip)[tile["layer"]]
    snapshot = programmed.matrix.at(0.0)
    part = snapshot.partition
    i, j = tile["row_range"][0] // part.block_rows, tile["col_range"][0] // part.block_cols
    rows, cols = slice(*tile["row_range"]), slice(*tile["col_range"])
    one_hot = jnp.eye(part.block_rows)[: rows.stop - rows.start]
    one_tile = jax.tree.map(lambda leaf: leaf[i, j], snapshot.tiles)
    held = np.asarray(jax.vmap(lambda x: snapshot.design.expected(one_tile, x))(one_hot))
    scale = np.asarray(programmed.scale)[cols]
    return TileErrors(
        layer=tile["layer"],
        tile_id=tile["tile_id"],
        target=np.asarray(layer.weight).T[rows, cols],
        programmed=held[:, : cols.stop - cols.start] * scale,
    )


def _size(tile: dict[str, Any]) -> int:
    return (tile["row_range"][1] - tile["row_range"][0]) * (tile["col_range"][1] - tile["col_range"][0])
