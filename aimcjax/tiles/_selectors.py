"""Selectors in series with the cells of a passive array: the voltage that they take at a current."""

import abc
import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, physical


_REVERSE = 1e-6  # part of the saturation current that is left where the logarithm of a diode is continued straight


class AbstractSelector(eqx.Module):
    """A two-terminal device whose voltage rises with its current."""

    @abc.abstractmethod
    def voltage(self, i: Float[Array, ""]) -> Float[Array, ""]:
        """The voltage [V] at the current `i` [A]."""


class DiodeSelector(AbstractSelector):
    r"""$v = n V_T \ln(1 + i / i_s)$, continued straight just above $-i_s$.

    **Arguments:** `i_s` [A], the saturation current; `n_vt` [V], ideality times thermal voltage.
    """

    i_s: Scalar = physical(1e-12, unit="A", doc="assumed", above=0.0)
    n_vt: Scalar = physical(0.0388, unit="V", doc="assumed, ideality 1.5 at 300 K", above=0.0)

    def voltage(self, i: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractSelector`."""
        ratio = i / self.i_s
        forward = ratio > _REVERSE - 1.0
        straight = math.log(_REVERSE) + (ratio + 1.0 - _REVERSE) / _REVERSE
        return self.n_vt * jnp.where(forward, jnp.log1p(jnp.where(forward, ratio, 0.0)), straight)


class ThresholdSelector(AbstractSelector):
    r"""Ohmic at `r_off` [Ohm] up to `v_threshold` [V] of either sign, at `r_on` [Ohm] from there: a threshold switch
    (OTS) without snapback, since reading is quasi-static (assumed)."""

    r_off: Scalar = physical(1e9, unit="Ohm", doc="assumed", above=0.0)
    r_on: Scalar = physical(1e3, unit="Ohm", doc="assumed", above=0.0)
    v_threshold: Scalar = physical(0.5, unit="V", doc="assumed", above=0.0)

    def voltage(self, i: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractSelector`."""
        beyond = jnp.maximum(jnp.abs(i) - self.v_threshold / self.r_off, 0.0)
        return self.r_off * (i - jnp.sign(i) * beyond) + self.r_on * jnp.sign(i) * beyond


class SinhSelector(AbstractSelector):
    r"""$v = v_0\,\mathrm{asinh}(i / i_0)$, with `i_0` smaller by `rectification` in reverse: 1 is an OTS below its
    threshold or a mixed-conduction switch, more is a self-rectifying cell.

    **Arguments:** `i_0` [A]; `v_0` [V]; `rectification`, forward to reverse current at one voltage.
    """

    i_0: Scalar = physical(1e-11, unit="A", doc="assumed", above=0.0)
    v_0: Scalar = physical(0.05, unit="V", doc="assumed", above=0.0)
    rectification: Scalar = physical(1.0, doc="assumed, none", above=0.0)

    def voltage(self, i: Float[Array, ""]) -> Float[Array, ""]:
        """See `AbstractSelector`."""
        return self.v_0 * jnp.arcsinh(i / self.i_0 * jnp.where(i < 0, self.rectification, 1.0))
