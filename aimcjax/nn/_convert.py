"""Replacing a model's layers by analog ones. New layer types and model frameworks register here; nothing is patched."""

import functools as ft
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax.random as jr
import jax.tree_util as jtu

from ..mapping import AbstractCompensation, GlobalDriftCompensation
from ..tiles import AbstractTileDesign
from ._linear import AnalogLinear, is_analog
from ._rules import Rule, RuleBook


Model = TypeVar("Model")


@ft.singledispatch
def to_analog(layer: Any, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> Any:
    """The analog version of a layer; register your own type with `@to_analog.register`.

    **Raises:** `TypeError` for a type nobody registered.
    """
    raise TypeError(f"no analog version of {type(layer).__name__} is registered (layer {name})")


@to_analog.register
def _(layer: eqx.nn.Linear, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> AnalogLinear:
    if "scalar" in (layer.in_features, layer.out_features):
        raise ValueError(f'layer {name}: a Linear of "scalar" size has no vector to put on rows; use size 1')
    return AnalogLinear(weight=layer.weight, bias=layer.bias, design=design, compensation=compensation, name=name)


def is_convertible(node: Any) -> bool:
    """Whether `to_analog` knows the type of `node`."""
    return to_analog.dispatch(type(node)) is not to_analog.dispatch(object)


@ft.singledispatch
def map_layers(model: Any, f: Callable[[str, Any], Any], is_layer: Callable[[Any], bool]) -> Any:
    """`model` with every layer (by `is_layer`) replaced by `f(path, layer)`; any pytree, so any Equinox model."""
    return jtu.tree_map_with_path(
        lambda path, node: f(path_name(path), node) if is_layer(node) else node, model, is_leaf=is_layer
    )


def path_name(path: Sequence[Any]) -> str:
    """A tree path as people write it: `"blocks/0/mlp/up"`."""
    return jtu.keystr(tuple(path), simple=True, separator="/")


def convert(model: Model, rules: Sequence[Rule], *, compensation: AbstractCompensation | None = None) -> Model:
    """The same model with layers replaced by analog ones, still trainable.

    **Arguments:** `model`, any Equinox model (a pytree with `equinox.nn.Linear` layers); `rules`, first match wins,
    a layer that no rule matches stays digital; `compensation`, default `GlobalDriftCompensation()`. Input ranges
    start at one: set them from data with `calibrate`.

    **Returns:** a model of the same class. `program` makes it a chip.

    **Raises:** `ValueError` if a rule matches no layer.
    """
    book = RuleBook(rules)
    compensation = compensation or GlobalDriftCompensation()

    def replace(path: str, layer: Any) -> Any:
        design = book.design_for(path)
        return layer if design is None else to_analog(layer, design, compensation, path)

    analog = map_layers(model, replace, is_convertible)
    book.check_all_used()
    return analog


def to_digital(model: Model) -> Model:
    """The reverse of `convert`: every analog layer, not programmed, becomes an `equinox.nn.Linear` with its weights."""

    def replace(path: str, layer: Any) -> Any:
        del path
        n_out, n_in = layer.weight.shape
        blank = eqx.filter_eval_shape(eqx.nn.Linear, n_in, n_out, use_bias=layer.bias is not None, key=jr.key(0))
        parts = lambda linear: (linear.weight, linear.bias)
        return eqx.tree_at(parts, blank, parts(layer), is_leaf=lambda leaf: leaf is None)

    return map_layers(model, replace, is_analog)


def analog_layers(model: Any) -> dict[str, Any]:
    """The analog layers of a model by name, in the order of the model's fields."""
    found: dict[str, Any] = {}

    def note(path: str, layer: Any) -> Any:
        if layer.name in found:  # keys, maps and ranges go by name
            raise ValueError(
                f"two analog layers are called {layer.name!r} (one at {path}); convert the whole model at once"
            )
        found[layer.name] = layer
        return layer

    map_layers(model, note, is_analog)
    return found
