"""Counts of a model that is placed: what a sequence does, and where it is done."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..nn import Activity
from ._conversions import Conversions
from ._counts import (
    Counts,
    Layer,
    conductances,
    crowding,
    digital_counts,
    group_converters,
    host_counts,
    stacking,
    vectors_of,
)  # fmt: skip
from ._description import Chip
from ._flow import flow_of, steps_of
from ._strategies import farthest, mean_distance


def count_placed(
    chip: Chip,
    layers: Sequence[Layer],
    copies: Sequence[int],
    activity: Activity | None,
    xy: np.ndarray,
    *,
    input_power: Mapping[str, float] | None,
    tokens: int,
) -> Counts:
    """See `Counts`; `xy` are the positions of all blocks on the die, of one layer after the other."""
    assert chip.tile is not None
    found, names, power = host_counts(layers), [layer.name for layer in layers], input_power or {}
    per_mvm = {key: np.asarray([float(getattr(each, key)) for each in found]) for key in Conversions._fields}
    unit, known = per_mvm.pop("unit_columns"), [conductances(layer) for layer in layers]
    lines = chip.tile.cols + unit
    column = lambda of: np.asarray([float(of(layer)) for layer in layers])
    cells = sum(
        n * layer.n_matrices * c.cells * layer.part.n_in * (layer.part.n_out + layer.part.grid_cols * c.unit_columns)
        for layer, n, c in zip(layers, copies, found, strict=True)
    )
    return Counts(
        names=tuple(names),
        vectors=vectors_of(layers, activity), met=column(lambda layer: layer.met),
        spread=column(lambda layer: layer.n_matrices // layer.met), replicas=np.asarray(copies, float),
        inputs=per_mvm["inputs"], reads=per_mvm["reads"], codes=per_mvm["codes"], per_line=per_mvm["per_line"],
        shared=per_mvm["shared"], n_in=column(lambda layer: layer.part.n_in),
        n_out=column(lambda layer: layer.part.n_out), rows=column(lambda layer: layer.part.block_rows),
        g=np.asarray([g for g, _ in known]), g_range=np.asarray([g for _, g in known]),
        power=np.asarray([float(power.get(name, np.nan)) for name in names]), lines=lines,
        cells=per_mvm["cells"] * chip.tile.rows * lines, blocks=column(lambda layer: layer.met * layer.part.n_tiles),
        groups=group_converters(layers), flow=flow_of(steps_of(activity, names), names),
        **_where(chip, layers, copies, activity, xy), **digital_counts(activity), tokens=float(tokens),
        n_macs=_n_macs(layers, activity), n_cells=int(cells),
    )  # fmt: skip


def _where(
    chip: Chip, layers: Sequence[Layer], copies: Sequence[int], activity: Activity | None, xy: np.ndarray
) -> dict[str, np.ndarray]:
    """What depends on the places of the blocks."""
    ends = np.cumsum([layer.n_matrices * layer.part.n_tiles * n for layer, n in zip(layers, copies, strict=True)])
    spans = [slice(end - start, end) for start, end in zip(np.diff(ends, prepend=0), ends, strict=True)]
    number = xy[:, 0] * chip.banks * (chip.grid or (0, 0))[1] + xy[:, 1]
    turns = [n * layer.n_matrices // layer.met for layer, n in zip(layers, copies, strict=True)]
    crowd, tiles = crowding([number[span] for span in spans], int(number.max()) + 1)
    near = [
        np.concatenate([xy[spans[i]] for i in before] or [np.zeros((1, 2), int)])
        for before in _sources(layers, activity)
    ]
    ways = [_ways_of_sums(layer, xy[span]) for layer, span in zip(layers, spans, strict=True)]
    pairs = [(one, xy[span]) for one, span in zip(near, spans, strict=True)]
    return {
        "crowd": crowd,
        "tiles": tiles,
        "stacked": np.asarray([stacking(number[span], n) for span, n in zip(spans, turns, strict=True)]),
        "distance_in": np.asarray([mean_distance(*pair) for pair in pairs]),
        "distance_sum": np.asarray([float(way.mean()) for way in ways]),
        "reach_in": np.asarray([float(farthest(*pair)) for pair in pairs]),
        "reach_sum": np.asarray([float(way.max()) for way in ways]),
    }


def _n_macs(layers: Sequence[Layer], activity: Activity | None) -> int:
    if activity is not None:
        return activity.n_macs
    return sum(layer.met * layer.part.n_in * layer.part.n_out for layer in layers)


def _ways_of_sums(layer: Layer, xy: np.ndarray) -> np.ndarray:
    """Steps of partial sums to the tile that adds them, the first of every column of blocks."""
    blocks = xy.reshape(-1, layer.part.grid_rows, layer.part.grid_cols, 2)
    return np.abs(blocks - blocks[:, :1]).sum(axis=-1)


def _sources(layers: Sequence[Layer], activity: Activity | None) -> list[list[int]]:
    """The layers whose outputs each layer takes, none for the inputs of the model; without a sample the one before."""
    if activity is None:
        return [[index - 1] * (index > 0) for index in range(len(layers))]
    number, found = {layer.name: index for index, layer in enumerate(layers)}, [set() for _ in layers]
    for step in activity.steps:
        if step.layer in number:
            before = (activity.steps[index].layer for index in step.after)
            found[number[step.layer]] |= {number[name] for name in before if name in number}
    return [sorted(sources) for sources in found]
