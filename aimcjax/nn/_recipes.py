"""What hardware-aware training changes in the layers of a model: ranges, limits, noise, precision."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

from .._types import Scalar
from ..tiles import WeightLevelTile
from ._convert import analog_layers, map_layers
from ._forms import Experts
from ._linear import AnalogLinear, is_analog, partition_of
from ._ranges import AbstractRangeRule
from ._tied import expand_tied


Model = TypeVar("Model")


def with_ranges(model: Model, rule: AbstractRangeRule, *, per_tile: bool = False) -> Model:
    """The model with another `rule` for the input ranges of every analog layer; `per_tile` gives every tile along the
    inputs of a matrix a range of its own, to start from that of the matrix. The model is not yet programmed."""

    whole = _whole(model)

    def change(layer: AnalogLinear) -> AnalogLinear:
        found = layer.input_range
        if per_tile and found.ndim == isinstance(layer.form, Experts):
            found = jnp.repeat(found[..., None], partition_of(whole[layer.name]).grid_rows, axis=-1)
        return dataclasses.replace(layer, ranges=rule, input_range=found)

    return _map(model, change)


def with_weight_ranges(model: Model) -> Model:
    r"""The model with a learned limit of the weights of every output, to start from the largest (`quantize_learned`,
    with the bits of the tile if it has steps). Its gradient is scaled by $2\sqrt{Q^3/n}$ with Q positive codes and n
    weights (by $1/\sqrt n$ without steps). Tiles at weight level take the limit for their full scale; weights are
    rounded to the nearest step, also where the tile would round stochastically.

    **Reference:** LSQ, Esser et al., ICLR 2020, with the scale and granularity of ParetoQ (Liu et al., 2025) as in
    AIHWKit-Lightning; one limit for a column of the matrix, where Lightning has one for that of each tile.
    """

    whole = _whole(model)

    def change(layer: AnalogLinear) -> AnalogLinear:
        largest = jnp.max(jnp.abs(whole[layer.name].matrices), axis=-1)
        design = layer.design
        design = dataclasses.replace(design, per="one") if isinstance(design, WeightLevelTile) else design
        limit = jnp.where(largest > 0, largest, 1.0)
        return dataclasses.replace(layer, weight_range=limit, design=design)

    return _map(model, change)


def with_designs(model: Model, like: Any) -> Model:
    """The model on the tiles of `like`: what was trained on one fidelity goes to the other."""
    designs = {name: layer.design for name, layer in analog_layers(like).items()}
    return _map(model, lambda layer: dataclasses.replace(layer, design=designs[layer.name]))


def scale_noise(model: Model, factor: Scalar | float) -> Model:
    """The model with the deviations of its tiles at weight level multiplied by `factor`: for schedules. Tiles with
    cells stay."""

    def change(layer: AnalogLinear) -> AnalogLinear:
        design = layer.design
        if not isinstance(design, WeightLevelTile):
            return layer
        return dataclasses.replace(layer, design=dataclasses.replace(design, noise_scale=design.noise_scale * factor))

    return _map(model, change)


def in_precision(model: Model, dtype: Any) -> Model:
    """The model with digital parameters in `dtype`. Analog layers keep theirs: they multiply in the precision of their
    inputs, but ranges, statistics, noise and stored weights are single precision at least."""

    def cast(node: Any) -> Any:
        return node.astype(dtype) if eqx.is_inexact_array(node) else node

    return jax.tree.map(lambda node: node if is_analog(node) else cast(node), model, is_leaf=is_analog)


def watched(model: Model) -> Model:
    """The model with a place for the notes of its range rules, `seen`, where there are any to take."""

    whole = _whole(model)

    def change(layer: AnalogLinear) -> AnalogLinear:
        if not layer.ranges.n_notes:
            return layer
        each = layer.input_range.shape[:1] if isinstance(layer.form, Experts) else ()
        shape = (*each, partition_of(whole[layer.name]).grid_rows, layer.ranges.n_notes)
        return dataclasses.replace(layer, seen=jnp.zeros(shape, layer.input_range.dtype))

    return _map(model, change)


def unwatched(model: Model) -> Model:
    """The reverse of `watched`."""
    return _map(model, lambda layer: dataclasses.replace(layer, seen=None))


def _map(model: Model, change: Callable[[AnalogLinear], AnalogLinear]) -> Model:
    return map_layers(model, lambda _, layer: change(layer) if isinstance(layer, AnalogLinear) else layer, is_analog)


def _whole(model: Any) -> dict[str, Any]:
    """The analog layers with the weights that an `equinox.nn.Shared` keeps for them."""
    return analog_layers(expand_tied(model))
