"""Deep networks in little memory: their blocks are one loop, each computed again for its gradient."""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, PyTree, Shaped

from .. import models, nn
from .._random import keys_for
from .._types import PRNGKey, Scalar
from ._hwa import random_age
from ._sharding import gathered


class DeferredLinear(nn.AbstractAnalogLayer):
    """An analog layer that is programmed and aged where it is read, so that no chip outlives its block."""

    layer: nn.AnalogLinear
    key_program: PRNGKey
    t: Scalar
    name: str = eqx.field(static=True)
    key: PRNGKey | None = None

    def __call__(self, x: Array, *args: Any, key: PRNGKey | None = None, **kwargs: Any) -> Array:
        """As the `AgedLinear` that it becomes."""
        chip = self.layer.program(key=self.key_program).at(self.t)
        return chip(x, *args, key=self.key if key is None else key, **kwargs)


class ScannedBlocks(eqx.Module):
    """Equal blocks of a decoder in one `scan`: of the activations only their inputs are kept, on a mesh every block
    gathers its parameters when it needs them, and the program is as long as one block. Their caches are not kept."""

    blocks: list[Any]


@models.through.register
def _(blocks: ScannedBlocks, x: Array, caches: list[Any], *args: Any) -> tuple[Array, list[Any], list[Any]]:
    arrays, structures = zip(*(eqx.partition(_unnamed(block), eqx.is_array) for block in blocks.blocks), strict=True)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays)

    @jax.checkpoint
    def step(x: Array, arrays: Any) -> tuple[Array, Any]:
        x, _, extra = eqx.combine(gathered(arrays), structures[0])(x, caches[0], *args)
        return x, extra

    x, extras = jax.lax.scan(step, x, stacked)
    return x, caches, [jax.tree.map(lambda leaf, i=i: leaf[i], extras) for i in range(len(caches))]


def _unnamed(block: Any) -> Any:
    """Names say which block a layer is of; in a loop all are one."""

    def rename(path: str, layer: Any) -> Any:
        inner = {"layer": rename(path, layer.layer)} if isinstance(layer, DeferredLinear) else {}
        return dataclasses.replace(layer, name=path, **inner)

    return nn.map_layers(block, rename, nn.is_analog)


def scanned(model: Any) -> Any:
    """The model with its list `blocks` as one loop (`ScannedBlocks`).

    **Raises:** `ValueError` if it has no such list, or its blocks are not all of one form.
    """
    if isinstance(model, models.WithRouting):
        return models.WithRouting(scanned(model.model))
    blocks = getattr(model, "blocks", None)
    if not isinstance(model, models.AbstractDecoder) or not isinstance(blocks, list):
        raise ValueError(f"deep=True is for decoders (gpt, llama, moe), got {type(model).__name__}; train it without")
    kinds = {(tree.structure, tree.shapes) for tree in map(_form_of, blocks)}
    if len(kinds) > 1:
        raise ValueError("deep=True needs equal blocks, got different ones: convert all or none, or train without")
    return eqx.tree_at(lambda it: it.blocks, model, ScannedBlocks(blocks))


class _Form(NamedTuple):
    structure: Any
    shapes: tuple[Any, ...]


def _form_of(block: Any) -> _Form:
    arrays, rest = eqx.partition(_unnamed(block), eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)
    return _Form((structure, jax.tree.structure(rest)), tuple((leaf.shape, leaf.dtype) for leaf in leaves))


def deep_hwa_forward(
    model: Any, xs: Shaped[Array, "samples ..."], *, key: PRNGKey, ages: tuple[float, float] = (20.0, 20.0)
) -> PyTree[Shaped[Array, "samples ..."]]:
    """`hwa_forward` with the same chip, of which every block is programmed when its turn comes, and again for its
    gradient: memory for the chip of one block instead of all.

    **Arguments:** as `hwa_forward`; `model`, which `fit` hands over as one loop (`scanned`) where it is deep.
    """
    key_program, key_rest = jr.split(key)
    key_age, key_read = jr.split(key_rest)
    t = random_age(ages, key=key_age)
    keys = keys_for(key_program, list(nn.analog_layers(model)))
    defer = lambda _, layer: DeferredLinear(layer=layer, key_program=keys[layer.name], t=t, name=layer.name)
    return nn.apply(nn.map_layers(model, defer, nn.is_analog), xs, key=key_read)
