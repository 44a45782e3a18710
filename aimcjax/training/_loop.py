"""The training loop: one compiled program per epoch, no host synchronisation inside."""

import dataclasses
import functools as ft
import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Int, PyTree, Shaped

from .. import nn
from .._types import AnyArray, PRNGKey
from ._deep import scanned
from ._objectives import AbstractObjective, CrossEntropy
from ._ranges import learn_ranges
from ._sharding import Layout, check_batch


@runtime_checkable
class Forward(Protocol):
    """Logits of a model on a batch: `digital_forward`, `hwa_forward` or the user's own."""

    def __call__(self, model: Any, xs: Array, *, key: PRNGKey) -> Array: ...


class Schedule(NamedTuple):
    """How long and how fast. `learning_rate` is the peak of a cosine with a warm-up of one twentieth; `shift` is the
    augmentation, random translations of images by up to so many pixels, in all but the last `settle` epochs;
    `accumulate` parts of a batch are computed one after the other, for batches that do not fit into memory."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    shift: int = 0
    settle: int = 0
    accumulate: int = 1

    def check(self, n_samples: int) -> None:
        """Raises `ValueError` if a batch is more than all samples, or no whole number of parts; and for numbers that
        cannot be."""
        for name, least in {"epochs": 0, "batch_size": 1, "accumulate": 1, "shift": 0, "settle": 0}.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} is a whole number from {least}, got {getattr(self, name)}")
        if not (0 <= self.learning_rate < math.inf and 0 <= self.weight_decay < math.inf):
            rates = f"learning_rate={self.learning_rate}, weight_decay={self.weight_decay}"
            raise ValueError(f"learning rate and decay are finite and not below zero, got {rates}")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size={self.batch_size} does not divide into accumulate={self.accumulate} parts")
        if self.batch_size > n_samples:
            raise ValueError(f"batch_size={self.batch_size} is more than the {n_samples} training samples")


def fit(
    model: Any,
    x: Shaped[AnyArray, "n ..."],
    y: Int[AnyArray, "n ..."],
    *,
    forward: Forward,
    schedule: Schedule,
    key: PRNGKey,
    objective: AbstractObjective | None = None,
    projection: optax.GradientTransformation | None = None,
    trainable: PyTree[bool] | None = None,
    penalty: Callable[[Any], Array] | None = None,
    noise: tuple[float, float] = (1.0, 1.0),
    progress: Callable[[int, float], None] = lambda epoch, loss: None,
    mesh: Mesh | None = None,
    deep: bool = False,
) -> tuple[Any, list[float]]:
    """Trains with AdamW.

    **Arguments:** `model`; samples `x` and labels `y` (one each, or one for each position); `forward`; `schedule`;
    `key`; `objective`, default `CrossEntropy()`; `projection`, applied after the optimiser's step
    (`keep_programmable`); `trainable`, the mask of what trains, default `nn.trainable(model)` (of adapters alone:
    `nn.trainable_adapters`); `penalty(model)`, added to the loss; `noise`, the factor of `nn.scale_noise` at the
    beginning and at the end, linear between; `progress(epoch, loss)`, called after every epoch; `mesh`, from
    `make_mesh`: parameters, optimiser and batches are split over its devices (`shardings`); `deep`, blocks of decoders
    are one loop, computed again for their gradient (`scanned`).

    **Returns:** the trained model and the mean loss of each epoch [nats].

    **Raises:** `ValueError` for schedules that cannot be, data that are fewer than a batch or have no label each, and
    a batch that does not split over the mesh;
    `FloatingPointError` if the loss is no longer finite.
    """
    if len(x) != len(y):
        raise ValueError(f"every sample has a label, got {len(x)} samples and {len(y)} labels")
    schedule.check(len(y))
    layout = Layout(mesh, deep)
    check_batch(schedule.batch_size // schedule.accumulate, {} if mesh is None else mesh.shape)
    n_batches = len(y) // schedule.batch_size
    optimiser = optimiser_of(schedule, n_batches, projection)
    params, fixed, structure = parts_of(model, objective, trainable)
    params, fixed, data = layout.put(params), layout.put(fixed), layout.everywhere((jnp.asarray(x), jnp.asarray(y)))
    state = layout.put(optimiser.init(params))
    loss = loss_of(forward, structure, penalty=penalty, noise=noise, deep=deep)
    epoch = compiled_epoch(loss, optimiser, structure, schedule, n_batches, layout)
    history: list[float] = []
    for index, key_epoch in enumerate(jr.split(key, schedule.epochs)):
        with layout.active():
            params, state, loss = epoch(params, state, fixed, data, jnp.asarray(index), key_epoch)
        history.append(float(loss))
        if not jnp.isfinite(loss):
            raise FloatingPointError(
                f"training diverged: the loss is no longer finite in epoch {index + 1} of {schedule.epochs}; "
                f"a learning rate below {schedule.learning_rate:g} may help (labels from {y.min()} to {y.max()} "
                "must be classes of the model)"
            )
        progress(index + 1, history[-1])
    return nn.unwatched(eqx.combine(params, eqx.combine(fixed, structure)[0])), history


def parts_of(
    model: Any, objective: AbstractObjective | None = None, trainable: PyTree[bool] | None = None
) -> tuple[Any, Any, Any]:
    """What trains, arrays that do not, and what is no array. Physics, rules and teachers enter a compiled step as
    arguments: constants would be folded and compiled again."""
    trainable = nn.trainable(model) if trainable is None else trainable
    model = nn.watched(model)
    params, rest = eqx.partition(model, _with_notes(trainable, model))
    return params, *eqx.partition((rest, objective or CrossEntropy()), eqx.is_array)


def loss_of(
    forward: Forward,
    structure: Any,
    *,
    penalty: Callable[[Any], Array] | None = None,
    noise: tuple[float, float] = (1.0, 1.0),
    deep: bool = False,
) -> Callable[..., Array]:
    """The loss of a batch, of the `parts_of` a model and of how much of the training is `done`."""

    def loss(params: Any, fixed: Any, xs: Array, ys: Array, done: Array, key: PRNGKey) -> Array:
        rest, objective = eqx.combine(fixed, structure)
        whole = eqx.combine(params, rest)
        whole = whole if noise == (1.0, 1.0) else nn.scale_noise(whole, noise[0] + done * (noise[1] - noise[0]))
        found = objective(forward(scanned(whole) if deep else whole, xs, key=key), xs, ys)
        return found if penalty is None else found + penalty(whole)

    return loss


def compiled_epoch(
    loss: Callable[..., Array],
    optimiser: optax.GradientTransformationExtraArgs,
    structure: Any,
    schedule: Schedule,
    n_batches: int,
    layout: Layout,
) -> Any:
    """One epoch as one program, compiled when called; on a mesh it overwrites parameters and state."""
    gradient = _accumulated(jax.value_and_grad(layout.gathering(loss)), schedule.accumulate, layout)

    @ft.partial(jax.jit, donate_argnums=() if layout.mesh is None else (0, 1))
    def epoch(
        params: Any, state: Any, fixed: Any, data: tuple[Array, Array], index: Array, key: PRNGKey
    ) -> tuple[Any, Any, Array]:
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

        key_order, key_steps = jr.split(key)
        order = jr.permutation(key_order, len(data[1]))[: n_batches * schedule.batch_size]
        keys = jr.split(key_steps, n_batches)
        batches = (order.reshape(n_batches, schedule.batch_size), jnp.arange(n_batches), keys)
        (params, state), losses = jax.lax.scan(step, (params, state), batches)
        return params, state, jnp.mean(losses)

    return epoch


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


def _with_notes(trainable: PyTree[bool], model: Any) -> PyTree[bool]:
    """The mask, and the places of notes, which come out of the gradient as if they were parameters."""
    noted = {name: layer.seen is not None for name, layer in nn.analog_layers(model).items()}
    mark = lambda _, layer: _marked(layer, ("seen",), True) if noted[layer.name] else layer
    return nn.map_layers(trainable, mark, nn.is_analog)


def random_shift(
    xs: Shaped[Array, "batch ..."], shift: int, moving: Bool[Array, ""] | bool = True, *, key: PRNGKey
) -> Shaped[Array, "batch ..."]:
    """Translates every image by up to `shift` pixels each way (not at all unless `moving`); what leaves is lost,
    what enters is zero."""
    if shift == 0:
        return xs
    padded = jnp.pad(xs, ((0, 0), (shift, shift), (shift, shift)))
    offsets = jnp.where(moving, jr.randint(key, (xs.shape[0], 2), 0, 2 * shift + 1), shift)
    crop = lambda image, offset: jax.lax.dynamic_slice(image, (offset[0], offset[1]), xs.shape[1:])
    return jax.vmap(crop)(padded, offsets)


def optimiser_of(
    schedule: Schedule, n_batches: int, projection: optax.GradientTransformation | None
) -> optax.GradientTransformationExtraArgs:
    """AdamW on a cosine with a warm-up, the projection after it, and ranges by their rules."""
    n_steps = schedule.epochs * n_batches
    rate = optax.warmup_cosine_decay_schedule(
        0.0, schedule.learning_rate, warmup_steps=max(n_steps // 20, 1), decay_steps=max(n_steps, 2)
    )
    adamw = optax.adamw(rate, weight_decay=schedule.weight_decay, mask=_matrices)
    return learn_ranges(optax.chain(adamw, *([projection] if projection is not None else [])))


def _matrices(params: Any) -> PyTree[bool]:
    """What decays: matrices, not biases, norms, ranges and notes."""

    names = ("input_range", "weight_range", "seen")
    present = lambda layer: tuple(name for name in names if getattr(layer, name, None) is not None)
    unmarked = lambda _, layer: _marked(layer, present(layer), False)
    return nn.map_layers(jax.tree.map(lambda leaf: leaf.ndim >= 2, params), unmarked, nn.is_analog)


def _marked(layer: Any, names: tuple[str, ...], mark: bool) -> Any:
    """A layer of a mask with other marks; not made anew, for marks are no arrays."""
    if not names:
        return layer
    fields = lambda layer: tuple(getattr(layer, name) for name in names)
    return eqx.tree_at(fields, layer, (mark,) * len(names), is_leaf=lambda node: node is None)
