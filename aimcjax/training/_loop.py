"""The training loop: one compiled program per epoch, no host synchronisation inside."""

import math
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Int, PyTree, Shaped

from .. import nn
from .._types import AnyArray, PRNGKey
from ._deep import scanned
from ._epoch import compiled_epoch
from ._objectives import AbstractObjective, CrossEntropy
from ._ranges import learn_ranges
from ._saves import Done, Saves, checksum, key_words
from ._schedule import Schedule
from ._sharding import Layout, check_batch


@runtime_checkable
class Forward(Protocol):
    """Logits of a model on a batch: `digital_forward`, `hwa_forward` or the user's own."""

    def __call__(
        self, model: Any, xs: Shaped[Array, "samples ..."], *, key: PRNGKey
    ) -> PyTree[Shaped[Array, "samples ..."]]: ...


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
    saves: Saves | None = None,
) -> tuple[Any, list[float]]:
    """Trains with AdamW.

    **Arguments:** `model`; samples `x` and labels `y` (one each, or one for each position); `forward`; `schedule`;
    `key`; `objective`, default `CrossEntropy()`; `projection`, applied after the optimiser's step
    (`keep_programmable`); `trainable`, the mask of what trains, default `nn.trainable(model)` (of adapters alone:
    `nn.trainable_adapters`); `penalty(model)`, added to the loss; `noise`, the factor of `nn.scale_noise` at the
    beginning and at the end, linear between; `progress(epoch, loss)`, called after every epoch; `mesh`, from
    `make_mesh`: parameters, optimiser and batches are split over its devices (`shardings`); `deep`, blocks of decoders
    are one loop, computed again for their gradient (`scanned`); `saves`, where to keep what was done, and to go on from
    if this training was interrupted: to the same numbers.

    **Returns:** the trained model and the mean loss of each epoch [nats].

    **Raises:** `ValueError` for schedules that cannot be, data that are fewer than a batch or have no label each,
    a batch that does not split over the mesh, and `saves` of another training; `OSError` if they cannot be written;
    `FloatingPointError` if the loss is no longer finite.
    """
    _check(x, y, schedule, mesh)
    layout = Layout(mesh, deep)
    n_batches = len(y) // schedule.batch_size
    optimiser = optimiser_of(schedule, n_batches, projection)
    params, fixed, structure = parts_of(model, objective, trainable)
    params, fixed, data = layout.put(params), layout.put(fixed), layout.everywhere((jnp.asarray(x), jnp.asarray(y)))
    loss = loss_of(forward, structure, penalty=penalty, noise=noise, deep=deep)
    epoch = compiled_epoch(loss, optimiser, structure, schedule, n_batches, layout)
    done = Done(params, layout.put(optimiser.init(params)), layout.everywhere(jnp.zeros(n_batches)), 0, 0, [])
    saves = saves or Saves(None)
    done = saves.begin(done, lambda: {"schedule": schedule, "key": key_words(key), "data": checksum(x, y)})
    if done.history:
        progress(done.epoch, done.history[-1])
    for index, key_epoch in list(enumerate(jr.split(key, schedule.epochs)))[done.epoch :]:
        while done.epoch == index:
            with layout.active():
                done = _advance(epoch, done, saves.steps(done.batch, n_batches), n_batches, fixed, data, key_epoch)
            _check_diverged(done, schedule, y)
            saves.keep(done)
        progress(index + 1, done.history[-1])
    saves.keep(done, last=True)
    return nn.unwatched(eqx.combine(done.params, eqx.combine(fixed, structure)[0])), done.history


def _check(x: Any, y: Any, schedule: Schedule, mesh: Mesh | None) -> None:
    """Before any work: whether so many samples can be trained with."""
    if len(x) != len(y):
        raise ValueError(f"every sample has a label, got {len(x)} samples and {len(y)} labels")
    schedule.check(len(y))
    check_batch(schedule.batch_size // schedule.accumulate, {} if mesh is None else mesh.shape)


def _advance(epoch: Any, done: Done, steps: int | None, n_batches: int, fixed: Any, data: Any, key: PRNGKey) -> Done:
    """`done` after so many more batches of the present epoch, `None` for all of it in one go."""
    params, state, losses, index, batch, history = done
    if steps is None:
        params, state, mean = epoch(params, state, fixed, data, jnp.asarray(index), key)
        return Done(params, state, losses, index + 1, 0, [*history, float(mean)])
    part = (losses, jnp.asarray(batch), jnp.asarray(batch + steps))
    params, state, (mean, losses) = epoch(params, state, fixed, data, jnp.asarray(index), key, part)
    ended = batch + steps == n_batches
    loss = float(mean)  # waits for the part to end
    at = (index + 1, 0, [*history, loss]) if ended else (index, batch + steps, history)
    return Done(params, state, losses, *at)


def _check_diverged(done: Done, schedule: Schedule, y: Any) -> None:
    if done.history and not math.isfinite(done.history[-1]):
        raise FloatingPointError(
            f"training diverged: the loss is no longer finite in epoch {done.epoch} of {schedule.epochs}; "
            f"a learning rate below {schedule.learning_rate:g} may help (labels from {y.min()} to {y.max()} "
            "must be classes of the model)"
        )


def parts_of(
    model: Any, objective: AbstractObjective | None = None, trainable: PyTree[bool] | None = None
) -> tuple[Any, Any, Any]:
    """What trains, arrays that do not, and what is no array: `params`, `fixed` and `structure`. Physics, rules and
    teachers enter a compiled step as arguments: constants would be folded and compiled again.

    **Arguments:** as for `fit`: `model`, `objective`, `trainable`.
    """
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
    """The loss of a batch: `loss(params, fixed, xs, ys, done, key)`, of the `parts_of` a model, samples and labels, and
    how much of the training is `done`, from 0 to 1.

    **Arguments:** `structure`, the last of `parts_of`; `forward`, `penalty`, `noise` and `deep` as for `fit`.
    """

    def loss(params: Any, fixed: Any, xs: Array, ys: Array, done: Array, key: PRNGKey) -> Array:
        rest, objective = eqx.combine(fixed, structure)
        whole = eqx.combine(params, rest)
        whole = whole if noise == (1.0, 1.0) else nn.scale_noise(whole, noise[0] + done * (noise[1] - noise[0]))
        found = objective(forward(scanned(whole) if deep else whole, xs, key=key), xs, ys)
        return found if penalty is None else found + penalty(whole)

    return loss


def _with_notes(trainable: PyTree[bool], model: Any) -> PyTree[bool]:
    """The mask, and the places of notes, which come out of the gradient as if they were parameters."""
    noted = {name: layer.seen is not None for name, layer in nn.analog_layers(model).items()}
    mark = lambda _, layer: _marked(layer, ("seen",), True) if noted[layer.name] else layer
    return nn.map_layers(trainable, mark, nn.is_analog)


def optimiser_of(
    schedule: Schedule, n_batches: int, projection: optax.GradientTransformation | None
) -> optax.GradientTransformationExtraArgs:
    """AdamW on a cosine with a warm-up, the `projection` after it, and ranges by their rules. The `schedule` says the
    epochs and the largest rate; each has `n_batches` steps. Only matrices decay."""
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
