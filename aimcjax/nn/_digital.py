"""The way back: ordinary layers with the weights that were asked for, or with those that a chip holds."""

from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Time
from ..mapping import MatrixSnapshot
from ._convert import analog_layers, map_layers
from ._linear import AgedLinear, AnalogLinear, ProgrammedLinear, is_analog


Model = TypeVar("Model")


def to_digital(model: Model, *, key: PRNGKey | None = None, t: Time = 0.0) -> Model:
    """The reverse of `convert`: every analog layer becomes the ordinary layer that it was.

    **Arguments:** `model`, from `convert`, `program` or `at`; `key`, programs a model from `convert` first; `t` [s]
    after programming, of a model that is programmed and not aged.

    **Returns:** a model of the same class, with exact weights if it was neither programmed nor given a `key`; else with
    those that the chip holds: programming error, drift and its compensation, wires at small signals, without what
    converters and read noise do.
    """
    names = list(analog_layers(model)) if key is not None else []
    keys = _random.keys_for(key, names) if names and key is not None else {}

    def one(path: str, layer: Any) -> Any:
        del path
        if isinstance(layer, AnalogLinear):
            if key is None:
                return layer.form.digital(layer.weight, layer.bias)
            layer = layer.program(key=keys[layer.name])
        aged = layer.at(t) if isinstance(layer, ProgrammedLinear) else layer
        return layer.form.digital(layer.form.weights(held_matrices(aged)), layer.bias)

    return map_layers(model, one, is_analog)


def held_matrices(layer: AgedLinear) -> Float[Array, "*stack n_out n_in"]:
    """The matrices of a layer as its tiles hold them, in units of the weights."""
    if layer.scale.ndim == 1:
        return _held(layer.matrix, layer.scale)
    return jax.vmap(lambda e, scale: _held(layer.matrix.member(e), scale))(jnp.arange(len(layer.scale)), layer.scale)


@eqx.filter_jit
def _held(snapshot: MatrixSnapshot, scale: Float[Array, " n_out"]) -> Float[Array, "n_out n_in"]:
    part, design = snapshot.partition, snapshot.design
    at_rest = jnp.zeros(part.block_rows)
    one = lambda tile: jax.jacobian(lambda x: design.expected(tile, x))(at_rest).T
    blocks = jax.vmap(jax.vmap(one))(snapshot.tiles) * snapshot.factor[..., None, :]
    whole = blocks.transpose(0, 2, 1, 3).reshape(part.grid_rows * part.block_rows, -1)
    return whole[: part.n_in, : part.n_out].T * scale[:, None]
