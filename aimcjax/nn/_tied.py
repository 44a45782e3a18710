"""Weights that layers share through `equinox.nn.Shared`."""

from typing import Any

import equinox as eqx
import jax.tree_util as jtu

from ._convert import map_layers
from ._linear import AnalogLinear


class Expanded(eqx.Module):
    """What stands for an `equinox.nn.Shared` once its layers have been programmed: each has its own copy of the tied
    weights on tiles. Called like it, it returns the layers."""

    pytree: Any

    def __call__(self) -> Any:
        """The layers."""
        return self.pytree


def expand_tied(model: Any, *, every: bool = False) -> Any:
    """`model` with every `equinox.nn.Shared` that withholds the weight of an analog layer, or just `every` one,
    replaced by an `Expanded`."""
    is_shared = lambda node: isinstance(node, eqx.nn.Shared) and (every or _withholds(node))
    return map_layers(model, lambda _, node: Expanded(expand_tied(node(), every=every)), is_shared)


def _withholds(node: eqx.nn.Shared) -> bool:
    analog = lambda node: isinstance(node, AnalogLinear)
    layers = [layer for layer in jtu.tree_leaves(node, is_leaf=analog) if analog(layer)]
    return any(not eqx.is_array_like(layer.weight) for layer in layers)
