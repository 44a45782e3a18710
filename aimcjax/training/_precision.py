"""Forward passes in less memory: half precision, and blocks that are computed again for their gradients."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from .. import models, nn
from .._types import PRNGKey


def in_precision(forward: Callable[..., Array], dtype: Any) -> Callable[..., Array]:
    """`forward` with activations and products in `dtype` (`jnp.bfloat16`), and float32 for everything that must not be
    rounded: the stored weights, ranges and their statistics, noise, the sums of the tiles' products, and the logits.
    Products of gradients are in `dtype`, with sums rounded to it."""

    def lower(model: Any, xs: Array, *, key: PRNGKey) -> PyTree[Array]:
        cast = lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
        return jax.tree.map(lambda y: y.astype(jnp.float32), forward(nn.in_precision(model, dtype), cast(xs), key=key))

    return lower


def rematerialised(forward: Callable[..., Array], blocks: str) -> Callable[..., Array]:
    """`forward` that keeps only the inputs of the modules whose paths match `blocks` (`"blocks/[0-9]+"`) and computes
    them once more in the backward pass: memory of one block instead of all, a third more computation.

    **Raises:** `ValueError`, when it is called, if `blocks` is no pattern or matches no module.
    """

    def again(model: Any, xs: Array, *, key: PRNGKey) -> PyTree[Array]:
        return forward(with_checkpoints(model, blocks), xs, key=key)

    return again


class _Checkpointed(eqx.Module):
    inner: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return eqx.filter_checkpoint(self.inner)(*args, **kwargs)


def with_checkpoints(model: Any, blocks: str) -> Any:
    """The model with modules by path pattern that are computed again for their gradients; see `rematerialised`."""
    if isinstance(model, models.WithRouting):  # whose paths are those of what it wraps
        return models.WithRouting(with_checkpoints(model.model, blocks))
    try:
        re.compile(blocks)
    except re.error as error:
        raise ValueError(f"{blocks!r} is no pattern of paths: {error}") from None
    found: list[tuple[Any, ...]] = []
    for path, _ in _modules(model, ()):
        inside = any(path[: len(outer)] == outer for outer in found)  # computed again with what it is in
        if not inside and path and re.fullmatch(blocks, "/".join(map(str, path))):
            found.append(path)
    if not found:
        raise ValueError(
            f"no module of the model has a path that matches {blocks!r}; transformers have 'blocks/[0-9]+'"
        )
    for path in found:
        model = eqx.tree_at(lambda tree, path=path: _follow(tree, path), model, replace_fn=_Checkpointed)
    return model


def _modules(node: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Modules by path, the outermost of those that lie within each other first."""
    if isinstance(node, (list, tuple)):
        children = list(enumerate(node))
    elif isinstance(node, eqx.Module):
        yield path, node
        children = list(vars(node).items())
    else:
        return
    for name, child in children:
        yield from _modules(child, (*path, name))


def _follow(node: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        node = node[name] if isinstance(name, int) else getattr(node, name)
    return node
