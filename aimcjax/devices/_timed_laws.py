"""Laws of two variables: how a statistic depends on the conductance `x = g / g_max` and on the age `t` [s]."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, Time, physical
from ..units import s
from ._laws import AbstractLaw, as_law


def _array(values: object) -> Array:
    return jnp.asarray(values, dtype=float)


class AbstractTimedLaw(eqx.Module):
    """A dimensionless function of the fraction `x = g / g_max`, elementwise, and the time `t` [s]."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "*cell"], t: Time) -> Float[Array, "*cell"]:
        """The value of the law at `x` and `t` [s], dimensionless."""


class LogTime(AbstractTimedLaw):
    r"""$a + b \ln(\max(t, t_0) / t_0)$ at every conductance, with `offset` a, `slope` b, `t_0` [s]."""

    slope: Scalar = physical()
    offset: Scalar = physical(0.0)
    t_0: Scalar = physical(1 * s, unit="s", doc="assumed: fits in ln t are in seconds and begin there", above=0.0)

    def __call__(self, x: Float[Array, "*cell"], t: Time) -> Float[Array, "*cell"]:
        elapsed = jnp.maximum(jnp.asarray(t, self.t_0.dtype), self.t_0)
        return jnp.broadcast_to(self.offset + self.slope * jnp.log(elapsed / self.t_0), x.shape)


class Accumulation(AbstractTimedLaw):
    r"""1/f noise gathered since programming: $q(x) \sqrt{\ln((t' + t_r) / 2 t_r)}$, $t' = \max(t, t_0)$, with `law` q,
    `t_read` t_r [s], the duration of one read, and `t_0` [s]. It is the
    same law as in `Pcm`."""

    law: AbstractLaw = eqx.field(converter=as_law)
    t_read: Scalar = physical(unit="s", above=0.0)
    t_0: Scalar = physical(1 * s, unit="s", doc="assumed; has to be longer than one read", above=0.0)

    def __call__(self, x: Float[Array, "*cell"], t: Time) -> Float[Array, "*cell"]:
        elapsed = jnp.maximum(jnp.asarray(t, self.t_0.dtype), self.t_0)
        return self.law(x) * jnp.sqrt(jnp.log((elapsed + self.t_read) / (2 * self.t_read)))


class PolynomialTable(AbstractTimedLaw):
    r"""$\sum_k c_k(t) x^k$: one polynomial for each of the `times` [s, ascending].

    `coefficients`, shape `times order`, lowest order first; between two times they are interpolated linearly in
    $\ln(1 + t / t_{scale})$, outside of all they are held: nothing is extrapolated (assumed; numbers from the device
    that uses it).
    """

    times: Float[Array, " times"] = eqx.field(converter=_array)
    coefficients: Float[Array, "times order"] = eqx.field(converter=_array)
    t_scale: Scalar = physical(1 * s, unit="s", doc="assumed", above=0.0)

    def __check_init__(self) -> None:
        _check_lengths(self.times, coefficients=self.coefficients)

    def __call__(self, x: Float[Array, "*cell"], t: Time) -> Float[Array, "*cell"]:
        at = _interpolate(self.coefficients, self.times, t, self.t_scale)
        return jnp.polyval(at[::-1], x)


class SaturationTable(AbstractTimedLaw):
    r"""$a(t)\,(1 - e^{-x / b(t)})$: `amplitude` a and `scale` b for each of the `times` [s, ascending], in between as
    `PolynomialTable` (assumed; numbers from the device that uses it)."""

    times: Float[Array, " times"] = eqx.field(converter=_array)
    amplitude: Float[Array, " times"] = eqx.field(converter=_array)
    scale: Float[Array, " times"] = eqx.field(converter=_array)
    t_scale: Scalar = physical(1 * s, unit="s", doc="assumed", above=0.0)

    def __check_init__(self) -> None:
        _check_lengths(self.times, amplitude=self.amplitude, scale=self.scale)

    def __call__(self, x: Float[Array, "*cell"], t: Time) -> Float[Array, "*cell"]:
        table = jnp.stack([self.amplitude, self.scale], axis=1)
        amplitude, scale = _interpolate(table, self.times, t, self.t_scale)
        return -amplitude * jnp.expm1(-x / scale)


class Excess(AbstractTimedLaw):
    r"""$\sqrt{\max(\sigma(x, t)^2 - \sigma_0(x)^2, 0)}$: what a spread has grown by, independent of what it was, with
    `total` $\sigma$ and `initial` $\sigma_0$."""

    total: AbstractTimedLaw
    initial: AbstractLaw = eqx.field(converter=as_law)

    def __call__(self, x: Float[Array, "*cell"], t: Time) -> Float[Array, "*cell"]:
        grown = self.total(x, t) ** 2 - self.initial(x) ** 2
        some = grown > 1e-10  # (1e-5 of the range)^2: less is rounding, and the root has no slope at zero
        return jnp.where(some, jnp.sqrt(jnp.where(some, grown, 1.0)), 0.0)


def _check_lengths(times: Array, **tables: Array) -> None:
    for name, table in tables.items():
        if len(table) != len(times):
            raise ValueError(f"{name} has {len(table)} entries for {len(times)} times; give one for each time")


def _interpolate(
    table: Float[Array, "times n"], times: Float[Array, " times"], t: Time, t_scale: Scalar
) -> Float[Array, " n"]:
    at = jnp.log1p(jnp.asarray(t, times.dtype) / t_scale)
    knots = jnp.log1p(times / t_scale)
    return jax.vmap(lambda column: jnp.interp(at, knots, column), in_axes=1)(table)
