"""A cell with a selector in series (1S1R): its current at a voltage."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from ._selectors import AbstractSelector
from ._wires import CellArray


_HALVINGS = 100


def cell_with_selector(selector: AbstractSelector) -> Callable[[CellArray, CellArray], CellArray]:
    r"""The law $i(g, v)$ of a linear cell `g` [S] in series with `selector`, for `nonlinear_currents`.

    Solves $i / g + v_{selector}(i) = v$ for every cell; no current without conductance. Differentiable in `g`, `v` and
    the selector.
    """

    def law(g: Array, v: Array) -> Array:
        own = of_dtype(selector, v.dtype)
        return rising_root(lambda i: i + g * (own.voltage(i) - v), jnp.minimum(v, 0.0) * g, jnp.maximum(v, 0.0) * g)

    return jnp.vectorize(law)


def rising_root(f: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where the rising function `f` is zero, between `low` and `high`; differentiable in what `f` closes over."""

    def halve(_: Array, ends: tuple) -> tuple:
        low, high = ends
        middle = 0.5 * (low + high)
        above = f(middle) > 0
        return jnp.where(above, low, middle), jnp.where(above, middle, high)

    low, high = lax.fori_loop(0, _HALVINGS, halve, (lax.stop_gradient(low), lax.stop_gradient(high)))
    x = lax.stop_gradient(0.5 * (low + high))
    value, slope = jax.jvp(f, (x,), (jnp.ones_like(x),))
    return x - value / lax.stop_gradient(slope)


def of_dtype(selector: AbstractSelector, dtype: jnp.dtype) -> AbstractSelector:
    """`selector` with parameters of one type."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), selector)
