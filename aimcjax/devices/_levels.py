"""Cells that know only a number of levels."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ._base import AbstractCells, AbstractDevice
from ._lifecycle import reprogram
from ._wrappers import AbstractWrapper


class DiscreteLevels(AbstractWrapper):
    r"""`device` programmed to the nearest of `levels` conductances, equally spaced from `g_min` to `g_max`.

    Targets outside of the range go to its ends. The gradient with respect to the target is that without the rounding
    (straight through), and zero outside of the range.

    **Reference:** uniform steps in conductance: assumed.
    """

    device: AbstractDevice
    levels: Scalar = physical(above=1.0)

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """As the device programs the level nearest to `g_target` [S]."""
        return self.device.program(self.nearest(g_target), key=key)

    def nearest(self, g_target: Conductance) -> Conductance:
        """The level [S] nearest to `g_target` [S]."""
        span, steps = self.g_max - self.g_min, self.levels - 1.0
        level = nearest_integer((((g_target - self.g_min) / span).clip(0.0, 1.0)) * steps)
        return self.g_min + span * level / steps

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """As the device drifts [S], `t` in [s]."""
        return self.device.drift(cells, t)

    def read_std(self, cells: AbstractCells, t: Time) -> Conductance | None:
        """As the device [S], `t` in [s]."""
        return self.device.read_std(cells, t)


@reprogram.register
def _(device: DiscreteLevels, cells: AbstractCells, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
    return reprogram(device.device, cells, device.nearest(g_target), key=key)


@jax.custom_jvp
def nearest_integer(z: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`round(z)`, ties to even; the gradient passes straight through (1 everywhere)."""
    # The periphery has the same surrogate for converters; devices and periphery do not import each other.
    return jnp.round(z)


@nearest_integer.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    return nearest_integer(primals[0]), tangents[0]
