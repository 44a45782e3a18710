"""What one sequence does to a placed model: exact counts, on the host, once; prices are functions of them.

Every count is an array over layers, so that a price is one vectorised expression however many layers there are.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .. import nn
from ..mapping import Partition
from ..nn import Activity
from ..periphery import resolution as bits_of
from ..tiles import TileDesign
from ._conversions import Conversions, count_conversions, physical_tile
from ._flow import Flow


class Layer(NamedTuple):
    """A layer as it is placed: `n_matrices` equal ones, of which a vector meets `met`; each on tiles like `part`, with
    the cells and converters of `tile`; `holder`, the layer of the model."""

    name: str
    n_matrices: int
    met: int
    part: Partition
    tile: TileDesign
    holder: Any


class Group(eqx.Module):
    """Converters of one kind: those of the `layers` at these positions, their numbers stacked."""

    dac: Any
    adc: Any
    layers: tuple[int, ...] = eqx.field(static=True)


class Counts(eqx.Module):
    """Of one sequence, by layer in the order of execution.

    `vectors` through a layer; `met`, matrices that each of them meets; `spread`, matrices that share the vectors out;
    `replicas`. For a vector, on all tiles of one matrix: `inputs`, `reads`, `codes` (as `Conversions`), `n_in`,
    `n_out`, and `g`, the sum of driven conductances [S], where it is known, else `g_range`, the same for full cells.
    `power`, mean square of inputs over full scale, `NaN` where it is not known. `per_line`, `shared`, as `Conversions`;
    of one tile: `rows` in use, `lines`, `cells` of the silicon of one tile. `tiles` of the chip taken, in parts where
    layers share one. `distance_in`, `distance_sum`: mean steps that inputs and partial sums travel on the grid;
    `reach_in`, `reach_sum`: the most.
    `crowd`: tiles (those with the same blocks are one row) by layer, blocks of it on such a tile. `blocks` that a
    vector meets, at most `stacked` of them on one tile. `groups`: converters. `flow`: what waits for what.

    Off the tiles: `ops`; multiply-accumulates `weight_macs` with digital weights and `attention_macs` between
    activations, which keep `weights` and `cache` numbers at hand. `tokens` of the sequence.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    vectors: Any
    met: Any
    spread: Any
    replicas: Any
    inputs: Any
    reads: Any
    codes: Any
    n_in: Any
    n_out: Any
    g: Any
    g_range: Any
    power: Any
    per_line: Any
    shared: Any
    rows: Any
    lines: Any
    cells: Any
    tiles: Any
    distance_in: Any
    distance_sum: Any
    reach_in: Any
    reach_sum: Any
    crowd: Any
    blocks: Any
    stacked: Any
    groups: tuple[Group, ...]
    flow: Flow
    ops: Any
    weight_macs: Any
    attention_macs: Any
    weights: Any
    cache: Any
    tokens: Any
    n_macs: int = eqx.field(static=True, default=0)
    n_cells: int = eqx.field(static=True, default=0)


def layers_of(model: Any, activity: Activity | None, chip_tile: TileDesign | None) -> list[Layer]:
    """The analog layers of a model, in the order of execution where it is known.

    **Raises:** `ValueError` for a tile or converter without a cost.
    """
    found = nn.analog_layers(model)
    names = list(found) if activity is None else [name for name in activity.vectors if name in found]
    return [_layer(name, found[name], chip_tile) for name in names]


def _layer(name: str, holder: Any, chip_tile: TileDesign | None) -> Layer:
    *stack, n_out, n_in = nn.matrices_shape(holder)
    design = holder.design if isinstance(holder, nn.AnalogLinear) else holder.matrix.design
    try:
        tile = physical_tile(design)
    except ValueError as error:
        if chip_tile is None or hasattr(design, "tile"):  # with nothing to take its place, or refused as it is
            raise ValueError(f"layer {name}: {error}") from None
        tile = chip_tile
    for which in ("dac", "adc"):
        if bits_of(getattr(tile, which)) is None:
            raise ValueError(f"layer {name}: an ideal {which.upper()} has no energy; give it a resolution")
    n_matrices = math.prod(stack)
    met = 1 if isinstance(holder.form, nn.Experts) else n_matrices
    return Layer(name, n_matrices, met, Partition(n_in, n_out, design.rows, design.cols), tile, holder)


