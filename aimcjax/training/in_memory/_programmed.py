"""Gradients kept by a digital unit and written as counted pulses, row by row."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar
from ...devices import pulsed
from ._order import AbstractOrder
from ._pulse_update import apply_counts
from ._streams import Count, Given


def programmed(
    device: pulsed.AbstractPulsedDevice,
    cells: Any,
    n: Float[Array, "rows cols"],
    order: AbstractOrder,
    *,
    key: PRNGKey,
) -> tuple[Any, Count, Scalar]:
    """Exactly `n` pulses on every cell, up where positive.

    **Returns:** the cells, the pulses, and the slots: rows take turns, each as long as its largest count.
    """
    cells, pulses = apply_counts(device, cells, Given(n[None]), order, key=key)
    return cells, pulses, jnp.sum(jnp.max(jnp.abs(n), axis=1))


def stochastic_round(x: Float[Array, "*n"], *, key: PRNGKey) -> Float[Array, "*n"]:
    """A whole number next to `x` whose expectation is `x`."""
    low = jnp.floor(x)
    return low + (jr.uniform(_random.split(key, 1)[0], x.shape, x.dtype) < x - low).astype(x.dtype)


def binned(x: Float[Array, "batch n"], bins: int, *, key: PRNGKey | None) -> Float[Array, "batch n"]:
    """Every vector rounded to `bins` levels of its largest magnitude, by chance with a `key`; 0 bins for none."""
    if bins == 0:
        return x
    half = bins // 2
    width = jnp.max(jnp.abs(x), axis=1, keepdims=True) / half
    scaled = x / jnp.where(width > 0, width, 1.0)
    whole = jnp.round(scaled) if key is None else stochastic_round(scaled, key=key)
    return whole.clip(-float(half), float(half)) * width
