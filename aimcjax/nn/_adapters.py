"""Adapters on whole models: put beside layers, exchanged, folded in; and which leaves of them train."""

import dataclasses
import functools as ft
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.tree_util as jtu
from jaxtyping import Array, Float, PyTree

from .. import _random
from .._types import PRNGKey
from ._adapter_layers import AbstractAdapter, LoHa, LoRA, is_adapter
from ._convert import is_opaque, map_layers, refusal
from ._forms import Rows
from ._linear import AnalogLinear, is_analog, matrices_shape
from ._rules import Rule, RuleBook


Model = TypeVar("Model")

KINDS: dict[str, Any] = {"lora": LoRA, "loha": LoHa}


def adapt(
    model: Model,
    patterns: Sequence[str],
    *,
    rank: int = 8,
    alpha: float = 16.0,
    kind: str = "lora",
    key: PRNGKey,
) -> Model:
    """The model with an adapter beside every linear layer whose path matches a pattern; it computes the same until the
    adapters are trained.

    **Arguments:** `model`, digital, or analog in any life: adapters stay where they are in `convert`, `program`, `at`
    and `to_digital`; `patterns`, regular expressions for whole paths, as of `Rule`; `rank` and `alpha` of the adapters,
    `kind`, `"lora"` or `"loha"`; `key`, initial values: each adapter uses the key of its layer's path. Call it again
    with other patterns for other ranks.

    **Returns:** a model of the same class. `trainable_adapters` is the mask for training.

    **Raises:** `ValueError` for a pattern that matches no linear layer, a layer that has an adapter or shares its
    weights, a rank or `alpha` that is not positive, or an unknown kind.
    """
    _check(rank, alpha, kind)
    book = RuleBook([Rule(pattern, None) for pattern in _patterns(patterns)])
    found: dict[str, Any] = {}

    def note(path: str, layer: Any) -> Any:
        if not is_opaque(layer) and book.rule_for(path) is not None:
            found[path] = layer
        return layer

    map_layers(model, note, lambda node: is_adapter(node) or is_adaptable(node) or is_opaque(node))
    book.check_all_used(rules="adapter patterns", layers="linear layers")
    keys = _random.keys_for(key, list(found))
    shapes = {path: _shape_and_dtype(path, layer) for path, layer in found.items()}
    new = {
        path: KINDS[kind].new(None, shape, rank, float(alpha), dtype, key=keys[path])
        for path, (shape, dtype) in shapes.items()
    }
    return attach(model, new)


def attach(model: Model, adapters: Mapping[str, AbstractAdapter]) -> Model:
    """The model with given adapters, as of `adapters_of`: how one programmed chip serves many tasks.

    **Arguments:** `model`, in any life; `adapters` by the path of their layer.

    **Raises:** `ValueError` for a path without a linear layer, with an adapter already, or with another shape.
    """
    left = dict(adapters)

    def wrap(path: str, layer: Any) -> Any:
        if is_opaque(layer) or path not in left:
            return layer
        shape, _ = _shape_and_dtype(path, layer)
        adapter = left.pop(path)
        found = {(b.shape[0], a.shape[1]) for a, b in adapter.pairs}
        if found != {shape}:
            raise ValueError(f"the adapter of {path} is for a layer of {min(found)}, not of {shape}")
        return dataclasses.replace(adapter, base=layer)

    adapted = map_layers(model, wrap, lambda node: is_adapter(node) or is_adaptable(node) or is_opaque(node))
    if left:
        raise ValueError(f"the model has no linear layer for the adapters of {sorted(left)}")
    return adapted


def adapters_of(model: Any) -> dict[str, AbstractAdapter]:
    """The adapters of a model by the path of their layer, without the layer: what `attach` takes."""
    found: dict[str, AbstractAdapter] = {}

    def note(path: str, adapter: AbstractAdapter) -> AbstractAdapter:
        found[path] = dataclasses.replace(adapter, base=None)
        return adapter

    map_layers(model, note, is_adapter)
    return found


def detach(model: Model) -> Model:
    """The model without its adapters."""
    return map_layers(model, lambda _, adapter: adapter.base, is_adapter)


