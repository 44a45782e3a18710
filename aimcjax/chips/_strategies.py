"""Which array every block of a model takes: plain NumPy on the host.

A strategy is given the blocks of a model in order, and the arrays (slots) of a chip, the first tier of every tile
before the second; it returns the position of the slot of every block.
"""

import heapq
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..components import shorten, suggest


class Blocks(NamedTuple):
    """By block: `layer`, its position; `member` of a stack; `load`, vectors through it. By layer: `traffic`, bits that
    enter it. `together[layer]`, where known: how often two members of a stack fire for one token."""

    layer: np.ndarray
    member: np.ndarray
    load: np.ndarray
    traffic: np.ndarray
    together: dict[int, np.ndarray]


class Grid(NamedTuple):
    """`tile[slot]`, and `xy[tile]` on the grid, banks side by side."""

    tile: np.ndarray
    xy: np.ndarray


def in_order(blocks: Blocks, grid: Grid) -> np.ndarray:
    """One block after the other: the first tier of all tiles, then the second."""
    del grid
    return np.arange(len(blocks.layer))


def balanced(blocks: Blocks, grid: Grid) -> np.ndarray:
    """Every tile as busy as the others: the block with most vectors first, to the tile with the least load."""
    free = _slots_by_tile(grid)
    heap: list[Any] = [(0.0, tile) for tile in range(len(grid.xy))]
    chosen = np.empty(len(blocks.layer), int)
    for block in np.argsort(-blocks.load, kind="stable"):
        load, tile = heapq.heappop(heap)
        chosen[block] = free[tile].pop(0)
        if free[tile]:
            heapq.heappush(heap, (load + blocks.load[block], tile))
    return chosen


def communication_aware(blocks: Blocks, grid: Grid, *, n_swaps: int = 3000) -> np.ndarray:
    """Consecutive layers near each other: row by row or along a space-filling (Hilbert) curve, whichever is shorter,
    then swaps of two arrays while they shorten the way of all bits (Manhattan distance times bits)."""
    where = [np.flatnonzero(blocks.layer == layer) for layer in range(len(blocks.traffic))]
    every = lambda chosen: {layer: _way(blocks, grid, chosen, where, layer) for layer in range(len(where))}
    rng, n_slots = np.random.default_rng(0), len(grid.tile)
    along = np.asarray(sorted(range(n_slots), key=lambda slot: _along_curve(grid, slot)))
    starts = (in_order(blocks, grid), along[: len(blocks.layer)])
    chosen = min(starts, key=lambda start: sum(every(start).values())).copy()
    terms, holder = every(chosen), np.full(n_slots, -1)
    holder[chosen] = np.arange(len(chosen))
    for a, target in zip(rng.integers(len(chosen), size=n_swaps), rng.integers(n_slots, size=n_swaps), strict=True):
        b, source = holder[target], chosen[a]
        touched = {int(blocks.layer[a])} | ({int(blocks.layer[b])} if b >= 0 else set())
        if b >= 0 and len(touched) == 1:
            continue
        changed = {term for layer in touched for term in (layer, layer + 1) if term < len(where)}
        chosen[a] = target
        if b >= 0:
            chosen[b] = source
        after = {layer: _way(blocks, grid, chosen, where, layer) for layer in changed}
        if sum(after.values()) < sum(terms[layer] for layer in changed):
            terms.update(after)
            holder[target], holder[source] = a, b
        else:
            chosen[a] = source
            if b >= 0:
                chosen[b] = target
    return chosen


def coactivation(blocks: Blocks, grid: Grid) -> np.ndarray:
    """Experts that fire together on different tiles, for a tile reads one tier at a time. The experts of a stack come
    in the order of how often they fire with those that came before; each goes to the tiles where it meets them least.

    **Reference:** the greedy order of Buechel et al., Nat. Comput. Sci. 5:13 (2025), from the densities of pairs.
    """
    free = _slots_by_tile(grid)
    room, used = np.asarray([len(slots) for slots in free]), np.zeros(len(free), int)
    chosen = np.empty(len(blocks.layer), int)
    for layer in dict.fromkeys(blocks.layer.tolist()):
        inside = np.flatnonzero(blocks.layer == layer)
        member = blocks.member[inside]
        together = blocks.together.get(layer)
        n_members = int(member.max()) + 1
        rank = np.argsort(np.arange(n_members) if together is None else _by_meeting(together))
        order = inside[np.argsort(rank[member], kind="stable")]
        clash = np.zeros((n_members, n_members)) if together is None else together
        for block, tile in zip(order, spread(blocks.member[order], clash, room, used), strict=True):
            chosen[block] = free[tile].pop(0)
    return chosen


