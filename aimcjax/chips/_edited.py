"""A mapping table that came back from a file, perhaps edited: every block of every layer on an array of its own."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..components import read_yaml, shorten, suggest
from ._converters import converters
from ._counts import Layer
from ._description import Chip, Slot


_NEEDED = ("tile_id", "layer", "row_range", "col_range", "replica", "bank", "grid_row", "grid_col", "tier")
_OTHERS = ("encoding", "adc_bits", "dac_bits", "verify_policy", "scale", "replication", "chip", "calibration")


def read_mapping(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a `mapping_table.json`, or of that in the folder `path`.

    Scales, and files of `per_tile_calibration` beside it, are checked, not applied: they are what programming makes of
    trained weights, so those of one chip mean nothing for the next.

    **Raises:** `ValueError` of one line for what is no such table, for a calibration edited by hand, and for a scale
    without the calibration that it is of.
    """
    path = Path(path) / "mapping_table.json" if Path(path).is_dir() else Path(path)
    rows = read_yaml(path, what="mapping table", hint="; `aimcjax map` writes one")
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path}: expected a list with a row for every tile, got {shorten(rows)}")
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or not set(_NEEDED) <= set(row):
            missing = sorted(set(_NEEDED) - set(row)) if isinstance(row, dict) else "a mapping"
            raise ValueError(f"{path}: row {index} has no {shorten(missing)}; each needs {', '.join(_NEEDED)}")
        where = f"{path}: layer {row['layer']}, tile {row['tile_id']}"
        _check_row(row, where)
        if isinstance(row.get("calibration"), str) and (path.parent / row["calibration"]).is_file():
            _check_calibration(path.parent / row["calibration"], row)
        elif row.get("scale") is not None:
            raise ValueError(
                f"{where}: scale is {shorten(row['scale'])} and the calibration that it is of is not there; take the "
                "table with its per_tile_calibration, or set scale to null"
            )
    return rows


def _check_row(row: Mapping[str, Any], where: str) -> None:
    for key in row:
        if key not in (*_NEEDED, *_OTHERS):
            hint = suggest(str(key), (*_NEEDED, *_OTHERS))
            raise ValueError(f"{where}: a row of the table has no {shorten(key)}; {hint}")
    for key in ("tile_id", "layer"):
        if not isinstance(row[key], str):
            raise ValueError(f"{where}: {key} is a name, got {shorten(row[key])}")
    for key in ("replica", "bank", "grid_row", "grid_col", "tier"):
        if isinstance(row[key], bool) or not isinstance(row[key], int) or row[key] < 0:
            raise ValueError(f"{where}: {key} is a whole number from 0, got {shorten(row[key])}")
    for key in ("row_range", "col_range"):
        if not isinstance(row[key], list) or [type(end) for end in row[key]] != [int, int]:
            raise ValueError(f"{where}: {key} is [start, stop], got {shorten(row[key])}")
    if row.get("scale") is not None and type(row["scale"]) not in (int, float):
        raise ValueError(f"{where}: scale is a number, or null before programming, got {shorten(row['scale'])}")


