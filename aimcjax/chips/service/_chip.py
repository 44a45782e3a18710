"""A chip in service: its cells, the factors of its drift compensation, and cells written again."""

import dataclasses
import functools as ft
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ... import _random, nn
from ..._types import Conductance, PRNGKey, Time
from ...devices import AbstractCells, AbstractDevice, AbstractWrapper, is_stuck, reprogram
from ...periphery import install
from ...tiles import AbstractTileDesign, ManagedTile, Readout, TileDesign, TileState, WeightLevelTile


Held = dict[str, tuple[Any, Array]]  # by layer: states of the tiles, and what they answered when written
Factors = dict[str, Array]


def held(chip: Any) -> Held:
    """What changes when cells are written, by layer."""
    return {name: (layer.matrix.tiles, layer.matrix.reference) for name, layer in nn.analog_layers(chip).items()}


def with_held(chip: Any, cells: Held) -> Any:
    """The chip with other cells."""

    def swap(path: str, layer: Any) -> Any:
        del path
        tiles, reference = cells[layer.name]
        return dataclasses.replace(layer, matrix=dataclasses.replace(layer.matrix, tiles=tiles, reference=reference))

    return nn.map_layers(chip, swap, nn.is_analog)


def aged(chip: Any, ages: dict[str, Time]) -> Any:
    """The chip with every layer at its own age [s], compensated."""
    return nn.map_layers(chip, lambda _, layer: layer.at(ages[layer.name]), nn.is_analog)


def factors_of(snapshot: Any) -> Factors:
    """The factors of drift compensation of an aged chip."""
    return {name: layer.matrix.factor for name, layer in nn.analog_layers(snapshot).items()}


def with_factors(snapshot: Any, factors: Factors) -> Any:
    """An aged chip with factors of another time."""

    def swap(path: str, layer: Any) -> Any:
        del path
        return dataclasses.replace(layer, matrix=dataclasses.replace(layer.matrix, factor=factors[layer.name]))

    return nn.map_layers(snapshot, swap, nn.is_analog)


def rewritten(model: Any, chip: Any, *, key: PRNGKey) -> Held:
    """The cells of `chip` after they are written once more with the weights of `model`: faults, wear and strength of
    cells stay, what belongs to programming is drawn anew."""
    layers = nn.analog_layers(model)
    return {
        name: _rewritten_layer(layers[name], layer, _random.key_for(key, name))
        for name, layer in nn.analog_layers(chip).items()
    }


def failed_shares(chip: Any) -> Float[Array, " layers"]:
    """The share of stuck cells in every layer."""
    return jnp.stack([_failed(layer.matrix) for layer in nn.analog_layers(chip).values()])


def tiles_and_cells(chip: Any) -> tuple[list[int], list[int]]:
    """How many tiles every layer has, and how many cells (where tiles have weights only, weights)."""
    layers = [layer.matrix for layer in nn.analog_layers(chip).values()]
    tiles = [math.prod(matrix.reference.shape[:-2]) for matrix in layers]
    return tiles, [max(jnp.size(leaf) for leaf in jax.tree.leaves(matrix.tiles)) for matrix in layers]


class _Standing(AbstractWrapper):
    """`device` whose cells exist already: programming writes them again."""

    device: AbstractDevice
    cells: AbstractCells

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        return reprogram(self.device, self.cells, g_target, key=key)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        return self.device.drift(cells, t)

    def read_std(self, cells: AbstractCells, t: Time) -> Conductance | None:
        return self.device.read_std(cells, t)


@ft.singledispatch
def _rewrite(design: AbstractTileDesign, state: Any, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
    del state
    return design.program(w, key=key)  # of weights without cells nothing stays


@_rewrite.register
def _(design: TileDesign, state: TileState, w: Float[Array, "rows cols"], *, key: PRNGKey) -> TileState:
    g_target, gain = design.encoding.encode(w, design.device)
    dac, adc = install(design.dac, state.dac), install(design.adc, state.adc)
    readout = Readout(design.crossbar, design.encoding, dac, adc)
    standing = _Standing(design.device, state.cells)  # pyright: ignore[reportCallIssue] (g_min, g_max are derived)
    cells, _ = design.policy.program(standing, g_target, key=key, readout=readout)
    return dataclasses.replace(state, cells=cells, gain=gain)


@_rewrite.register
def _(design: ManagedTile, state: Any, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
    return _rewrite(design.tile, state, w, key=key)


@ft.singledispatch
def _stuck(design: AbstractTileDesign, state: Any) -> Float[Array, ""]:
    """The share of stuck cells of one tile."""
    del design, state
    return jnp.zeros(())


@_stuck.register(TileDesign)
@_stuck.register(WeightLevelTile)
def _(design: Any, state: Any) -> Float[Array, ""]:
    if design.device is None or state.cells is None:
        return jnp.zeros(())
    return jnp.mean(is_stuck(design.device, state.cells).astype(float))


@_stuck.register
def _(design: ManagedTile, state: Any) -> Float[Array, ""]:
    return _stuck(design.tile, state)


def _failed(matrix: Any) -> Float[Array, ""]:
    return jnp.mean(_over_tiles(matrix, lambda state: _stuck(matrix.design, state))(matrix.tiles))


def _rewritten_layer(layer: nn.AnalogLinear, programmed: nn.ProgrammedLinear, key: PRNGKey) -> tuple[Any, Array]:
    matrix: Any = programmed.matrix
    design, part = matrix.design, matrix.partition
    w, _ = layer.on_tiles()
    blocks = part.split_matrix(w) if w.ndim == 2 else jax.vmap(part.split_matrix)(w)
    lead = matrix.reference.shape[:-2]
    keys = _random.split(key, math.prod(lead)).reshape(lead)
    rewrite = lambda state, block, key: _rewrite(design, state, block, key=key)
    tiles = _over_tiles(matrix, rewrite)(matrix.tiles, blocks, keys)
    vectors = matrix.compensation.vectors(part.block_rows)
    answers = lambda state: jax.vmap(lambda x: design.expected(design.at(state, 0.0), x))(vectors)
    return tiles, _over_tiles(matrix, answers)(tiles)


def _over_tiles(matrix: Any, f: Any) -> Any:
    for _ in matrix.reference.shape[:-2]:
        f = jax.vmap(f)
    return f
