"""`vmap` that leaves out an axis of one."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax


def over(f: Callable[..., Any], *arguments: Any, axes: Sequence[int] | None = None) -> Any:
    """`f` of every slice of the `arguments`, each along its axis (default the first), results with a leading axis:
    `jax.vmap`; plainly where there is one slice, which spares compilers an axis of size one in every product."""
    axes = axes or (0,) * len(arguments)
    if jax.tree.leaves(arguments[0])[0].shape[axes[0]] > 1:
        return jax.vmap(f, in_axes=tuple(axes))(*arguments)
    first = [
        jax.tree.map(lambda leaf, axis=axis: lax.index_in_dim(leaf, 0, axis, keepdims=False), tree)
        for tree, axis in zip(arguments, axes, strict=True)
    ]
    return jax.tree.map(lambda leaf: leaf[None], f(*first))
