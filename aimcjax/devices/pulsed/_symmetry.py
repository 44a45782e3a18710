"""The weight at which an up and a down pulse cancel."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from ._base import AbstractAffineStep, AbstractStep, Cell, Traits


@functools.singledispatch
def balance(step: AbstractStep, traits: Traits) -> Cell:
    """The weight in each cell's range where the up and the down step are equally long, by bisection.

    One Newton step ends the search, with the gradient of the implicit function. If one direction is stronger at
    every weight it is the bound on that side. Assumes that the difference falls with the weight.
    """
    difference = functools.partial(_difference, step)
    fixed = lax.stop_gradient(traits)

    def halve(_: Array, ends: tuple[Cell, Cell]) -> tuple[Cell, Cell]:
        low, high = ends
        middle = 0.5 * (low + high)
        rising = difference(middle, fixed) > 0
        return jnp.where(rising, middle, low), jnp.where(rising, high, middle)

    low, high = lax.fori_loop(0, 50, halve, (fixed.w_min, fixed.w_max))
    w = 0.5 * (low + high)
    value, slope = jax.jvp(lambda w: difference(w, traits), (w,), (jnp.ones_like(w),))
    polished = w - jnp.where(slope < 0, value / jnp.where(slope < 0, slope, 1.0), 0.0)
    return jnp.minimum(jnp.maximum(polished, traits.w_min), traits.w_max)


@balance.register
def _closed_form(step: AbstractAffineStep, traits: Traits) -> Cell:
    up = jnp.ones_like(traits.w_max, dtype=bool)
    (a_up, b_up), (a_down, b_down) = step.line(up, traits), step.line(~up, traits)
    excess, slope = a_up - a_down, b_up - b_down
    flat = slope == 0
    w = excess / jnp.where(flat, 1.0, slope)
    w = jnp.where(flat, jnp.sign(excess) * traits.span(), w)  # the stronger direction wins, up to its bound
    return jnp.minimum(jnp.maximum(w, traits.w_min), traits.w_max)


def _difference(step: AbstractStep, w: Cell, traits: Traits) -> Cell:
    up = jnp.ones_like(w, dtype=bool)
    return step.size(w, up, traits) - step.size(w, ~up, traits)
