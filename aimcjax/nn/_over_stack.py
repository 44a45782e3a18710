"""A layer on a stack of vectors."""

import functools
from collections.abc import Callable

import jax
from jaxtyping import Array, Float


@functools.singledispatch
def over_stack(
    layer: Callable[[Float[Array, " n_in"]], Float[Array, " n_out"]], x: Float[Array, "tokens n_in"]
) -> Float[Array, "tokens n_out"]:
    """`layer` of every vector of `x`. Open by dispatch for layers that have to see all of them at once."""
    return jax.vmap(layer)(x)
