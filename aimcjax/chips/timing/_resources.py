"""What operations compete for: tiles, their converters, digital and attention units, links."""

from typing import NamedTuple

import equinox as eqx
import numpy as np

from ._graph import ATTENTION, COMMUNICATION, CONVERT, DIGITAL, MVM, SAMPLE, Graph


class Resources(eqx.Module):
    """The machine as `schedule` sees it.

    **Arguments:** `tiles`, the tile of each array of the graph (each its own if None); `one_tier_at_a_time`, whether
    the arrays of a tile work one after another, else only MVMs of the same array do; `adcs_per_tile`, arrays that can
    convert at once where conversion is an operation of its own (behind a sample-and-hold, assumed); `n_digital` and
    `n_attention` units; `n_channels`, transfers at once (unlimited if None, as the public simulator has it).

    How far a transfer goes is in its duration: `placement_graph` has it from where blocks lie.

    **Reference:** the numbers of units and `one_tier_at_a_time` are defaults of the public 3D-CiM simulator (Buechel,
    Nat. Comput. Sci. 5, 2025); `adcs_per_tile` is assumed.
    """

    tiles: np.ndarray | None = None
    one_tier_at_a_time: bool = eqx.field(static=True, default=True)
    n_digital: int = eqx.field(static=True, default=4)
    n_attention: int = eqx.field(static=True, default=1)
    n_channels: int | None = eqx.field(static=True, default=None)
    adcs_per_tile: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        for name in ("n_digital", "n_attention", "n_channels", "adcs_per_tile"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; give at least 1" + (" or None" if name == "n_channels" else ""))


class Assigned(NamedTuple):
    """A graph on resources in whole ticks: `resource` of each operation (-1 for none, or if it takes no time),
    `ticks` it lasts, how many a resource serves at once, and what it is called."""

    resource: np.ndarray
    ticks: np.ndarray
    capacity: np.ndarray
    labels: list[str]


def assign(graph: Graph, resources: Resources, resolution: float) -> Assigned:
    """Which resource each operation takes, and for how long."""
    tiles = tiles_of(graph, resources)
    n_tiles = int(tiles.max(initial=-1)) + 1
    working = tiles if resources.one_tier_at_a_time else np.arange(graph.n_arrays)
    n_working = int(working.max(initial=-1)) + 1
    resource = np.full(graph.n_operations, -1, np.int64)
    for kind, of_array in ((MVM, working), (CONVERT, n_working + tiles)):
        mask = graph.kind == kind
        resource[mask] = of_array[graph.unit[mask]]
    pools = n_working + n_tiles
    resource[(graph.kind == DIGITAL) | (graph.kind == SAMPLE)] = pools
    resource[graph.kind == ATTENTION] = pools + 1
    if resources.n_channels is not None:
        resource[graph.kind == COMMUNICATION] = pools + 2
    capacity = [1] * n_working + [resources.adcs_per_tile] * n_tiles
    capacity += [resources.n_digital, resources.n_attention, resources.n_channels or 1]
    seconds = graph.duration_s
    ticks = np.rint(seconds / resolution).astype(np.int64)
    if float(np.sum(seconds)) / resolution > 2**61:
        raise ValueError(f"{np.sum(seconds)} s in steps of {resolution} s overflow; give a coarser resolution")
    resource[ticks == 0] = -1
    name = "tile" if resources.one_tier_at_a_time else "array"
    labels = [f"{name} {i}" for i in range(n_working)] + [f"converters of tile {i}" for i in range(n_tiles)]
    return Assigned(resource, ticks, np.asarray(capacity), [*labels, "digital units", "attention units", "channels"])


def tiles_of(graph: Graph, resources: Resources) -> np.ndarray:
    """The tile of each array."""
    if resources.tiles is None:
        return np.arange(graph.n_arrays)
    tiles = np.asarray(resources.tiles)
    if tiles.shape != (graph.n_arrays,) or not np.issubdtype(tiles.dtype, np.integer) or tiles.min(initial=0) < 0:
        raise ValueError(
            f"tiles are {tiles.dtype} of shape {tiles.shape}; give each of {graph.n_arrays} arrays an integer from 0"
        )
    return tiles
