"""Where every weight lies: the mapping table."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .. import nn
from ..periphery import resolution
from ..tiles import AbstractTileDesign
from ._converters import converters
from ._place import Placement


bits_of = resolution  # of a converter, `None` for an ideal one; register your own with `@bits_of.register`


def mapping_table(model: Any, placement: Placement | None = None) -> list[dict[str, Any]]:
    """One row a tile: which part of which layer it holds, how, and where.

    **Arguments:** `model`, from `nn.program`; with a `placement` of it, also from `nn.convert`.

    **Returns:** rows with `tile_id`, `layer`, `row_range` and `col_range` (inputs and outputs of the layer, `[start,
    stop)`), `encoding`, `adc_bits`, `dac_bits`, `scale` (the weight that a full cell stands for, in the column where
    it is largest; `None` before programming), `verify_policy`. The ranges cover every mapped weight exactly once. With
    a placement also `replication` and which `replica`, and `chip`, `bank`, `grid_row`, `grid_col`, `tier`, the
    `calibration` file; then every replica covers the weights once.
    """
    if placement is None:
        rows: list[dict[str, Any]] = []
        for name, layer in nn.matrix_layers(model).items():
            if not isinstance(layer, nn.ProgrammedLinear):
                raise ValueError(
                    f"layer {name} is not programmed; make a chip with `aimcjax.nn.program(model, key=key)`"
                )
            scales = column_scales(layer)
            rows += [
                {**row, "scale": float(np.max(scales[index]))}
                for index, row in enumerate(_layer_rows(name, layer.matrix.partition, layer.matrix.design, len(rows)))
            ]
        return rows
    return _placed_rows(model, placement)


def _placed_rows(model: Any, placement: Placement) -> list[dict[str, Any]]:
    held = nn.analog_layers(model)
    known = {row["tile_id"]: row["scale"] for row in mapping_table(model)} if _is_programmed(held) else {}
    where = {item[:4]: item.slot for item in placement.items}
    order = {layer.name: layer for layer in placement.layers}
    first, replicated = [], []
    for name, layer in ((name, order[name]) for name in held):
        design = held[name].design if isinstance(held[name], nn.AnalogLinear) else held[name].matrix.design
        names = [name] if layer.n_matrices == 1 else [f"{name}[{index}]" for index in range(layer.n_matrices)]
        for one in names:
            rows = _layer_rows(one, layer.part, design, len(first))
            replicas = sorted(replica for matrix, i, j, replica in where if (matrix, i, j) == (one, 0, 0))
            cells, chip = list(np.ndindex(layer.part.grid_rows, layer.part.grid_cols)), placement.chip.name
            for replica in replicas:
                found = [
                    _with_place(
                        row, where[one, *cell, replica], replica, len(replicas), chip, known.get(row["tile_id"])
                    )
                    for row, cell in zip(rows, cells, strict=True)
                ]
                (first if replica == 0 else replicated).extend(found)
    return first + replicated


def _with_place(
    row: dict[str, Any], slot: Any, replica: int, replication: int, chip: str, scale: float | None
) -> dict[str, Any]:
    tile_id = row["tile_id"] + (f"_r{replica}" if replica else "")
    return {
        **row, "tile_id": tile_id, "scale": scale, "replication": replication, "replica": replica, "chip": chip,
        "bank": slot.bank, "grid_row": slot.row, "grid_col": slot.col, "tier": slot.tier,
        "calibration": f"per_tile_calibration/{tile_id}.json",
    }  # fmt: skip


def _is_programmed(layers: Mapping[str, Any]) -> bool:
    return all(isinstance(layer, nn.ProgrammedLinear) for layer in layers.values())


def check_capacity(model: Any, max_tiles: int | None) -> int:
    """The number of tiles that a converted model needs.

    **Raises:** `ValueError` if the chip has fewer, `max_tiles`, naming the layer that no longer fits.
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


def column_scales(layer: nn.ProgrammedLinear) -> list[np.ndarray]:
    """The weight that a full cell stands for in every column, of each tile in the order of the mapping table."""
    matrix, part = layer.matrix, layer.matrix.partition
    gains = np.asarray(jax.vmap(jax.vmap(matrix.design.gain))(matrix.at(0.0).tiles))
    scales, found = np.asarray(layer.scale), []
    for i, j in np.ndindex(part.grid_rows, part.grid_cols):
        start, stop = part.col_range(j)
        found.append(gains[i, j, : stop - start] * scales[start:stop])
    return found


def _layer_rows(name: str, part: Any, design: AbstractTileDesign, first: int) -> Sequence[dict[str, Any]]:
    how = converters(design)
    return [
        {
            "tile_id": f"tile_{first + index:04d}",
            "layer": name,
            "row_range": list(part.row_range(i)),
            "col_range": list(part.col_range(j)),
            **how,
        }
        for index, (i, j) in enumerate(np.ndindex(part.grid_rows, part.grid_cols))
    ]
