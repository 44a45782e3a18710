"""Shapes of the error of one programming event, all with mean 0 and variance 1."""

import abc
import math

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey


class AbstractDistribution(eqx.Module):
    """Independent numbers of mean 0 and variance 1."""

    @abc.abstractmethod
    def sample(self, key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, "..."]:
        """Numbers of `shape` and `dtype`, a function of `key` only."""


class Normal(AbstractDistribution):
    """The normal distribution."""

    def sample(self, key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, "..."]:
        """See `AbstractDistribution.sample`."""
        return _random.normal(key, shape, dtype)


class Uniform(AbstractDistribution):
    r"""The uniform distribution on $(-\sqrt3, \sqrt3)$; an error of full width a has the deviation $a/\sqrt{12}$."""

    def sample(self, key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, "..."]:
        """See `AbstractDistribution.sample`."""
        return math.sqrt(3.0) * (2.0 * unit_interval(key, shape, dtype) - 1.0)


def unit_interval(key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype) -> Float[Array, "..."]:
    """Numbers uniform in (0, 1), in steps of about 1e-7: rarer events never happen."""
    return 0.5 * (1.0 + lax.erf(_random.normal(key, shape, dtype) / math.sqrt(2.0)))
