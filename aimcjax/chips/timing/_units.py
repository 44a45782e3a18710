"""Which blocks of a placed model work as one."""

from typing import NamedTuple

import numpy as np

from .._description import position
from .._place import Placement
from ._graph import Block


class Units(NamedTuple):
    """Of a layer: `of` [copies, units], numbers of the units of every copy of every matrix; `tile` (of the first
    block), `blocks` and `members` (positions in `Placement.items`) of each of them."""

    of: np.ndarray
    tile: np.ndarray
    blocks: list[Block]
    members: list[list[int]]


def units_of(placement: Placement, *, lockstep: bool) -> dict[str, Units]:
    """By layer; a `copy` is a matrix of a stack in one of its replicas, replicas slowest."""
    chip = placement.chip
    merge = lockstep and chip.links.n_channels is None
    xy = [position(chip, item.slot) for item in placement.items]
    width = chip.banks * (chip.grid or (0, 0))[1]
    tiles = np.asarray([row * width + col for row, col in xy])
    alone = np.bincount(tiles)[tiles] == 1
    found, first, taken = {}, 0, 0
    for layer, replicas in zip(placement.layers, np.asarray(placement.counts.replicas, int), strict=True):
        rows = []
        for copy in range(layer.n_matrices * replicas):
            blocks = range(first, first + layer.part.n_tiles)
            together = [index for index in blocks if alone[index]] if merge else []
            groups = [together] * bool(together) + [[i] for i in blocks if not merge or not alone[i]]
            rows.append([(copy, group) for group in groups])
            first += layer.part.n_tiles
        # Copies may differ in how many of their tiles are their own; then all are split up, to have as many units each
        longest = max(len(row) for row in rows)
        if any(len(row) != longest for row in rows):
            rows = [[(copy, [i]) for _, group in row for i in group] for copy, row in enumerate(rows)]
        flat = [pair for row in rows for pair in row]
        members = [group for _, group in flat]
        of = taken + np.arange(len(flat)).reshape(len(rows), -1)
        firsts = [(placement.items[group[0]], copy, len(group)) for copy, group in flat]
        blocks = [Block(item.layer, copy, item.row, item.col, n) for item, copy, n in firsts]
        found[layer.name] = Units(of, tiles[[group[0] for group in members]], blocks, members)
        taken += len(flat)
    return found
