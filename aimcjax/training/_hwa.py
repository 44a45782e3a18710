"""Hardware-aware training: the forward pass on a fresh chip each step, and what the optimiser must respect."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, PyTree, Shaped

from .. import nn
from .._types import PRNGKey, Scalar
from ..periphery import clamp


def digital_forward(
    model: Any, xs: Shaped[Array, "samples ..."], *, key: PRNGKey
) -> PyTree[Shaped[Array, "samples ..."]]:
    """The model on a batch, without noise; on CPUs convolutions are products with patches (`nn.with_patches`)."""
    del key
    return jax.vmap(_quick_in_loops(model))(xs)


def _quick_in_loops(model: Any) -> Any:
    return nn.with_patches(model) if jax.default_backend() == "cpu" else model


def hwa_forward(
    model: Any,
    xs: Shaped[Array, "samples ..."],
    *,
    key: PRNGKey,
    ages: tuple[float, float] = (20.0, 20.0),
    chips: int = 1,
) -> PyTree[Shaped[Array, "samples ..."]]:
    """Fresh chips of random ages, programmed from the present weights and read by equal parts of the batch.

    One draw of the cells and of the age for each chip and step, fresh read noise per sample; gradients reach weights
    and ranges through the programming and the surrogates of the converters. Noise never enters the stored weights.

    **Arguments:** `model`, from `nn.convert`; `xs`, samples along the leading axis; `key`; `ages` [s], the age is
    uniform in its logarithm between the two (above zero); `chips`, how many: one for the batch, or up to one for each
    sample.

    **Raises:** `ValueError` if `chips` does not divide the batch.

    **Reference:** noise injection, Joshi et al., Nat. Commun. 11:2473 (2020), Methods; training at random ages makes
    the network see the spread that drift compensation leaves.
    """
    if chips < 1 or len(xs) % chips:
        raise ValueError(f"a batch of {len(xs)} does not divide among {chips} chips")
    parts = xs.reshape(chips, -1, *xs.shape[1:])
    if chips == 1:
        return _on_fresh_chip(model, parts[0], ages, key)
    ys = jax.vmap(lambda xs, key: _on_fresh_chip(model, xs, ages, key))(parts, jr.split(key, chips))
    return jax.tree.map(lambda y: y.reshape(-1, *y.shape[2:]), ys)


def _on_fresh_chip(model: Any, xs: Array, ages: tuple[float, float], key: PRNGKey) -> PyTree[Array]:
    key_program, key_rest = jr.split(key)
    return chip_forward(nn.program(model, key=key_program), xs, key=key_rest, ages=ages)


def chip_forward(
    model: Any, xs: Shaped[Array, "samples ..."], *, key: PRNGKey, ages: tuple[float, float] = (20.0, 20.0)
) -> PyTree[Shaped[Array, "samples ..."]]:
    """One given chip at a random age, read by the whole batch: the forward pass of adapters that learn what one chip
    became. For adapters that fit any chip, `hwa_forward`.

    **Arguments:** `model`, programmed, with adapters (`nn.adapt`); `xs`, samples along the leading axis; `key`; `ages`
    [s], the age is uniform in its logarithm between the two (above zero).
    """
    key_age, key_read = jr.split(key)
    return nn.apply(_quick_in_loops(model), xs, key=key_read, t=random_age(ages, key=key_age))


def random_age(ages: tuple[float, float], *, key: PRNGKey) -> Scalar:
    """An age [s], uniform in its logarithm between the two (above zero)."""
    youngest, oldest = jnp.log(ages[0]), jnp.log(ages[1])
    return jnp.exp(youngest + (oldest - youngest) * jr.uniform(key))


def keep_programmable(
    clip_sigma: float | Scalar, *, per: Literal["tensor", "column"] = "tensor"
) -> optax.GradientTransformationExtraArgs:
    """After the optimiser's step, clips every analog weight to `clip_sigma` standard deviations of its layer, or of its
    `"column"` (all weights of one output), and keeps ranges positive (a step at most halves one).

    Large single weights would stretch the scale of their column and leave the others few conductance levels. Weights
    that an `equinox.nn.Shared` keeps elsewhere are clipped there if `update` is given the `rest` of the model, which
    knows where that is (`fit` does).

    **Arguments:** `clip_sigma`, in standard deviations; `per`, over what they are taken.

    **Reference:** weight clipping of Joshi et al., Nat. Commun. 11:2473 (2020), Methods; two to three deviations are
    usual. By column as for analog foundation models (Büchel et al., NeurIPS 2025).
    """

    def clipped(layer: Any) -> Any:
        if not eqx.is_array(layer.weight):  # it is kept elsewhere: `_with_tied`
            return layer.weight
        if per == "tensor":
            return clamp(layer.weight, clip_sigma * jnp.std(layer.weight, ddof=1))
        matrices = layer.form.matrices(layer.weight)
        return layer.form.weights(clamp(matrices, clip_sigma * jnp.std(matrices, axis=-1, keepdims=True, ddof=1)))

    def update(updates: Any, state: Any, params: Any = None, *, rest: Any = None, **_: Any) -> tuple[Any, Any]:
        old = nn.analog_layers(params)

        def project(path: str, layer: Any) -> Any:
            del path
            before = old[layer.name]
            ranges = [name for name in ("input_range", "weight_range") if getattr(layer, name, None) is not None]
            kept = {name: jnp.maximum(getattr(layer, name), 0.5 * getattr(before, name)) for name in ranges}
            weight = {"weight": clipped(layer)} if hasattr(layer, "weight") else {}
            return dataclasses.replace(layer, **kept, **weight)

        moved = nn.map_layers(optax.apply_updates(params, updates), project, nn.is_analog)
        tied: dict[str, Any] = {}
        nn.map_layers(rest, lambda path, node: tied.setdefault(path, node), _is_shared)
        moved = nn.map_layers(moved, lambda path, node: _with_tied(node, tied.get(path), clipped), _is_shared)
        return jax.tree.map(lambda new, old: new - old, moved, params), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, update)


def _is_shared(node: Any) -> bool:
    return isinstance(node, eqx.nn.Shared)


def _with_tied(node: Any, tie: Any, clipped: Callable[[Any], Any]) -> Any:
    """An `equinox.nn.Shared`, changed where it keeps the weights that it withholds from analog layers, so that they
    come out clipped. What it does to hand them on selects and reorders: its transpose is its inverse."""
    held = lambda layer: not hasattr(layer, "weight") or eqx.is_array(layer.weight)
    bare = [name for name, layer in nn.analog_layers(node.pytree).items() if not held(layer)]
    if not bare or tie is None:
        return node
    arrays, rest = eqx.partition(node.pytree, eqx.is_inexact_array)
    got, back = jax.vjp(lambda arrays: tie.get(eqx.combine(arrays, rest)), arrays)
    whole = eqx.tree_at(tie.where, node.pytree, got, is_leaf=lambda leaf: leaf is None)
    clip = lambda _, layer: dataclasses.replace(layer, weight=clipped(layer)) if layer.name in bare else layer
    new = nn.map_layers(whole, clip, nn.is_analog)
    (change,) = back(jax.tree.map(lambda new, old: new - old, tie.where(new), got))
    kept = eqx.combine(jax.tree.map(lambda old, change: old + change, arrays, change), rest)
    return eqx.tree_at(lambda node: node.pytree, node, kept)