def merge(model: Model) -> Model:
    r"""The model with every $\Delta W$ added to the weights of its layer, and without adapters.

    **Raises:** `ValueError` for a layer that is programmed: its cells would have to be written again.
    """
    return map_layers(model, lambda path, adapter: _folded(adapter.base, adapter.delta(), path), is_adapter)


@ft.singledispatch
def _folded(layer: Any, delta: Float[Array, "n_out n_in"], path: str) -> Any:
    del layer, delta
    raise ValueError(
        f"layer {path} is programmed: merging its adapter would write its cells again; merge before `program`, or keep "
        "the adapter"
    )


@_folded.register
def _(layer: eqx.nn.Linear, delta: Float[Array, "n_out n_in"], path: str) -> eqx.nn.Linear:
    del path
    return eqx.tree_at(lambda layer: layer.weight, layer, layer.weight + delta)


@_folded.register
def _(layer: jax.Array, delta: Float[Array, "n_out n_in"], path: str) -> jax.Array:
    del path
    return layer + delta


@_folded.register
def _(layer: AnalogLinear, delta: Float[Array, "n_out n_in"], path: str) -> AnalogLinear:
    del path
    return dataclasses.replace(layer, weight=layer.weight + delta)


def trainable_adapters(model: Any) -> PyTree[bool]:
    """A mask with the structure of `model`: true for the arrays of adapters, false for everything else (base weights,
    biases, input ranges, norms, cells). In the place of `trainable`.

    **Raises:** `ValueError` if the model has no adapters.
    """
    if not adapters_of(model):
        raise ValueError("the model has no adapters; make some with `aimcjax.nn.adapt(model, patterns, key=...)`")
    return jax.tree.map(lambda role: role != "other", adapter_roles(model))


def adapter_roles(model: Any) -> PyTree[str]:
    """The structure of `model` with the role of each leaf: `"a"` and `"b"` for the factors of adapters, `"other"`."""

    def roles(node: Any) -> Any:
        pairs = node.pairs if is_adapter(node) else ()
        role = {id(factor): name for pair in pairs for factor, name in zip(pair, "ab", strict=True)}
        return jax.tree.map(lambda leaf: role.get(id(leaf), "other"), node)

    return jtu.tree_map(roles, model, is_leaf=is_adapter)


def is_adaptable(node: Any) -> bool:
    """Whether `node` is a linear layer of one vector, digital or on tiles, without an adapter."""
    if is_analog(node):
        return isinstance(node.form, Rows)
    return isinstance(node, eqx.nn.Linear) and not refusal(node)


def _shape_and_dtype(path: str, layer: Any) -> tuple[tuple[int, int], Any]:
    if is_adapter(layer):
        raise ValueError(f"layer {path} has an adapter already; `aimcjax.nn.detach` removes it")
    kept = layer.scale if hasattr(layer, "scale") else layer.weight
    if not eqx.is_array(kept):
        raise ValueError(f"layer {path} shares its weight with another; give it its own before it gets an adapter")
    n_out, n_in = matrices_shape(layer) if is_analog(layer) else kept.shape
    if isinstance(layer, eqx.nn.Linear) and "scalar" in (layer.in_features, layer.out_features):
        raise ValueError(f'layer {path}: a Linear of "scalar" size takes no adapter; use size 1')
    return (n_out, n_in), kept.dtype


def _patterns(patterns: Sequence[str]) -> list[str]:
    found = [patterns] if isinstance(patterns, str) else list(patterns)
    odd = [pattern for pattern in found if not isinstance(pattern, str)]
    if odd or not found:
        raise ValueError(f"adapters go to the layers of one pattern or more, as strings, got {odd or 'none'}")
    return found


def _check(rank: int, alpha: float, kind: str) -> None:
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ValueError(f"the rank of an adapter is a whole number from 1, got {rank!r}")
    if not (isinstance(alpha, (int, float)) and math.isfinite(alpha) and alpha > 0):
        raise ValueError(f"`alpha` of an adapter is a positive number, got {alpha!r}")
    if kind not in KINDS:
        raise ValueError(f"adapters are of kind {' or '.join(KINDS)}, got {kind!r}")
