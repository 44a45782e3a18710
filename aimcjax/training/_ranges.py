"""Learning input ranges: what their rules noted in a step, and what the optimiser may do to them."""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Int

from .. import nn


class RangeState(NamedTuple):
    """State of the inner optimiser, and the steps so far: an integer, whatever the precision of the network."""

    inner: Any
    step: Int[Array, ""]


def learn_ranges(optimiser: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """`optimiser`, with input ranges that follow their rules: decay joins their gradients before it, and ranges that
    come from the data are set after it.

    **Arguments:** `optimiser`, for all parameters: those of a model with `nn.watched` layers, whose notes are no
    parameters and stay zero. `update` takes `rules`, those of the analog layers by name.
    """
    inner = optax.with_extra_args_support(optimiser)

    def init(params: Any) -> RangeState:
        return RangeState(inner.init(params), jnp.zeros((), jnp.int32))

    def update(
        grads: Any, state: RangeState, params: Any = None, *, rules: dict[str, nn.AbstractRangeRule], **extra: Any
    ) -> tuple[Any, RangeState]:
        layers, noted = nn.analog_layers(params), nn.analog_layers(grads)

        def decayed(_: str, layer: Any) -> Any:
            if layer.input_range is None:  # it is not trained
                return _unseen(layer)
            stored, notes = layers[layer.name].input_range, _notes(layer.seen, layer.input_range)
            gradient = rules[layer.name].gradient(stored, layer.input_range, notes)
            return dataclasses.replace(layer, input_range=gradient, seen=_zeros(layer.seen))

        updates, moved = inner.update(nn.map_layers(grads, decayed, nn.is_analog), state.inner, params, **extra)

        def held(_: str, layer: Any) -> Any:
            if layer.input_range is None:
                return _unseen(layer)
            stored, notes = layers[layer.name].input_range, _notes(noted[layer.name].seen, layer.input_range)
            value, by_rule = rules[layer.name].replaced(stored, notes, state.step)
            change = jnp.where(by_rule, value - stored, layer.input_range)
            return dataclasses.replace(layer, input_range=change, seen=_zeros(layer.seen))

        return nn.map_layers(updates, held, nn.is_analog), RangeState(moved, state.step + 1)

    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


def _unseen(layer: Any) -> Any:
    return layer if layer.seen is None else dataclasses.replace(layer, seen=_zeros(layer.seen))


def _zeros(seen: Array | None) -> Array | None:
    return None if seen is None else jnp.zeros_like(seen)


def _notes(seen: Array | None, input_range: Array) -> Array:
    """The notes of each range: those of all tiles together where they have one range."""
    if seen is None:
        return jnp.zeros((*input_range.shape, 0), input_range.dtype)
    return seen if seen.ndim == input_range.ndim + 1 else jnp.sum(seen, axis=-2)
