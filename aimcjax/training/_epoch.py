"""One epoch of training as one compiled program."""

import dataclasses
import functools as ft
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Bool, Shaped

from .. import nn
from .._types import PRNGKey
from ._schedule import Schedule
from ._sharding import Layout


def compiled_epoch(
    loss: Callable[..., Array],
    optimiser: optax.GradientTransformationExtraArgs,
    structure: Any,
    schedule: Schedule,
    n_batches: int,
    layout: Layout,
) -> Any:
    """One epoch as one program, compiled when called; on a mesh it overwrites parameters and state.

    `epoch(params, state, fixed, data, index, key)` gives parameters, state and the mean loss. With a last argument
    `part`, the losses of the batches of this epoch until now, and which batches to go on with, from and below, it runs
    only those, and gives the losses beside their mean; parts of any lengths are one program and give the same numbers.

    **Arguments:** `loss`, of `loss_of`; `optimiser`, of `optimiser_of`; `structure`, the last of `parts_of`;
    `schedule`; `n_batches` of an epoch; `layout`.
    """
    gradient = _accumulated(jax.value_and_grad(layout.gathering(loss)), schedule.accumulate, layout)

    @ft.partial(jax.jit, donate_argnums=() if layout.mesh is None else (0, 1))
    def epoch(
        params: Any, state: Any, fixed: Any, data: tuple[Array, Array], index: Array, key: PRNGKey, part: Any = None
    ) -> tuple[Any, Any, Any]:
        moving = index < schedule.epochs - schedule.settle
        rest = eqx.combine(fixed, structure)[0]
        rules = {name: layer.ranges for name, layer in nn.analog_layers(rest).items()}

        def step(carry: tuple[Any, Any], batch: tuple[Array, Array, PRNGKey]) -> tuple[tuple[Any, Any], Array]:
            params, state = carry
            samples, number, key = batch
            key_shift, key_forward = jr.split(key)
            xs, ys = layout.split((data[0][samples], data[1][samples]))
            xs = random_shift(xs, schedule.shift, moving, key=key_shift)
            done = (index * n_batches + number) / max(schedule.epochs * n_batches - 1, 1)
            loss, grads = gradient(params, fixed, xs, ys, done, key_forward)
            updates, state = optimiser.update(layout.keep(grads), state, params, rules=rules, rest=rest)
            return layout.keep((optax.apply_updates(params, updates), state)), loss

        batches = _shuffled(len(data[1]), n_batches, schedule.batch_size, key=key)
        if part is None:
            (params, state), losses = jax.lax.scan(step, (params, state), batches)
            return params, state, jnp.mean(losses)
        (params, state), losses = _go_on(step, (params, state), batches, *part)
        return params, state, (jnp.mean(losses), layout.replicated(losses))

    return epoch


def _go_on(
    step: Callable[[Any, Any], tuple[Any, Array]], trained: Any, batches: Any, losses: Array, start: Array, stop: Array
) -> tuple[Any, Array]:
    """The batches from `start` to below `stop`, and the losses with theirs."""

    def one(number: Array, carry: tuple[Any, Array]) -> tuple[Any, Array]:
        trained, loss = step(carry[0], jax.tree.map(lambda leaf: leaf[number], batches))
        return trained, carry[1].at[number].set(loss)

    return jax.lax.fori_loop(start, stop, one, (trained, losses))


def _shuffled(n: int, n_batches: int, size: int, *, key: PRNGKey) -> tuple[Array, Array, Array]:
    """For every batch: which of `n` samples, its number, and its key."""
    key_order, key_steps = jr.split(key)
    order = jr.permutation(key_order, n)[: n_batches * size]
    return order.reshape(n_batches, size), jnp.arange(n_batches), jr.split(key_steps, n_batches)


def _accumulated(
    gradient: Callable[..., tuple[Array, Any]], parts: int, layout: Layout
) -> Callable[..., tuple[Array, Any]]:
    """The mean of `gradient` over so many parts of a batch, one after the other; each part meets chips of its own."""
    if parts == 1:
        return gradient

    def mean(params: Any, fixed: Any, xs: Array, ys: Array, done: Array, key: PRNGKey) -> tuple[Array, Any]:
        split = lambda a: a.reshape(parts, -1, *a.shape[1:])

        def add(total: Any, part: tuple[Array, Array, PRNGKey]) -> tuple[Any, None]:
            found = gradient(params, fixed, *layout.split(part[:2]), done, part[2])
            return jax.tree.map(lambda a, b: a + b / parts, total, found), None

        shapes = jax.eval_shape(gradient, params, fixed, split(xs)[0], split(ys)[0], done, key)
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        value, grads = jax.lax.scan(add, zeros, (split(xs), split(ys), jr.split(key, parts)))[0]
        return value, nn.map_layers(grads, _notes_of_all, nn.is_analog)

    def _notes_of_all(_: str, layer: Any) -> Any:
        """Notes are sums, not means."""
        return layer if layer.seen is None else dataclasses.replace(layer, seen=parts * layer.seen)

    return mean


def random_shift(
    xs: Shaped[Array, "batch ..."], shift: int, moving: Bool[Array, ""] | bool = True, *, key: PRNGKey
) -> Shaped[Array, "batch ..."]:
    """Translates every image of `xs`, `[batch, height, width]`, by up to `shift` pixels each way (not at all unless
    `moving`); what leaves is lost, what enters is zero."""
    if shift == 0:
        return xs
    padded = jnp.pad(xs, ((0, 0), (shift, shift), (shift, shift)))
    offsets = jnp.where(moving, jr.randint(key, (xs.shape[0], 2), 0, 2 * shift + 1), shift)
    crop = lambda image, offset: jax.lax.dynamic_slice(image, (offset[0], offset[1]), xs.shape[1:])
    return jax.vmap(crop)(padded, offsets)
