"""Free parameters: each a number without limits to the solver, and a quantity within its limits to the model."""

import abc
import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


Numbers = Float[Array, "*n"]


class AbstractTransform(eqx.Module):
    """A smooth, rising or falling map from all real numbers to the values that a parameter can take."""

    @abc.abstractmethod
    def value(self, theta: Numbers) -> Numbers:
        """The value [unit of the parameter] at `theta`."""

    @abc.abstractmethod
    def theta(self, value: Numbers) -> Numbers:
        """The inverse of `value`."""


class Free(AbstractTransform):
    """The number itself."""

    def value(self, theta: Numbers) -> Numbers:
        return theta

    def theta(self, value: Numbers) -> Numbers:
        return value


class Positive(AbstractTransform):
    r"""$e^\theta$."""

    def value(self, theta: Numbers) -> Numbers:
        return jnp.exp(theta)

    def theta(self, value: Numbers) -> Numbers:
        return jnp.log(value)


class Negative(AbstractTransform):
    r"""$-e^\theta$."""

    def value(self, theta: Numbers) -> Numbers:
        return -jnp.exp(theta)

    def theta(self, value: Numbers) -> Numbers:
        return jnp.log(-value)


class Within(AbstractTransform):
    r"""$h / (1 + e^{-\theta})$, between zero and `high` h."""

    high: float = eqx.field(default=1.0, static=True)

    def value(self, theta: Numbers) -> Numbers:
        return self.high * jax.nn.sigmoid(theta)

    def theta(self, value: Numbers) -> Numbers:
        return jnp.log(value / (self.high - value))


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A free parameter: its `name`, SI `unit`, `transform`, first guess `value`, and how far around the guess a
    better start is looked for, `spread`, in transformed space (a natural logarithm for a positive parameter)."""

    name: str
    value: float
    unit: str = "1"
    transform: AbstractTransform = dataclasses.field(default_factory=Positive)
    spread: float = 0.0
