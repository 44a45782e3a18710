"""A model on a chip: every block of every matrix on an array of its own."""

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np

from ..components import shorten, suggest
from ..nn import Activity, count_activity
from ._conversions import physical_tile
from ._count_placed import count_placed
from ._counts import Counts, Layer, layers_of, vectors_of
from ._description import Chip, Slot, position
from ._edited import replicas_in, slots_in
from ._strategies import Blocks, Grid, strategy_named


class Placed(NamedTuple):
    """A block of a matrix and where it lies: `layer`, the name of the matrix (`"experts/up[3]"` in a stack); `row` and
    `col` of the block; which `replica`; the `slot`."""

    layer: str
    row: int
    col: int
    replica: int
    slot: Slot


class Placement(eqx.Module):
    """A model on a `chip`: `items`, block by block; `counts` of one sequence; `activity`, if a sample was given;
    `layers`, sizes of the matrices by name; `notes`, what was assumed for want of a sample, a batch or a chip."""

    chip: Chip
    counts: Counts
    items: tuple[Placed, ...] = eqx.field(static=True)
    layers: tuple[Layer, ...] = eqx.field(static=True)
    activity: Activity | None = eqx.field(static=True, default=None)
    strategy: str = eqx.field(static=True, default="in_order")
    notes: tuple[str, ...] = eqx.field(static=True, default=())


def place(
    model: Any,
    chip: Chip,
    *,
    strategy: str = "in_order",
    sample: Any = None,
    input_power: Mapping[str, float] | None = None,
    replicas: Mapping[str, int] | None = None,
    coactivation: Any = None,
    mapping: Sequence[Mapping[str, Any]] | None = None,
) -> Placement:
    """Where every part of a model lies on a chip.

    **Arguments:** `model`, from `nn.convert` or `nn.program`; weights may be shapes (`jax.ShapeDtypeStruct`); `chip`;
    `strategy`, one of `STRATEGIES`; `sample`, one input without a batch axis (or its shape), for what a sequence does;
    without it every layer meets one vector; `input_power`, from `nn.input_power`; `replicas`, copies of layers by
    pattern, which share their vectors out; `coactivation[pattern]`, for stacks of experts, how often two of them fire
    for one token `[experts, experts]` (one matrix: for all stacks); `mapping`, rows of a mapping table
    (`read_mapping`) to use instead of strategy and replicas.

    A layer that is used several times lies there once. **Raises:** `ValueError`, one line: layers that do not fit,
    patterns that match nothing, tiles or converters without a cost, a mapping
    that overlaps or leaves a hole.
    """
    activity = None if sample is None else count_activity(model, sample)
    layers = layers_of(model, activity, None if chip.tile is None else physical_tile(chip.tile))
    if not layers:
        raise ValueError("the model has no analog layers to place; convert it with `aimcjax.nn.convert`")
    copies = _copies(layers, replicas or {}) if mapping is None else replicas_in(mapping, layers)
    if mapping is not None and replicas and (asked := _copies(layers, replicas)) != copies:
        name, n, there = next(
            (layer.name, *pair) for layer, *pair in zip(layers, asked, copies, strict=True) if pair[0] != pair[1]
        )
        raise ValueError(f"replicas asks for {n} copies of layer {name}, the mapping has {there}; leave replicas away")
    keys = [key for layer, n in zip(layers, copies, strict=True) for key in _blocks_of(layer, n)]
    chip = _fitted(chip, layers, len(keys))
    _check_fits(chip, layers, copies)
    if mapping is None:
        of = np.repeat(np.arange(len(layers)), [len(_blocks_of(*pair)) for pair in zip(layers, copies, strict=True)])
        vectors = vectors_of(layers, activity)
        blocks = _blocks(layers, copies, keys, of, vectors, _together(layers, coactivation, strategy))
        available = chip.slots()
        chosen = strategy_named(strategy)(blocks, _grid(chip, available))
        items = tuple(Placed(*key, available[slot]) for key, slot in zip(keys, chosen, strict=True))
    else:
        slots = slots_in(mapping, layers, chip)
        items, strategy = tuple(Placed(*key, slots[key]) for key in keys), "as given"
    xy = np.asarray([position(chip, item.slot) for item in items])
    counts = count_placed(chip, layers, copies, activity, xy, input_power=input_power, tokens=_tokens(sample))
    notes = _notes(layers, activity, input_power)
    frozen = tuple(layer._replace(holder=None, tile=None) for layer in layers)
    return Placement(chip, counts, items, frozen, activity, strategy, notes)


def _blocks_of(layer: Layer, n_replicas: int) -> list[tuple[str, int, int, int]]:
    names = [layer.name] if layer.n_matrices == 1 else [f"{layer.name}[{m}]" for m in range(layer.n_matrices)]
    part = layer.part
    grid = [(i, j) for i in range(part.grid_rows) for j in range(part.grid_cols)]
    return [(name, i, j, replica) for replica in range(n_replicas) for name in names for i, j in grid]


def _copies(layers: Sequence[Layer], replicas: Mapping[str, int]) -> list[int]:
    copies, names = [1] * len(layers), [layer.name for layer in layers]
    for pattern, n in replicas.items():
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ValueError(f"replicas of {pattern!r}: expected a whole number from 1, got {shorten(n)}")
        matched = [index for index, name in enumerate(names) if re.fullmatch(pattern, name)]
        if not matched:
            raise ValueError(f"replicas: no layer is called {pattern!r}; {suggest(pattern, names)}")
        for index in matched:
            copies[index] = n
    return copies


