"""The current of a cell at a voltage: `g v`, unless the device says otherwise."""

import abc
import functools
import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ._base import AbstractCells, AbstractDevice
from ._wrappers import AbstractWrapper


class AbstractIV(eqx.Module):
    """The current [A] of a cell whose conductance at small voltages is `g` [S], elementwise."""

    @abc.abstractmethod
    def __call__(self, g: Conductance, v: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        """The current [A] at `v` [V]; `g` in [S], of the same shape."""


class CubicIV(AbstractIV):
    r"""$I = g\,(v - a v^3)$ with `coefficient` a [1/V^2].

    **Reference:** the example device of CrossSim, a = 0.25 up to 2 V: assumed, no measured cell.
    """

    coefficient: Scalar = physical(0.25, doc="assumed, CrossSim's example")

    def __call__(self, g: Conductance, v: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        """See `AbstractIV`."""
        return g * (v - self.coefficient * v**3)


class LogPolynomialIV(AbstractIV):
    r"""$I = g v + N_2(g)\,v^2 + N_3(g)\,v^3$ with $N_k$ polynomials in $\log_{10}(g / g_{reference})$ [S/V, S/V^2].

    Outside of `g_low` to `g_high`, where the polynomials were fitted, N_k is proportional to g (assumed): no current
    without conductance.

    **Arguments:** `quadratic`, `cubic`: coefficients of N_2 and N_3, lowest order first; `g_low`, `g_high`,
    `g_reference` [S].
    """

    quadratic: Float[Array, " second"] = eqx.field(converter=lambda c: jnp.asarray(c, dtype=float))
    cubic: Float[Array, " third"] = eqx.field(converter=lambda c: jnp.asarray(c, dtype=float))
    g_low: Scalar = physical(unit="S", above=0.0)
    g_high: Scalar = physical(unit="S")
    g_reference: Scalar = physical(unit="S", above=0.0)

    def __call__(self, g: Conductance, v: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        """See `AbstractIV`."""
        fitted = g.clip(self.g_low, self.g_high)
        decades = jnp.log(fitted / self.g_reference) / math.log(10.0)
        second, third = jnp.polyval(self.quadratic[::-1], decades), jnp.polyval(self.cubic[::-1], decades)
        return g * v + g / fitted * (second * v**2 + third * v**3)


class NonlinearDevice(AbstractWrapper):
    """`device` with the current-voltage law `iv`; its conductances are those at small voltages."""

    device: AbstractDevice
    iv: AbstractIV

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """As the device programs, `g_target` in [S]."""
        return self.device.program(g_target, key=key)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """As the device drifts [S], `t` in [s]."""
        return self.device.drift(cells, t)

    def read_std(self, cells: AbstractCells, t: Time) -> Conductance | None:
        """As the device [S], `t` in [s]."""
        return self.device.read_std(cells, t)


@functools.singledispatch
def current(device: AbstractDevice, g: Conductance, v: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
    """The current [A] of cells of `device` with conductance `g` [S] at the voltage `v` [V], of the same shape.

    What a crossbar of non-linear cells calls inside its solve, with `g` of `drift`. `g v` unless a function is
    registered for the class of the device; a device made of another one asks that one. Crossbars that only know
    conductances take every cell as linear.
    """
    del device
    return g * v


@current.register
def _(device: NonlinearDevice, g: Conductance, v: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
    return device.iv(g, v)


@current.register
def _(device: AbstractWrapper, g: Conductance, v: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
    return current(device.device, g, v)
