"""What is measured on an aged chip, besides functions of its outputs."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from .. import nn
from .._random import key_for
from .._types import PRNGKey, Scalar


@dataclasses.dataclass(frozen=True)
class OfChip:
    """A metric of the chip itself: `function(network, aged, key=)`, with the network that was programmed and the chip
    as it is now."""

    function: Callable[..., Scalar]


def mvm_error(network: Any, aged: Any, *, key: PRNGKey, n_vectors: int = 64) -> Float[Array, ""]:
    r"""Relative error of the products of a chip, the mean over its matrices of

    $$\epsilon = \sqrt{\frac{\sum_b \lVert \tilde y_b - W x_b \rVert^2}{\sum_b \lVert W x_b \rVert^2}}$$

    for `n_vectors` normal inputs of a third of the input range, cut at the range. [1]

    **Arguments:** `network`, as it was programmed; `aged`, the chip as it is now; `key`, of inputs and read noise.

    **Reference:** the error of Rasch et al., Nat. Commun. 14:5282 (2023), eq. 3, there with uniform inputs.
    """
    wanted, errors = nn.matrix_layers(network), []
    for name, layer in nn.matrix_layers(aged).items():
        key_x, key_read = jr.split(key_for(key, name))
        weight = wanted[name].weight
        sigma = jnp.broadcast_to(layer.input_range, (weight.shape[1],))[None] / 3.0
        x = jnp.clip(jr.normal(key_x, (n_vectors, weight.shape[1])), -3.0, 3.0) * sigma
        exact = jnp.matmul(x, weight.T, precision=jax.lax.Precision.HIGHEST)
        found = nn.apply(layer, x, key=key_read)
        errors.append(jnp.sqrt(jnp.sum((found - exact) ** 2) / jnp.sum(exact**2)))
    return jnp.mean(jnp.stack(errors))
