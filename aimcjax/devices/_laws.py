"""Laws of one variable: how a statistic of a cell depends on its conductance `x = g / g_max` in (0, 1]."""

import abc
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._types import Scalar, physical


class AbstractLaw(eqx.Module):
    """A dimensionless function of the fraction `x = g / g_max`, elementwise."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        """The value of the law at `x`, dimensionless."""


class Constant(AbstractLaw):
    """The same `value` at every conductance."""

    value: Scalar = physical(0.0)

    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        return jnp.broadcast_to(self.value, x.shape)


class Polynomial(AbstractLaw):
    r"""$\max(\sum_k c_k x^k, 0)$, `coefficients` lowest order first (shape `order + 1`)."""

    coefficients: Float[Array, " order"] = eqx.field(converter=lambda c: jnp.asarray(c, dtype=float))

    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        return jnp.polyval(self.coefficients[::-1], x).clip(0.0)


class ClippedLog(AbstractLaw):
    r"""$\mathrm{clip}(a \ln x + b, l, h)$ with `slope` a, `offset` b, `low` l, `high` h."""

    slope: Scalar = physical()
    offset: Scalar = physical()
    low: Scalar = physical()
    high: Scalar = physical()

    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        return (self.slope * jnp.log(x) + self.offset).clip(self.low, self.high)


class Power(AbstractLaw):
    r"""$\min(a x^p, h)$ with `coefficient` a, `exponent` p, `high` h."""

    coefficient: Scalar = physical()
    exponent: Scalar = physical()
    high: Scalar = physical(float("inf"))

    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        # As an exponential: half the cost of a general power, which minds the sign of x
        positive = x > 0
        power = jnp.exp(self.exponent * jnp.log(jnp.where(positive, x, 1.0)))
        power = jnp.where(positive, power, lax.stop_gradient(0.0**self.exponent))
        return (self.coefficient * power).clip(max=self.high)


class Saturation(AbstractLaw):
    r"""$a\,(1 - e^{-x / b})$ with `amplitude` a, `scale` b."""

    amplitude: Scalar = physical()
    scale: Scalar = physical()

    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        return -self.amplitude * jnp.expm1(-x / self.scale)


class Piecewise(AbstractLaw):
    """The law `below` where `x < split`, the law `above` elsewhere."""

    below: AbstractLaw = eqx.field(converter=lambda law: as_law(law))
    above: AbstractLaw = eqx.field(converter=lambda law: as_law(law))
    split: Scalar = physical()

    def __call__(self, x: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        return jnp.where(x < self.split, self.below(x), self.above(x))


def as_law(law: Any) -> Any:
    """A `law` that is a number becomes a `Constant`, a list of numbers a `Polynomial`; laws pass unchanged."""
    if isinstance(law, (int, float)) or (eqx.is_array(law) and law.ndim == 0):
        return Constant(law)
    if isinstance(law, Sequence):
        return Polynomial(law)
    return law