def _check_calibration(path: Path, row: Mapping[str, Any]) -> None:
    """Of a table of nothing programmed, that there is none; of another, that its largest scale is that of the row."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is no JSON: {error}; `aimcjax map` writes such files") from None
    where = f"{path}: layer {row['layer']}, tile {row['tile_id']}"
    if not isinstance(state, dict) or any(state.get(key) != row[key] for key in ("tile_id", "layer")):
        raise ValueError(f"{where}: expected the calibration of this tile, got {shorten(state)}")
    scale, bias = state.get("scale"), state.get("bias")
    if row.get("scale") is None:
        edited = [name for name, value in (("scale", scale), ("bias", bias)) if value is not None]
    else:
        values = scale if isinstance(scale, list) and all(type(value) in (int, float) for value in scale) else []
        edited = [] if values and math.isclose(max(values), row["scale"], rel_tol=1e-5) else ["scale"]
    if edited:
        raise ValueError(
            f"{where}: {edited[0]} cannot be given by hand: programming trained weights makes it, on every chip anew; "
            "set it back to what was written"
        )


def replicas_in(rows: Sequence[Mapping[str, Any]], layers: Sequence[Layer]) -> list[int]:
    """How often the table holds every layer. **Raises:** `ValueError` for layers that the model does not have."""
    by_matrix = {name: index for index, layer in enumerate(layers) for name in matrix_names(layer)}
    seen: list[dict[int, str]] = [{} for _ in layers]
    for row in rows:
        if row["layer"] not in by_matrix:
            hint = suggest(str(row["layer"]), by_matrix)
            raise ValueError(f"mapping: the model has no layer {row['layer']!r} (tile {row['tile_id']}); {hint}")
        seen[by_matrix[row["layer"]]].setdefault(row["replica"], f"layer {row['layer']}, tile {row['tile_id']}")
    for replicas in seen:
        for replica, here in replicas.items():  # one by one: a table may say a billion
            if replica and replica - 1 not in replicas:
                raise ValueError(f"mapping: {here}: it is of replica {replica} and no tile is of replica {replica - 1}")
    return [max(1, len(replicas)) for replicas in seen]


def slots_in(
    rows: Sequence[Mapping[str, Any]], layers: Sequence[Layer], chip: Chip
) -> dict[tuple[str, int, int, int], Slot]:
    """The array of every block (matrix, row, column, replica).

    **Raises:** `ValueError` that names layer and tile, for blocks that overlap, are missing, or lie off the chip, and
    for edits that would be without effect: of the converters, or of the chip.
    """
    part_of = {name: layer.part for layer in layers for name in matrix_names(layer)}
    known = {name: {**_design(layer), "chip": chip.name} for layer in layers for name in matrix_names(layer)}
    found: dict[tuple[str, int, int, int], Slot] = {}
    taken: dict[Slot, str] = {}
    ids: set[str] = set()
    counted = zip(layers, replicas_in(rows, layers), strict=True)
    copies = {name: n for layer, n in counted for name in matrix_names(layer)}
    for row in rows:
        here, slot = f"layer {row['layer']}, tile {row['tile_id']}", _slot(row)
        key = (row["layer"], *_block(row, part_of[row["layer"]], here), row["replica"])
        if row["tile_id"] in ids:
            raise ValueError(f"mapping: {here}: another tile is called so too; every tile_id is there once")
        ids.add(row["tile_id"])
        _check_rest(row, known[row["layer"]], here)
        if row.get("replication", copies[row["layer"]]) != copies[row["layer"]]:
            held = f"the table holds the layer {copies[row['layer']]} times"
            raise ValueError(f"mapping: {here}: replication is {shorten(row['replication'])} and {held}")
        if not _is_on(slot, chip):
            raise ValueError(f"mapping: {here}: {_spelled(slot)} is not on chip {chip.name} ({_sizes(chip)})")
        if slot in taken:
            raise ValueError(f"mapping: {here} overlaps {taken[slot]}: both are at {_spelled(slot)}")
        if key in found:
            raise ValueError(f"mapping: {here} holds weights that another tile holds: {_weights(row)}")
        found[key], taken[slot] = slot, here
    tiles = {key: here.rpartition(" ")[2] for key, here in zip(found, taken.values(), strict=True)}
    for name, n in copies.items():
        _check_whole(name, part_of[name], n, tiles)
    return found


def matrix_names(layer: Layer) -> list[str]:
    """The names of the matrices of a layer."""
    return [layer.name] if layer.n_matrices == 1 else [f"{layer.name}[{index}]" for index in range(layer.n_matrices)]


def _check_whole(name: str, part: Any, n_replicas: int, found: Mapping[tuple[str, int, int, int], str]) -> None:
    for replica in range(n_replicas):
        for i in range(part.grid_rows):
            for j in range(part.grid_cols):
                if (name, i, j, replica) not in found:
                    rows, cols = part.row_range(i), part.col_range(j)
                    others = [tile for key, tile in found.items() if (key[0], key[3]) == (name, replica)]
                    beside = f"beside tile {others[-1]}" if others else "and it has no other tile"
                    raise ValueError(
                        f"mapping: layer {name} has a hole: no tile holds inputs {list(rows)} and outputs {list(cols)}"
                        + f" of replica {replica}" * (n_replicas > 1)
                        + f", {beside}"
                    )


def _block(row: Mapping[str, Any], part: Any, here: str) -> tuple[int, int]:
    i, j = row["row_range"][0] // part.block_rows, row["col_range"][0] // part.block_cols
    inside = 0 <= i < part.grid_rows and 0 <= j < part.grid_cols
    if not inside or (tuple(row["row_range"]), tuple(row["col_range"])) != (part.row_range(i), part.col_range(j)):
        raise ValueError(
            f"mapping: {here}: {_weights(row)} is no block of the layer ({part.n_in}x{part.n_out} in blocks of "
            f"{part.block_rows}x{part.block_cols}); the overlap or hole must go, only positions can be changed"
        )
    return i, j


def _design(layer: Layer) -> dict[str, Any]:
    return converters(layer.holder.design if hasattr(layer.holder, "design") else layer.holder.matrix.design)


def _check_rest(row: Mapping[str, Any], known: Mapping[str, Any], here: str) -> None:
    for key, value in known.items():
        if key in row and row[key] != value:
            raise ValueError(
                f"mapping: {here}: {key} is {shorten(row[key])} and that of the model and chip is {value!r}; only "
                "positions can be changed here, the rest in the config"
            )


def _slot(row: Mapping[str, Any]) -> Slot:
    return Slot(row["bank"], row["grid_row"], row["grid_col"], row["tier"])


def _is_on(slot: Slot, chip: Chip) -> bool:
    rows, cols = chip.grid or (0, 0)
    return slot.bank < chip.banks and slot.row < rows and slot.col < cols and slot.tier < chip.tiers


def _sizes(chip: Chip) -> str:
    rows, cols = chip.grid or (0, 0)
    return f"{chip.banks} banks of {rows}x{cols} tiles with {chip.tiers} tiers"


def _spelled(slot: Slot) -> str:
    return f"bank {slot.bank}, row {slot.row}, column {slot.col}, tier {slot.tier}"


def _weights(row: Mapping[str, Any]) -> str:
    return f"inputs {row['row_range']} and outputs {row['col_range']}"
