"""Replacing a model's layers by analog ones. New layer types and model frameworks register here; nothing is patched."""

import functools as ft
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax.tree_util as jtu

from ..mapping import AbstractCompensation, GlobalDriftCompensation
from ..tiles import AbstractTileDesign
from ._adapter_layers import AbstractAdapter, is_adapter
from ._forms import AbstractForm
from ._frameworks import load_frameworks
from ._linear import AnalogLinear, is_analog
from ._rules import Rule, RuleBook


Model = TypeVar("Model")


@ft.singledispatch
def to_analog(layer: Any, design: AbstractTileDesign, compensation: AbstractCompensation, name: str) -> Any:
    """The analog version of a `layer` whose path is `name`; register your own type with `@to_analog.register`, and make
    it with `make_analog`.

    **Raises:** `TypeError` for a type nobody registered.
    """
    raise TypeError(f"no analog version of {type(layer).__name__} is registered (layer {name})")


def make_analog(
    weight: Any,
    bias: Any,
    form: AbstractForm,
    design: AbstractTileDesign,
    compensation: AbstractCompensation,
    name: str,
) -> AnalogLinear:
    """An analog layer called `name` from `weight` and `bias` (arrays, or what stands for them) in the shape that `form`
    knows.

    **Raises:** `ValueError` for a weight with another number of axes: layers that are stacked for a loop over them.
    """
    if getattr(weight, "ndim", form.n_axes) != form.n_axes and form.n_axes is not None:
        raise ValueError(
            f"layer {name}: its weight has {weight.ndim} axes, not {form.n_axes}; layers stacked for `scan` or `vmap` "
            "have no analog version: keep them in a list, or digital, `Rule(..., None)`"
        )
    return AnalogLinear(
        weight=weight,
        bias=bias,
        design=design,
        compensation=compensation,
        name=name,
        input_range=form.input_ranges(weight),
        form=form,
    )


@ft.singledispatch
def is_lookup(layer: Any) -> bool:
    """Whether a `layer` reads rows of a table: rules pass over it unless they say `lookups=True`."""
    del layer
    return False


@is_lookup.register
def _(layer: eqx.nn.Embedding) -> bool:
    del layer
    return True


def is_convertible(node: Any) -> bool:
    """Whether `to_analog` knows the type of `node`, and `node` is not analog already."""
    parts = getattr(node, "__dict__", {}).values()
    return not refusal(node) and not any(is_analog(part) or is_adapter(part) for part in parts)


def refusal(node: Any) -> str:
    """Why `to_analog` cannot convert `node`, empty if it can."""
    load_frameworks()
    base = next((cls for cls in type(node).__mro__ if cls in to_analog.registry), object)
    if base is object:
        return f"no analog version of {type(node).__name__}: register one with `to_analog`"
    if type(node).__call__ is not base.__call__:  # a subclass that computes something else
        return f"{type(node).__name__} changes the call of {base.__name__}: register it with `to_analog`"
    return ""


@ft.singledispatch
def is_opaque(node: Any) -> bool:
    """Whether a layer makes the weights of another at every call, which therefore cannot be programmed."""
    return isinstance(node, (eqx.nn.WeightNorm, eqx.nn.SpectralNorm))


@ft.singledispatch
def map_layers(model: Any, f: Callable[[str, Any], Any], is_layer: Callable[[Any], bool]) -> Any:
    """`model` with every layer (by `is_layer`) replaced by `f(path, layer)`; any pytree, so any Equinox model. Other
    frameworks register here; those of Flax NNX are known."""
    load_frameworks()
    default = map_layers.dispatch(object)
    foreign = lambda node: map_layers.dispatch(type(node)) is not default

    def one(path: Sequence[Any], node: Any) -> Any:
        here = path_name(path)
        if foreign(node):
            return map_layers(node, lambda rest, layer: f(f"{here}/{rest}".strip("/"), layer), is_layer)
        return f(here, node) if is_layer(node) else node

    return jtu.tree_map_with_path(one, model, is_leaf=lambda node: foreign(node) or is_layer(node))


@map_layers.register
def _(model: AbstractAdapter, f: Callable[[str, Any], Any], is_layer: Callable[[Any], bool]) -> Any:
    # The path of the layer is that of its adapter: rules, keys and names do not change when one is put beside it.
    if is_layer(model):
        return f("", model)
    base = map_layers(model.base, f, is_layer)
    return eqx.tree_at(lambda adapter: adapter.base, model, base, is_leaf=lambda node: node is None)  # of masks as well


def rebuilt(model: Model) -> Model:
    """The same model, made anew where it is called: NNX refuses to count draws in a model from outside of a trace."""
    return jtu.tree_map(lambda leaf: leaf, model)


def path_name(path: Sequence[Any]) -> str:
    """A tree path as people write it: `"blocks/0/mlp/up"`."""
    return jtu.keystr(tuple(path), simple=True, separator="/")


def convert(model: Model, rules: Sequence[Rule], *, compensation: AbstractCompensation | None = None) -> Model:
    """The same model with layers replaced by analog ones, still trainable.

    **Arguments:** `model`, any Equinox or Flax NNX model; `rules`, first match wins, a layer that no rule matches stays
    digital; `compensation`, default `GlobalDriftCompensation()`. Input ranges start at one: set them from data with
    `calibrate`.

    **Returns:** a model of the same class. `program` makes it a chip, `summary` says what became of each layer. Tied
    weights stay tied: those of `equinox.nn.Shared`, and shared modules and parameters of NNX. The parameters of an NNX
    model are shared with the original, as `flax.nnx.clone` would not: training one trains the other.

    **Raises:** `ValueError` if a rule matches no layer, or a layer that has no analog version in its variant.
    """
    book = RuleBook(rules)
    compensation = compensation or GlobalDriftCompensation()

    def replace(path: str, layer: Any) -> Any:
        if is_opaque(layer):
            return layer
        design = book.design_for(path, lookup=is_lookup(layer))
        return layer if design is None else to_analog(layer, design, compensation, path)

    analog = map_layers(model, replace, lambda node: is_opaque(node) or is_convertible(node))
    book.check_all_used()
    return analog


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
