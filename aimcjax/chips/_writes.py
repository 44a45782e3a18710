"""What would have to be written to turn one chip into another."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from .. import nn


def rewritten_cells(before: Any, after: Any) -> int:
    """How many cells of chip `before` are not, bit for bit, as those of chip `after`: what had to be written to go from
    one to the other. None of it where only adapters were trained.

    **Arguments:** `before` and `after`, programmed: the same chip earlier and later, or two that `nn.program` drew with
    the same key, so that they differ where their weights do. Cells are the entries of the largest arrays that tiles
    hold; one that two targets leave at the very same conductance (at zero) is not counted.

    **Raises:** `ValueError` if the two are not programmed, or not of the same layers and tiles.
    """
    old, new = nn.analog_layers(before), nn.analog_layers(after)
    if list(old) != list(new):
        raise ValueError(f"the two chips have different layers: {sorted(old.keys() ^ new.keys())}")
    return sum(_differing(name, old[name], new[name]) for name in old)


def _differing(name: str, old: Any, new: Any) -> int:
    arrays = [_cells(name, layer) for layer in (old, new)]
    if [array.shape for array in arrays[0]] != [array.shape for array in arrays[1]]:
        raise ValueError(f"layer {name} lies on different tiles of the two chips")
    differs = jnp.zeros(arrays[0][0].shape, bool)
    for a, b in zip(*arrays, strict=True):
        differs |= a != b
    return int(jnp.sum(differs))


def _cells(name: str, layer: Any) -> list[jax.Array]:
    if not isinstance(layer, nn.ProgrammedLinear):
        raise ValueError(f"layer {name} is not programmed; give chips as `aimcjax.nn.program` returned them")
    found = [leaf for leaf in jax.tree.leaves(layer.matrix.tiles) if eqx.is_inexact_array(leaf)]
    largest = max(found, key=jnp.size)
    return [leaf for leaf in found if leaf.shape == largest.shape]
