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


def hwa_forward(model: Any, xs: Array, *, key: PRNGKey, ages: tuple[float, float] = (20.0, 20.0)) -> Array:
    """A fresh chip of a random age, programmed from the present weights and read by the whole batch.

    One draw of the cells and of the age per step, fresh read noise per sample; gradients reach weights and ranges
    through the programming (reparameterised) and the surrogates of the converters. Noise never enters the stored
    weights.

    **Arguments:** `model`, from `nn.convert`; `xs`, samples along the leading axis; `key`; `ages` [s], the age is
    uniform in its logarithm between the two (above zero).

    **Reference:** noise injection, Joshi et al., Nat. Commun. 11:2473 (2020), Methods; training at random ages makes
    the network see the spread that drift compensation leaves.
    """
    key_program, key_age, key_read = jr.split(key, 3)
    youngest, oldest = jnp.log(ages[0]), jnp.log(ages[1])
    t = jnp.exp(youngest + (oldest - youngest) * jr.uniform(key_age))
    chip = nn.program(model, key=key_program)
    return nn.apply(chip, xs, key=key_read, t=t)


def keep_programmable(clip_sigma: float | jax.Array) -> optax.GradientTransformationExtraArgs:
    """After the optimiser's step, clips every analog weight to `clip_sigma` standard deviations of its layer and keeps
    input ranges positive (a step at most halves one).

    Large single weights would stretch the scale of their column and leave the others few conductance levels.

    **Reference:** weight clipping of Joshi et al., Nat. Commun. 11:2473 (2020), Methods; two to three deviations are
    usual.
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

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)
