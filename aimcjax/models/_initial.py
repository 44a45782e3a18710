"""Initial weights as published, the checks of sizes and the wide dtype that all models share."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.typing import DTypeLike

from .._types import PRNGKey


def at_least_single(dtype: DTypeLike) -> jnp.dtype:
    """The dtype that norms, softmax, angles and routing are computed in: float32, or `dtype` if that is wider."""
    with jax.numpy_dtype_promotion("standard"):
        return jnp.promote_types(dtype, jnp.float32)


def normal_linear(n_in: int, n_out: int, *, std: float, bias: bool, key: PRNGKey) -> eqx.nn.Linear:
    """A linear layer with normal weights of standard deviation `std` and a bias of zeros, if any."""
    layer = eqx.nn.Linear(n_in, n_out, use_bias=bias, key=key)
    layer = eqx.tree_at(lambda it: it.weight, layer, std * jr.normal(key, (n_out, n_in)))
    return eqx.tree_at(lambda it: it.bias, layer, jnp.zeros(n_out)) if bias else layer


def normal_embedding(n_rows: int, dim: int, *, std: float, key: PRNGKey) -> eqx.nn.Embedding:
    """An embedding with normal entries of standard deviation `std`."""
    return eqx.nn.Embedding(weight=std * jr.normal(key, (n_rows, dim)))


def check_sizes(config: Any, *names: str) -> None:
    """Raises `ValueError` unless every named field of `config` is a whole number above zero."""
    for name in names:
        size = getattr(config, name)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{type(config).__name__}: {name} must be a whole number above zero, got {size!r}")


def check_divides(config: Any, divisor: str, whole: str) -> None:
    """Raises `ValueError` unless the field `divisor` of `config` divides the field `whole`."""
    check_sizes(config, divisor, whole)
    if getattr(config, whole) % getattr(config, divisor):
        raise ValueError(
            f"{type(config).__name__}: {whole} must be a multiple of {divisor}, "
            f"got {getattr(config, whole)} and {getattr(config, divisor)}"
        )
