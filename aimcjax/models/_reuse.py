"""Layers that one forward pass uses several times."""

import dataclasses
from typing import TypeVar

import equinox as eqx
import jax.random as jr
from jaxtyping import Array, Int

from .. import nn


Module = TypeVar("Module", bound=eqx.Module)


def reused(module: Module, use: int | Int[Array, ""]) -> Module:
    """`module` as it is in use number `use`: the same cells, read with noise of that use.

    Analog layers hold one read key for a whole forward pass, which a loop around them would repeat; digital modules
    come back as they are.
    """

    def of_this_use(path: str, layer: nn.AbstractAnalogLayer) -> nn.AbstractAnalogLayer:
        del path
        return layer if layer.key is None else dataclasses.replace(layer, key=jr.fold_in(layer.key, use))

    return nn.map_layers(module, of_this_use, nn.is_analog)
