"""Every matrix of a model by itself."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from ._convert import analog_layers
from ._forms import Experts, Rows
from ._linear import AnalogLinear, matrices_shape


def matrix_layers(model: Any) -> dict[str, Any]:
    """The matrices of a model, each as a layer of its own, by name: what placement, cost and reports look at.

    **Returns:** linear layers in the life that they are in: `weight[n_out, n_in]`, or one `matrix` and its `scale`.
    A layer with one matrix gives its name to it, those of a stack are called `name[index]`.
    """
    return {name: one for layer in analog_layers(model).values() for name, one in _unstacked(layer)}


def _unstacked(layer: Any) -> Iterator[tuple[str, Any]]:
    *stack, _, _ = matrices_shape(layer)
    if not stack:
        yield layer.name, _alone(layer, layer.name, lambda array: array, getattr(layer, "matrix", None))
        return
    for index in range(stack[0]):
        name = f"{layer.name}[{index}]"
        matrix = layer.matrix.member(index) if hasattr(layer, "matrix") else None
        yield name, _alone(layer, name, lambda array, index=index: array[index], matrix)


def _alone(layer: Any, name: str, pick: Callable[[Array], Array], matrix: Any) -> Any:
    input_range = pick(layer.input_range) if isinstance(layer.form, Experts) else layer.input_range
    changed = {"name": name, "bias": None, "input_range": jnp.asarray(input_range), "form": Rows(), "seen": None}
    if isinstance(layer, AnalogLinear):
        limit = None if layer.weight_range is None else pick(layer.weight_range)
        return dataclasses.replace(layer, weight=pick(layer.matrices), weight_range=limit, **changed)
    return dataclasses.replace(layer, scale=pick(layer.scale), matrix=matrix, **changed)