def _fitted(chip: Chip, layers: Sequence[Layer], n_blocks: int) -> Chip:
    """With a tile and a grid, if it had none: as many tiles as needed, as square as they come."""
    if chip.tile is None:
        tiles = [layer.tile for layer in layers]
        rows, cols = max(tile.rows for tile in tiles), max(tile.cols for tile in tiles)
        chip = dataclasses.replace(chip, tile=dataclasses.replace(tiles[0], rows=rows, cols=cols))
    if chip.grid is None:
        n_tiles = math.ceil(n_blocks / (chip.tiers * chip.banks))
        rows = math.isqrt(n_tiles)
        chip = dataclasses.replace(chip, grid=(rows, math.ceil(n_tiles / rows)))
    return chip


def _check_fits(chip: Chip, layers: Sequence[Layer], copies: Sequence[int]) -> None:
    tile, needed = chip.tile, [
        layer.n_matrices * layer.part.n_tiles * n for layer, n in zip(layers, copies, strict=True)
    ]  # fmt: skip
    assert tile is not None
    for layer in layers:
        if layer.part.rows > tile.rows or layer.part.cols > tile.cols:
            raise ValueError(
                f"layer {layer.name} is cut for tiles of {layer.part.rows}x{layer.part.cols} and those of chip "
                f"{chip.name} hold {tile.rows}x{tile.cols}; convert the model to such tiles"
            )
    total, taken = sum(needed), 0
    for layer, n in zip(layers, needed, strict=True):
        taken += n
        if taken > chip.capacity:
            raise ValueError(
                f"chip {chip.name} has {chip.capacity} arrays ({chip.count_tiles()} tiles x {chip.tiers} tiers) and "
                f"layer {layer.name} ({layer.part.n_in}x{layer.part.n_out}) needs array number {taken}: "
                f"{total - chip.capacity} arrays are missing for the {total} of the model; give it more tiles, tiers "
                "or banks, larger tiles, or keep layers digital"
            )


def _blocks(
    layers: Sequence[Layer],
    copies: Sequence[int],
    keys: Sequence[tuple[str, int, int, int]],
    of: np.ndarray,
    vectors: np.ndarray,
    together: dict[int, np.ndarray],
) -> Blocks:
    member = np.asarray([int(key[0].rpartition("[")[2][:-1]) if key[0].endswith("]") else 0 for key in keys])
    shared = np.asarray([layer.n_matrices // layer.met * n for layer, n in zip(layers, copies, strict=True)])
    load = vectors / shared
    loads = np.asarray([load[k] for k in of])
    for index, matrix in together.items():
        if np.trace(matrix) > 0:
            inside, fires = of == index, np.diag(matrix) / np.trace(matrix)
            loads[inside] = vectors[index] / copies[index] * fires[member[inside]]
    return Blocks(of, member, loads, vectors * np.asarray([layer.part.n_in for layer in layers]), together)


def _together(layers: Sequence[Layer], coactivation: Any, strategy: str) -> dict[int, np.ndarray]:
    stacks = {index: layer for index, layer in enumerate(layers) if layer.n_matrices > layer.met}
    if coactivation is None:
        if strategy == "coactivation":
            raise ValueError("strategy coactivation needs `coactivation`, how often two experts fire for one token")
        return {}
    given = coactivation if isinstance(coactivation, Mapping) else {".*": coactivation}
    found = {}
    for pattern, matrix in given.items():
        if len({len(row) for row in matrix}) > 1:
            raise ValueError(f"coactivation of {pattern!r}: its rows are of different lengths; give a square matrix")
        matrix = np.asarray(matrix, float)
        matched = [index for index, layer in stacks.items() if re.fullmatch(pattern, layer.name)]
        if not matched:
            raise ValueError(f"coactivation: no stack of experts is called {pattern!r}")
        for index in matched:
            n = stacks[index].n_matrices
            if matrix.shape != (n, n) or np.any(matrix < 0) or not np.allclose(matrix, matrix.T):
                raise ValueError(
                    f"coactivation of {stacks[index].name}: expected a symmetric matrix of {n}x{n} frequencies, got "
                    f"shape {matrix.shape}"
                )
            found[index] = matrix
    return found


def _grid(chip: Chip, slots: Sequence[Slot]) -> Grid:
    tile = np.arange(len(slots)) % chip.count_tiles()
    return Grid(tile, np.asarray([position(chip, slot) for slot in slots[: chip.count_tiles()]]))


def _tokens(sample: Any) -> int:
    first = sample[0] if isinstance(sample, tuple) else sample
    is_text = getattr(first, "ndim", 0) == 1 and np.issubdtype(first.dtype, np.integer)
    return first.shape[0] if is_text else 1


def _notes(
    layers: Sequence[Layer], activity: Activity | None, input_power: Mapping[str, float] | None
) -> tuple[str, ...]:
    notes = []
    if activity is None:
        notes.append("no sample was given: one vector through every layer, and no digital work")
    if any(hasattr(layer.holder, "design") for layer in layers):
        notes.append("the model is not programmed: conductances are core/mean_g of their range")
    if input_power is None or any(layer.name not in input_power for layer in layers):
        notes.append("inputs were not measured: their mean square is core/input_power of full scale")
    return tuple(notes)
