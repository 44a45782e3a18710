"""Heads with weights of their own."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
import jax.tree_util as jtu

from .. import nn
from ._layout import array_paths


def untie(model: Any) -> Any:
    """The same function with a head of its own, a copy of the token embedding: a linear layer that `convert` can put
    on tiles, while the embedding stays a digital table. Training changes the two apart from here on.

    **Arguments:** `model`, a digital decoder or an encoder with a masked-language head, tied.

    **Raises:** `ValueError` for a model without a tied head, or one with analog layers.
    """
    if not getattr(getattr(model, "config", None), "tied", False):
        raise ValueError(f"this {type(model).__name__} has no tied head")
    if nn.analog_layers(model):
        raise ValueError("untie a model before `convert`, not after")
    arrays = dict(array_paths(model))
    for token, head, bias in [
        ("embedding.weight", "head.weight", ""),
        ("embeddings.tokens.weight", "masked_lm.decoder.weight", "masked_lm.bias"),
    ]:
        arrays |= {head: arrays[token]} if token in arrays else {}
        arrays |= {"masked_lm.decoder.bias": arrays[bias]} if bias in arrays else {}
    config = dataclasses.replace(model.config, tied=False)
    blank = eqx.filter_eval_shape(type(model), config, key=jr.key(0))
    is_shape = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
    name = lambda path: jtu.keystr(path, simple=True, separator=".")
    return jtu.tree_map_with_path(lambda path, leaf: arrays[name(path)] if is_shape(leaf) else leaf, blank)
