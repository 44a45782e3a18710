"""Hardware-aware training: the forward pass on a fresh chip each step, and what the optimiser must respect."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array

from .. import nn
from .._types import PRNGKey


def digital_forward(model: Any, xs: Array, *, key: PRNGKey) -> Array:
    """The model on a batch, without noise."""
    del key
    return jax.vmap(model)(xs)


def hwa_forward(model: Any, xs: Array, *, key: PRNGKey) -> Array:
    """A fresh chip, programmed from the present weights and read at once by the whole batch.

    One weight-noise draw per step and fresh read noise per sample; gradients reach weights and ranges through the
    programming (reparameterised). Noise never enters the stored weights.

    **Reference:** noise injection, Joshi et al., Nat. Commun. 11:2473 (2020), Methods.
    """
    key_program, key_read = jr.split(key)
    chip = nn.program(model, key=key_program)
    return nn.apply(chip, xs, key=key_read, t=0.0)


def keep_programmable(clip_sigma: float | jax.Array) -> optax.GradientTransformationExtraArgs:
    """After the optimiser's step, clips every analog weight to `clip_sigma` standard deviations of its layer and keeps input
    ranges positive (a step at most halves one).

    Large single weights would stretch the scale of their column and leave the others few conductance levels.

    **Reference:** weight clipping of Joshi et al., Nat. Commun. 11:2473 (2020), Methods; two to three deviations are usual.
    """

    def update(updates: Any, state: Any, params: Any = None, **_: Any) -> tuple[Any, Any]:
        old = nn.analog_layers(params)

        def project(path: str, layer: Any) -> Any:
            del path
            limit = clip_sigma * jnp.std(layer.weight)
            return dataclasses.replace(
                layer,
                weight=layer.weight.clip(-limit, limit),
                input_range=jnp.maximum(layer.input_range, 0.5 * old[layer.name].input_range),
            )

        moved = nn.map_layers(optax.apply_updates(params, updates), project, nn.is_analog)
        return jax.tree.map(lambda new, old: new - old, moved, params), state

    return optax.GradientTransformationExtraArgs(lambda _: optax.EmptyState(), update)
