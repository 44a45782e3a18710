"""Layers that one forward pass uses several times."""

import dataclasses
from typing import Any, TypeVar

import jax.random as jr
from jaxtyping import Array, Int

from ._convert import map_layers
from ._linear import AbstractAnalogLayer, is_analog


Model = TypeVar("Model")


def reused(model: Model, use: int | Int[Array, ""]) -> Model:
    """`model`, or a part of one, as it is in use number `use`: the same cells, read with noise of that use.

    Analog layers hold one read key for a whole forward pass, which a loop around them would repeat; `vmap` does not,
    and `apply` sees to loops around recurrent cells (`is_recurrent`). Physically the weights are the same at every
    read and the noise of reads is not. Digital models come back as they are. In a recurrent network of other layers,
    or in a model that is called without `apply`:

        step = lambda h, item: (reused(cell, item[0])(item[1], h), None)
        h, _ = lax.scan(step, h, (jnp.arange(len(xs)), xs))
    """

    def of_this_use(path: str, layer: Any) -> AbstractAnalogLayer:
        del path
        return layer if layer.key is None else dataclasses.replace(layer, key=jr.fold_in(layer.key, use))

    return map_layers(model, of_this_use, is_analog)
