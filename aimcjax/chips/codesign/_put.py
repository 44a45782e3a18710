"""One choice in both of its places: the model that computes and the counts that cost."""

import dataclasses
import functools as ft
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ... import nn
from ..._types import Scalar
from ...tiles import ManagedTile, TileDesign
from .._counts import Counts, Group
from ._relaxed import relaxed, with_bits, with_v_max
from ._variables import Choice


@ft.singledispatch
def map_tile(design: Any, change: Callable[[TileDesign], TileDesign]) -> Any:
    """A design with the tile of cells and converters in it changed. **Raises:** `ValueError` where there is none."""
    del change
    raise ValueError(f"{type(design).__name__} has no ADCs to optimise; put the layer on a physical `TileDesign`")


@map_tile.register
def _(design: TileDesign, change: Callable[[TileDesign], TileDesign]) -> Any:
    return change(design)


@map_tile.register
def _(design: ManagedTile, change: Callable[[TileDesign], TileDesign]) -> Any:
    return dataclasses.replace(design, tile=map_tile(design.tile, change))


def on_tiles(model: Any, change: Callable[[str, TileDesign], TileDesign]) -> Any:
    """The model, not programmed, with the tile of every layer changed by `change(name, tile)`.

    **Raises:** `ValueError`, with the name of the layer, for one without a tile of cells and converters.
    """

    def one(path: str, layer: Any) -> Any:
        del path
        if not isinstance(layer, nn.AnalogLinear):
            raise ValueError(f"layer {layer.name} is programmed already; optimise the model that `nn.convert` returned")
        try:
            return dataclasses.replace(layer, design=map_tile(layer.design, ft.partial(change, layer.name)))
        except ValueError as error:
            raise ValueError(f"layer {layer.name}: {error}") from None

    return nn.map_layers(model, one, nn.is_analog)


def in_model(model: Any, names: tuple[str, ...], choice: Choice, *, smooth: bool = False) -> Any:
    """The model with the converters of `choice`; `smooth`: with noise in the place of the steps of ADCs. Layers that
    are not among `names`, since no sample meets them, stay as they are."""

    def change(name: str, tile: TileDesign) -> TileDesign:
        if name not in names:
            return tile
        adc = with_bits(relaxed(tile.adc) if smooth else tile.adc, choice.bits[names.index(name)])
        return dataclasses.replace(tile, adc=adc, dac=with_v_max(tile.dac, choice.v_max))

    return on_tiles(model, change)


def in_counts(counts: Counts, choice: Choice) -> Counts:
    """The counts with the converters of `choice`."""

    def one(group: Group) -> Group:
        bits: Float[Array, " n"] = choice.bits[jnp.asarray(group.layers)]
        v_max: Scalar = jnp.full_like(bits, 1.0) * choice.v_max
        return Group(with_v_max(group.dac, v_max), with_bits(group.adc, bits), group.layers)

    return dataclasses.replace(counts, groups=tuple(one(group) for group in counts.groups))
