"""States scaled to [0, 1] between the bounds of a model, and kept there."""

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar
from ._base import AbstractMemristor, State


class Box(eqx.Module):
    """The bounds `low` and `high` of a state, which is scaled to the unit box: tolerances are relative to the range."""

    low: State
    high: State

    def scaled(self, x: State) -> State:
        """`x` as a fraction of the range."""
        return (x - self.low) / (self.high - self.low)

    def unscaled(self, y: State) -> State:
        """The state at the fraction `y`, within the bounds to the last digit."""
        y = inside(y)
        return _between(self.low * (1 - y) + self.high * y, self.low, self.high)

    def rate(self, model: AbstractMemristor, y: State, v: Scalar) -> State:
        """dy/dt [1/s] of the model, also beyond the bounds, where it is that of the nearest state within them."""
        x = self.unscaled(y)
        return model.rate(x, v, model.temperature(x, v)) / (self.high - self.low)

    def diffusion(self, model: AbstractMemristor, y: State, v: Scalar) -> State:
        """Noise amplitude of y [1/sqrt(s)]."""
        x = self.unscaled(y)
        amplitude = model.diffusion(x, v, model.temperature(x, v))
        return jnp.zeros_like(y) if amplitude is None else amplitude / (self.high - self.low)


def stopped(y: State, rate: State) -> State:
    """`rate`, zero where it would carry a state out of the unit box."""
    outward = ((y <= 0) & (rate < 0)) | ((y >= 1) & (rate > 0))
    return jnp.where(outward, jnp.zeros_like(rate), rate)


def inside(y: State) -> State:
    """The nearest point of the unit box."""
    return _between(y, jnp.zeros_like(y), jnp.ones_like(y))


def _between(x: State, low: State, high: State) -> State:
    # Unlike jnp.clip, the gradient at a bound is the whole one: simulations start there.
    return jnp.where(x < low, low, jnp.where(x > high, high, x))
