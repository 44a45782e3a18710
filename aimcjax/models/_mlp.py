"""Multilayer perceptron."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from .._types import PRNGKey


class Mlp(eqx.Module):
    """Linear layers with ReLU between them, on the flattened input.

    **Arguments:** `n_in`, `n_out`; `widths` of the hidden layers; `key`, initial weights (uniform, as
    `equinox.nn.Linear`).
    """

    layers: list[eqx.nn.Linear]

    def __init__(self, n_in: int, n_out: int, widths: tuple[int, ...], *, key: PRNGKey) -> None:
        sizes = (n_in, *widths, n_out)
        if min(sizes) < 1:
            raise ValueError(f"Mlp: sizes are at least one, got {', '.join(map(str, sizes))}")
        keys = jr.split(key, len(sizes) - 1)
        self.layers = [eqx.nn.Linear(a, b, key=k) for a, b, k in zip(sizes[:-1], sizes[1:], keys, strict=True)]

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, " n_out"]:
        """Logits for one sample of any shape with `n_in` entries."""
        x = jnp.ravel(x)
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)
