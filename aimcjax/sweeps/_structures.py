"""Networks that differ only in values share a program: which do, and the arrays in which they differ."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._types import strongly_typed


class Structure(NamedTuple):
    """Networks of one structure: `points`, where they stand among all; `shared`, leaves that are the same in all
    (`None` where they differ); `varied[i]`, those of the i-th that are its own; `treedef`, and `static`, what is no
    array."""

    points: tuple[int, ...]
    shared: list[Any]
    varied: list[list[Any]]
    treedef: Any
    static: Any

    def stacked(self, members: Sequence[int]) -> list[Any]:
        """The own leaves of `members`, stacked."""
        return [jnp.stack(leaves) for leaves in zip(*(self.varied[i] for i in members), strict=True)]

    def model(self, shared: Sequence[Any], own: Sequence[Any]) -> Any:
        """A network again."""
        rest = iter(own)
        leaves = [next(rest) if leaf is None else leaf for leaf in shared]
        return eqx.combine(jax.tree.unflatten(self.treedef, leaves), self.static)


def by_structure(models: Sequence[Any]) -> list[Structure]:
    """`models` sorted into those that one compiled program serves; different sizes, types and layers take another."""
    found: dict[Any, list[int]] = {}
    parts = [eqx.partition(strongly_typed(model), eqx.is_array) for model in models]
    for index, (arrays, static) in enumerate(parts):
        leaves, treedef = jax.tree.flatten(arrays)
        others, outline = jax.tree.flatten(static)
        shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        found.setdefault((treedef, shapes, outline, tuple(others)), []).append(index)
    return [_structure(tuple(members), [parts[i] for i in members]) for members in found.values()]


def _structure(points: tuple[int, ...], parts: Sequence[tuple[Any, Any]]) -> Structure:
    leaves = [jax.tree.leaves(arrays) for arrays, _ in parts]
    first = leaves[0]
    same = [all(_equal(first[k], other[k]) for other in leaves[1:]) for k in range(len(first))]
    shared = [leaf if alike else None for leaf, alike in zip(first, same, strict=True)]
    varied = [[leaf for leaf, alike in zip(own, same, strict=True) if not alike] for own in leaves]
    return Structure(points, shared, varied, jax.tree.structure(parts[0][0]), parts[0][1])


def _equal(one: Any, other: Any) -> bool:
    return one is other or bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True))
