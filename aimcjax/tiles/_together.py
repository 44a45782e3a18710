"""What a matrix asks of all its tiles; designs that know a better answer than the general one register it."""

import functools as ft
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._over import over
from .._types import PRNGKey


@ft.singledispatch
def read_together(
    design: Any,
    snapshots: Any,
    x: Float[Array, "tiles rows"],
    factor: Float[Array, "tiles #cols"],
    unit: Float[Array, " tiles"],
    *,
    key: PRNGKey,
    dtype: Any = None,
) -> Float[Array, " cols"]:
    r"""The tiles of one `design` that share outputs, read and added digitally:
    $y_c = \sum_i u_i f_{ic}\,\mathrm{read}(x_i)_c$.

    **Arguments:** `snapshots`, `x` in [-1, 1], the digital `factor` and `unit` (what an input of one stands for), all
    with a leading axis of tiles; `key`; `dtype`, in which a tile without physics may multiply.
    """
    del dtype
    keys = _random.split(key, len(x))
    y = over(lambda snapshot, x, key: design.read(snapshot, x, key=key), snapshots, x, keys)
    return jnp.sum(y * (factor * unit[:, None]), axis=0)


@ft.singledispatch
def ages(design: Any) -> bool:
    """Whether tiles of this `design` change after programming: those that do not are not compensated."""
    del design
    return True


@ft.singledispatch
def digital_scale(design: Any, w: Float[Array, "n_in n_out"]) -> Float[Array, " n_out"]:
    """By what a layer on tiles of this `design` divides the columns of a matrix before it is programmed, and multiplies
    its outputs: the largest magnitude, so that every column uses all of its range."""
    del design
    largest = jnp.max(jnp.abs(w), axis=0)
    return jnp.where(largest > 0, largest, 1.0)