def spread(members: np.ndarray, clash: np.ndarray, room: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Greedy: the place of every one of `members`, one after another, where it clashes least with those that are there
    already, of equal ones the least used.

    **Arguments:** `members`, some of them several times; `clash` of each pair; `room` that every place has, and how
    much of it is `used`: both are changed.
    """
    there = np.zeros((len(room), len(clash)))
    places = np.empty(len(members), int)
    for index, member in enumerate(members):
        conflict = np.where(room > 0, there @ clash[member], np.inf)
        place = places[index] = np.lexsort((used, conflict))[0]
        room[place] -= 1
        used[place] += 1
        there[place, member] += 1
    return places


STRATEGIES: dict[str, Callable[[Blocks, Grid], np.ndarray]] = {
    each.__name__: each for each in (in_order, balanced, communication_aware, coactivation)
}


def strategy_named(name: str) -> Callable[[Blocks, Grid], np.ndarray]:
    """The strategy called `name`. **Raises:** `ValueError` for another, with the known ones."""
    if name not in STRATEGIES:
        raise ValueError(
            f"unknown placement strategy {shorten(name)}; {suggest(str(name), STRATEGIES, always_list=True)}"
        )
    return STRATEGIES[name]


def _slots_by_tile(grid: Grid) -> list[list[int]]:
    free: list[list[int]] = [[] for _ in grid.xy]
    for slot, tile in enumerate(grid.tile):
        free[tile].append(slot)
    return free


def _along_curve(grid: Grid, slot: int) -> tuple[int, int]:
    """Tier, and the place of a tile along a Hilbert curve over the grid."""
    x, y = (int(v) for v in grid.xy[grid.tile[slot]])
    size = 1 << int(grid.xy.max()).bit_length()
    place, half = 0, size // 2
    while half:
        right, upper = int(x & half > 0), int(y & half > 0)
        place += half * half * ((3 * right) ^ upper)
        if upper == 0:  # the quadrant is turned
            x, y = (y, x) if right == 0 else (size - 1 - y, size - 1 - x)
        half //= 2
    return slot // len(grid.xy), place


def _way(blocks: Blocks, grid: Grid, chosen: np.ndarray, where: list[np.ndarray], layer: int) -> float:
    """Bits times steps into a layer, from the one before it."""
    if layer == 0:
        return 0.0
    one, other = (grid.xy[grid.tile[chosen[where[index]]]] for index in (layer - 1, layer))
    return float(blocks.traffic[layer]) * mean_distance(one, other)


def _by_meeting(together: np.ndarray) -> list[int]:
    """Members by how often they fire with those before them, the busiest first."""
    prior = np.diag(together) if np.any(np.diag(together)) else together.sum(axis=1)
    order = [int(np.argmax(prior))]
    while len(order) < len(together):
        score = prior * together[:, order].sum(axis=1)
        score[order] = -np.inf
        order.append(int(np.argmax(score)))
    return order


def mean_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Mean steps on the grid between points `[n, 2]` of one set and those of another."""
    return sum(_mean_gap(one[:, axis], other[:, axis]) for axis in (0, 1))


def farthest(one: np.ndarray, other: np.ndarray) -> int:
    """Most steps on the grid between points `[n, 2]` of one set and those of another."""
    diagonals = np.asarray([[1, 1], [1, -1]])  # |x| + |y| is the larger of |x + y| and |x - y|
    a, b = one @ diagonals.T, other @ diagonals.T
    return int(np.maximum(a.max(axis=0) - b.min(axis=0), b.max(axis=0) - a.min(axis=0)).max())


def _mean_gap(one: np.ndarray, other: np.ndarray) -> float:
    # E|X - Y| is the sum of F (1 - G) + G (1 - F) of both distributions
    size = int(max(one.max(), other.max())) + 1
    f, g = (np.cumsum(np.bincount(x, minlength=size)) / len(x) for x in (one, other))
    return float(np.sum(f * (1 - g) + g * (1 - f)))
