"""Parametric Monte-Carlo: cells that differ from each other in their parameters."""

import abc
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.core import Tracer
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...components import suggest


Model = TypeVar("Model", bound=eqx.Module)


class AbstractSpread(eqx.Module):
    """The law of a random factor of mean one."""

    @abc.abstractmethod
    def factor(self, shape: tuple[int, ...], dtype: Any, *, key: PRNGKey) -> Float[Array, "..."]:
        """Independent factors of `shape`, mean one."""


class LogNormal(AbstractSpread):
    r"""$e^{\sigma \xi - \sigma^2/2}$ with $\sigma^2 = \ln(1 + s^2)$: standard deviation `spread` s over mean, positive.

    The usual law of ON and OFF resistances.
    """

    spread: Scalar = physical()

    def factor(self, shape: tuple[int, ...], dtype: Any, *, key: PRNGKey) -> Float[Array, "..."]:
        """Independent factors of `shape`, mean one."""
        variance = jnp.log1p(self.spread.astype(dtype) ** 2)
        return jnp.exp(_root(variance) * jr.normal(key, shape, dtype) - variance / 2)


class Gauss(AbstractSpread):
    r"""$1 + s\,\xi$ with `spread` s; negative factors are possible, so s is small. A law of thresholds."""

    spread: Scalar = physical()

    def factor(self, shape: tuple[int, ...], dtype: Any, *, key: PRNGKey) -> Float[Array, "..."]:
        """Independent factors of `shape`, mean one."""
        return 1 + self.spread.astype(dtype) * jr.normal(key, shape, dtype)


class Weibull(AbstractSpread):
    r"""$(-\ln u)^{1/\beta} / \Gamma(1 + 1/\beta)$ with `shape` $\beta$ (large: narrow, about $1.28/\beta$). The law of
    set, reset and forming voltages that a weakest link decides."""

    shape: Scalar = physical()

    def factor(self, shape: tuple[int, ...], dtype: Any, *, key: PRNGKey) -> Float[Array, "..."]:
        """Independent factors of `shape`, mean one."""
        power = 1 / self.shape.astype(dtype)
        return jr.exponential(key, shape, dtype) ** power / jnp.exp(jax.lax.lgamma(1 + power))


def vary(model: Model, *, key: PRNGKey, **relative_spread: float | AbstractSpread) -> Model:
    """One cell of a population: `model` with the named parameters multiplied by random factors of mean one.

    **Arguments:** `model`; `key`, from which each parameter derives its own by name; a number per parameter
    (`relative_spread`) stands for `LogNormal` of that relative standard deviation, or give `LogNormal`, `Gauss`,
    `Weibull`. A parameter that is an array draws per entry. A population is `vmap`:
    `jax.vmap(lambda k: vary(model, key=k, r_on=0.1))(keys)`.

    **Raises:** `ValueError` for a name that is no array parameter of `model`, and for negative numbers.

    **Reference:** log-normal resistances and Weibull or Gauss thresholds are the usual choice; the spreads are yours.
    """
    parameters = {name: value for name, value in vars(model).items() if eqx.is_inexact_array(value)}
    varied = {}
    for name, spread in relative_spread.items():
        if name not in parameters:
            hint = suggest(name, sorted(parameters))
            raise ValueError(f"{type(model).__name__} has no array parameter {name!r} to vary; {hint}")
        value = parameters[name]
        law = spread if isinstance(spread, AbstractSpread) else LogNormal(_not_negative(name, spread))
        varied[name] = value * law.factor(value.shape, value.dtype, key=_random.key_for(key, name))
    if not varied:
        return model
    return eqx.tree_at(lambda m: [getattr(m, name) for name in varied], model, list(varied.values()))


def _not_negative(name: str, spread: Any) -> Any:
    if not isinstance(spread, Tracer) and not spread >= 0:
        raise ValueError(f"the relative spread of {name} must be zero or positive, got {spread}")
    return spread


def _root(x: jax.Array) -> jax.Array:
    positive = x > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1.0)), 0.0)  # its slope at zero is infinite