def vectors_of(layers: Sequence[Layer], activity: Activity | None) -> np.ndarray:
    """Vectors of one sequence through each layer."""
    return np.asarray([1.0 if activity is None else float(activity.vectors[layer.name]) for layer in layers])


def host_counts(layers: Sequence[Layer]) -> list[Conversions]:
    """The conversions of one vector through one matrix of every layer; equal ones are counted once."""
    known: dict[Any, Conversions] = {}
    found = []
    for layer in layers:
        key = (layer.part, id(layer.tile))
        if key not in known:
            known[key] = count_conversions(layer.tile, layer.part)
        found.append(known[key])
    return found


def group_converters(layers: Sequence[Layer]) -> tuple[Group, ...]:
    """Converters of the same kind, stacked."""
    pairs = [(layer.tile.dac, layer.tile.adc) for layer in layers]
    kinds = [jax.tree.structure(pair) for pair in pairs]
    groups = []
    for kind in dict.fromkeys(kinds):
        members = [index for index, other in enumerate(kinds) if other == kind]
        dac, adc = jax.tree.map(
            lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *(pairs[index] for index in members)
        )
        groups.append(Group(dac, adc, tuple(members)))
    return tuple(groups)


def conductances(layer: Layer) -> tuple[float, float]:
    """`(g, g_range)` of `Counts` for one of its matrices, in the mean over a stack. [S]"""
    part, tile, holder = layer.part, layer.tile, layer.holder
    if isinstance(holder, nn.AnalogLinear):
        return 0.0, part.n_in * part.n_out * float(tile.device.g_max)
    matrices = [holder.matrix] if layer.n_matrices == 1 and not hasattr(holder.matrix, "member") else [
        holder.matrix.member(index) for index in range(layer.n_matrices)
    ]  # fmt: skip
    return sum(_driven(matrix) for matrix in matrices) / len(matrices), 0.0


def _driven(matrix: Any) -> float:
    """The sum of conductances on rows with an input: rows of padding carry no voltage."""
    snapshot = matrix if hasattr(matrix, "factor") else matrix.at(0.0)
    part = matrix.partition
    g = np.asarray(snapshot.tiles.g, np.float64)
    driven = np.asarray(part.split_vector(jnp.ones(part.n_in)), np.float64)[:, None, None, :, None]
    return float(np.sum(g * driven))


def digital_counts(activity: Activity | None) -> dict[str, float]:
    """What is done off the tiles."""
    if activity is None:
        return dict.fromkeys(("ops", "weight_macs", "attention_macs", "weights", "cache"), 0.0)
    kept = {live: sum(p.kept for p in activity.products if p.of_activations == live) for live in (True, False)}
    return {
        "ops": float(activity.digital_ops),
        "weight_macs": float(activity.digital_macs - activity.activation_macs),
        "attention_macs": float(activity.activation_macs),
        "weights": float(kept[False]),
        "cache": float(kept[True]),
    }


def crowding(tiles_of: Sequence[np.ndarray], n_tiles: int) -> tuple[np.ndarray, np.ndarray]:
    """From the tile of every block of every layer: unique rows of blocks by layer on a tile, and the tiles that each
    layer takes, in parts where it shares them."""
    blocks = np.zeros((n_tiles, len(tiles_of)))
    for index, tiles in enumerate(tiles_of):
        np.add.at(blocks[:, index], tiles, 1.0)
    used = blocks[blocks.sum(axis=1) > 0]
    return np.unique(used, axis=0), (used / used.sum(axis=1, keepdims=True)).sum(axis=0)


def stacking(tiles: np.ndarray, n_turns: int) -> float:
    """Blocks on one tile that a vector meets, at most, from the `tiles` of those of all `n_turns` copies."""
    turn = np.repeat(np.arange(n_turns), tiles.size // n_turns)
    return float(np.unique(np.stack([turn, tiles]), axis=1, return_counts=True)[1].max())
