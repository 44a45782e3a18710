"""Equal steps within every sample interval: the route for many cells, for noise, and for differentiating cheaply."""

from functools import partial
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar
from ._base import AbstractMemristor, State
from ._bounds import Box, inside, stopped


_FINEST = 512  # parts of a sample interval that the noise resolves


def integrate(
    model: AbstractMemristor,
    t: Float[Array, " samples"],
    v: Float[Array, " samples"],
    x0: State,
    key: PRNGKey | None,
    substeps: int,
    order: int,
) -> Float[Array, "samples *state"]:
    """The state at every sample, after `substeps` steps of `order` in each interval; with `key` also the noise."""
    box = Box(*model.bounds())
    advance = partial(_implicit if model.stiff else _explicit, order)
    # One interval more, whose end nobody reads: states are written in place, not copied by a concatenation.
    h = jnp.diff(t) / substeps
    h = jnp.append(h, h[-1:])
    ends = jnp.append(v[1:], v[-1:])
    keys = None if key is None else jax.vmap(lambda k: jr.fold_in(key, k))(jnp.arange(len(t)))
    fractions = jnp.linspace(0.0, 1.0, substeps + 1, dtype=v.dtype)

    def interval(y: State, inputs: Any) -> tuple[State, State]:
        h, v0, v1, key = inputs
        volts = v0 + (v1 - v0) * fractions
        shocks = None if key is None else jnp.sqrt(h * substeps) * _increments(key, fractions, y)

        def substep(y: State, inputs: Any) -> tuple[State, None]:
            v0, v1, shock = inputs
            noise = jnp.zeros_like(y) if shock is None else box.diffusion(model, y, v0) * shock
            return advance(model, box, y, v0, v1, h, noise), None

        if substeps == 1:
            after, _ = substep(y, (v0, v1, None if shocks is None else shocks[0]))
        else:
            after, _ = lax.scan(substep, y, (volts[:-1], volts[1:], shocks))
        return after, box.unscaled(y)

    return lax.scan(interval, box.scaled(x0), (h, v, ends, keys))[1]


def _explicit(order: int, model: Any, box: Box, y: State, v0: Scalar, v1: Scalar, h: Scalar, noise: State) -> State:
    first = box.rate(model, y, v0)
    if order == 1:
        return inside(y + h * first + noise)
    first = stopped(y, first)
    # The second rate is not stopped: the projection does that, and a stop would halve the step that reaches a bound.
    second = box.rate(model, y + h * first + noise, v1)
    return inside(y + h / 2 * (first + second) + noise)


def _implicit(order: int, model: Any, box: Box, y: State, v0: Scalar, v1: Scalar, h: Scalar, noise: State) -> State:
    v = v1 if order == 1 else (v0 + v1) / 2
    rate = lambda y: box.rate(model, y, v)
    slope = jax.jacfwd(rate)(y).reshape(y.size, y.size)
    # A rate that grows with the state faster than the step resolves is taken explicitly; the implicit step would turn
    # around.
    slope = jnp.where(h * jnp.trace(slope) < 1, slope, jnp.zeros_like(slope))
    move = rate(y).reshape(y.size)
    move = (
        jnp.linalg.solve(jnp.eye(y.size, dtype=y.dtype) - h / order * slope, move)
        if y.size > 1
        else move / (1 - h / order * slope[0])
    )
    return inside(y + h * stopped(y, move.reshape(y.shape)) + noise)


def _increments(key: PRNGKey, fractions: Float[Array, " points"], y: State) -> Float[Array, "substeps *state"]:
    # A tree per interval: refining the steps refines the same path, and the length of the waveform costs no precision.
    finest = min(1 / _FINEST, 0.5 / (len(fractions) - 1))
    tree = diffrax.VirtualBrownianTree(0.0, 1.0, finest, jax.ShapeDtypeStruct(y.shape, y.dtype), key)
    path: Any = jax.vmap(tree.evaluate)(fractions)
    return path[1:] - path[:-1]
