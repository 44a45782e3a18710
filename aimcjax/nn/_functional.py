"""The verbs on whole models: program, at, apply; and which leaves train."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
from jaxtyping import Array, Key, PyTree, Shaped

from .. import _random
from .._types import PRNGKey, Scalar, Time
from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign
from ._convert import analog_layers, map_layers, rebuilt
from ._linear import AnalogLinear, ProgrammedLinear, is_analog
from ._loops import fresh_in_loops, has_cells
from ._ranges import AbstractRangeRule
from ._tied import expand_tied


Model = TypeVar("Model")


def program(model: Model, *, key: PRNGKey) -> Model:
    """Programs every analog layer: one physical chip.

    **Arguments:** `model`, from `convert`; `key`, draws the chip: each layer uses the key of its own name.

    **Returns:** the model on the chip, to be aged with `at` and read with `apply`. Differentiable with respect to
    weights, ranges and device parameters (reparameterised noise), so it is also the noise injection of training.

    **Raises:** `ValueError` for NaN or infinite weights, and if no layer is analog.
    """
    model = expand_tied(model)
    keys = _keys(model, key)

    def one(path: str, layer: Any) -> Any:
        del path
        if not isinstance(layer, AnalogLinear):
            raise ValueError(f"layer {layer.name} is already programmed; program the model that `convert` returned")
        return layer.program(key=keys[layer.name])

    return map_layers(model, one, is_analog)


def at(model: Model, *, t: Time, key: PRNGKey | None = None) -> Model:
    """The chip `t` seconds after programming; deterministic: the same chip at the same time is the same.

    **Arguments:** `model`, from `program`; `t` [s]; `key`, optional, binds the read noise, so that the model can be
    called directly. For batches use `apply`, which gives every sample its own key.
    """

    def age(path: str, layer: Any) -> Any:
        del path
        if not isinstance(layer, ProgrammedLinear):
            life = "not programmed" if isinstance(layer, AnalogLinear) else "aged already"
            raise ValueError(f"layer {layer.name} is {life}; `at` takes the model that `program` returned")
        return layer.at(t)

    aged = map_layers(model, age, is_analog)
    return aged if key is None else bind(aged, key)


def apply(
    model: Any, xs: PyTree[Shaped[Array, "samples ..."]], *, key: Key[Array, "*keys"], t: Time | None = None
) -> PyTree[Shaped[Array, "samples ..."]]:
    """Evaluates a model on a batch; each sample reads with its own noise.

    A model that is not programmed programs a chip for every sample: `program` it first, unless that is meant. The
    weights of a chip are the same at every read of a sample, and noise of reads and outputs is drawn for each: in every
    step of a loop around recurrent cells (those of Equinox and Flax NNX, `flax.nnx.RNN`, what `is_recurrent` says), be
    it a `scan` or of Python. Another layer that the model calls again in a loop repeats its noise: give it a `key`, or
    take it as `reused`.

    **Arguments:** `model`, analog, programmed or aged (digital models too: they need no noise); `xs`, arrays with
    one leading sample axis; `key`, or one for each sample; `t` [s], ages a programmed model first (default: as it is).

    **Returns:** the outputs, stacked along the sample axis.

    **Raises:** `ValueError` for scalars, and for inputs that do not fit a layer.
    """
    if any(jnp.ndim(x) == 0 for x in jax.tree.leaves(xs)):
        raise ValueError("`apply` takes samples along a leading axis, got a scalar; one sample is `x[None]`")
    aged = model if t is None else at(model, t=t)
    n_samples = jax.tree.leaves(xs)[0].shape[0]
    call = _call_with_cells if has_cells(aged) else lambda model, x, key: bind(rebuilt(model), key)(x)
    keys = key if key.ndim else jr.split(key, n_samples)
    return jax.vmap(lambda x, key: call(aged, x, key))(xs, keys)


def _call_with_cells(model: Any, x: Any, key: PRNGKey) -> Any:
    if any(isinstance(layer, AnalogLinear) for layer in analog_layers(model).values()):
        key, key_program = jr.split(key)
        model = program(model, key=key_program)  # once: cells in a loop would program themselves in every step
    return fresh_in_loops(lambda keys, x: _bind(rebuilt(model), keys)(x), _keys(model, key, required=False), x)


def bind(model: Model, key: PRNGKey) -> Model:
    """The model with a read key in every analog layer, derived from the layer's name."""
    return _bind(model, _keys(model, key, required=False))


def _bind(model: Model, keys: dict[str, PRNGKey]) -> Model:
    return map_layers(model, lambda _, layer: dataclasses.replace(layer, key=keys[layer.name]), is_analog)


def with_compensation(model: Model, compensation: AbstractCompensation) -> Model:
    """The model with another drift compensation in every analog or programmed layer; a programmed chip can only take
    one with the calibration vectors that it answered when it was new."""
    return _map_compensation(model, lambda _: compensation)


def with_compensation_strength(model: Model, strength: Scalar | float) -> Model:
    """The model with every drift compensation at `strength`: 1 compensates, 0 does not. No value recompiles."""
    return _map_compensation(model, lambda old: dataclasses.replace(old, strength=jnp.asarray(strength, float)))


def _map_compensation(model: Model, f: Callable[[AbstractCompensation], AbstractCompensation]) -> Model:
    def swap(path: str, layer: Any) -> Any:
        del path
        holder = layer.matrix if isinstance(layer, ProgrammedLinear) else layer
        new = dataclasses.replace(holder, compensation=f(holder.compensation))
        return dataclasses.replace(layer, matrix=new) if isinstance(layer, ProgrammedLinear) else new

    return map_layers(model, swap, is_analog)


def trainable(model: Any) -> PyTree[bool]:
    """A mask with the structure of `model`: true for the floating-point arrays that training may change (weights,
    biases, ranges, norms), false for the physics in tile designs, compensations and rules of ranges. For
    `equinox.partition`."""

    def fixed(node: Any) -> bool:
        return isinstance(node, (AbstractTileDesign, AbstractCompensation, AbstractRangeRule))

    return jtu.tree_map(
        lambda node: jtu.tree_map(lambda _: False, node) if fixed(node) else eqx.is_inexact_array(node),
        model,
        is_leaf=fixed,
    )


def _keys(model: Any, key: PRNGKey, *, required: bool = True) -> dict[str, PRNGKey]:
    names = list(analog_layers(model))
    if not names and required:
        raise ValueError("the model has no analog layers; make some with `aimcjax.nn.convert(model, rules)`")
    return _random.keys_for(key, names) if names else {}
