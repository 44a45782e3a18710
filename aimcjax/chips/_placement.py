"""Where every weight lies: the mapping table."""

import functools as ft
import re
from typing import Any

import jax
import numpy as np

from .. import nn
from ..periphery import resolution
from ..tiles import ROLES, AbstractProgrammingPolicy, AbstractTileDesign, ManagedTile, TileDesign


bits_of = resolution  # of a converter, `None` for an ideal one; register your own with `@bits_of.register`
_POLICIES = {made: name for name, made in ROLES[AbstractProgrammingPolicy].types.items()}


def mapping_table(model: Any) -> list[dict[str, Any]]:
    """One row a tile: which part of which layer it holds, and how.

    **Arguments:** `model`, from `nn.program`.

    **Returns:** rows with `tile_id`, `layer`, `row_range` and `col_range` (inputs and outputs of the layer, `[start,
    stop)`), `encoding`, `adc_bits`, `dac_bits`, `scale` (the weight that a full cell stands for, in the column where
    it is largest), `verify_policy`. The ranges cover every mapped weight exactly once.
    """
    rows: list[dict[str, Any]] = []
    for name, layer in nn.matrix_layers(model).items():
        if not isinstance(layer, nn.ProgrammedLinear):
            raise ValueError(f"layer {name} is not programmed; make a chip with `aimcjax.nn.program(model, key=key)`")
        rows += _layer_rows(name, layer, first=len(rows))
    return rows


def check_capacity(model: Any, max_tiles: int | None) -> int:
    """The number of tiles that a converted model needs.

    **Raises:** `ValueError` if the chip has fewer, naming the layer that no longer fits.
    """
    needed = 0
    for name, layer in nn.matrix_layers(model).items():
        n_tiles = nn.partition_of(layer).n_tiles
        needed += n_tiles
        if max_tiles is not None and needed > max_tiles:
            raise ValueError(
                f"the chip has {max_tiles} tiles and layer {name} ({layer.weight.shape[1]}x{layer.weight.shape[0]}) "
                f"needs tile number {max_tiles + 1}: give it more tiles, larger tiles, or keep layers digital"
            )
    return needed


def _layer_rows(name: str, layer: nn.ProgrammedLinear, first: int) -> list[dict[str, Any]]:
    matrix, part = layer.matrix, layer.matrix.partition
    snapshot = matrix.at(0.0)
    gains = np.asarray(jax.vmap(jax.vmap(matrix.design.gain))(snapshot.tiles))
    scales = np.asarray(layer.scale)
    table = []
    for i in range(part.grid_rows):
        for j in range(part.grid_cols):
            start, stop = part.col_range(j)
            table.append(
                {
                    "tile_id": f"tile_{first + len(table):04d}",
                    "layer": name,
                    "row_range": list(part.row_range(i)),
                    "col_range": [start, stop],
                    **_converters(matrix.design),
                    "scale": float(np.max(gains[i, j, : stop - start] * scales[start:stop])),
                }
            )
    return table


@ft.singledispatch
def _converters(design: AbstractTileDesign) -> dict[str, Any]:
    return {"encoding": "weight_level", "adc_bits": None, "dac_bits": None, "verify_policy": "one_shot"}


@_converters.register
def _(design: TileDesign) -> dict[str, Any]:
    bits = {"adc_bits": bits_of(design.adc), "dac_bits": bits_of(design.dac)}
    kind = type(design.policy)
    return {
        "encoding": design.encoding.name,
        **{k: None if b is None else float(b) for k, b in bits.items()},
        "verify_policy": _POLICIES.get(kind) or _spelled(kind.__name__),
    }


@_converters.register
def _(design: ManagedTile) -> dict[str, Any]:
    return _converters(design.tile)


def _spelled(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
