"""The training loop: one compiled program per epoch, no host synchronisation inside."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Bool, Int, PyTree, Shaped

from .. import nn
from .._types import AnyArray, PRNGKey
from ._losses import cross_entropy


@runtime_checkable
class Forward(Protocol):
    """Logits of a model on a batch: `digital_forward`, `hwa_forward` or the user's own."""

    def __call__(self, model: Any, xs: Array, *, key: PRNGKey) -> Array: ...


class Schedule(NamedTuple):
    """How long and how fast. `learning_rate` is the peak of a cosine with a warm-up of one twentieth; `shift` is the
    augmentation, random translations of images by up to so many pixels, in all but the last `settle` epochs."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    shift: int = 0
    settle: int = 0

    def check(self, n_samples: int) -> None:
        """Raises `ValueError` if a batch is more than all samples."""
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
    projection: optax.GradientTransformation | None = None,
    trainable: PyTree[bool] | None = None,
    penalty: Callable[[Any], Array] | None = None,
    progress: Callable[[int, float], None] = lambda epoch, loss: None,
) -> tuple[Any, list[float]]:
    """Trains with AdamW on cross-entropy.

    **Arguments:** `model`; samples `x` and labels `y` (one each, or one for each position); `forward`; `schedule`;
    `key`; `projection`, applied after the optimiser's step (`keep_programmable`); `trainable`, the mask of
    what trains, default `nn.trainable(model)` (of adapters alone: `nn.trainable_adapters`); `penalty(model)`, added to
    the loss; `progress(epoch, loss)`, called after every epoch.

    **Returns:** the trained model and the mean loss of each epoch [nats].

    **Raises:** `ValueError` if the data are fewer than a batch; `FloatingPointError` if the loss is no longer finite.
    """
    schedule.check(len(y))
    n_batches = len(y) // schedule.batch_size
    optimiser = _optimiser(schedule, n_batches, projection)
    params, rest = eqx.partition(model, nn.trainable(model) if trainable is None else trainable)
    # Physics and data enter as arguments: constants of the compiled program would be folded and recompiled.
    fixed, structure = eqx.partition(rest, eqx.is_array)
    state, data = optimiser.init(params), (jnp.asarray(x), jnp.asarray(y))

    def loss_of(params: Any, fixed: Any, xs: Array, ys: Array, key: PRNGKey) -> Array:
        whole = eqx.combine(params, fixed, structure)
        loss = cross_entropy(forward(whole, xs, key=key), ys)
        return loss if penalty is None else loss + penalty(whole)

    epoch = _compiled_epoch(loss_of, optimiser, schedule, n_batches)
    history: list[float] = []
    for index, key_epoch in enumerate(jr.split(key, schedule.epochs)):
        moving = jnp.asarray(index < schedule.epochs - schedule.settle)
        params, state, loss = epoch(params, state, fixed, data, moving, key_epoch)
        history.append(float(loss))
        if not jnp.isfinite(loss):
            raise FloatingPointError(
                f"training diverged: the loss is no longer finite in epoch {index + 1} of {schedule.epochs}; "
                f"a learning rate below {schedule.learning_rate:g} may help"
            )
        progress(index + 1, history[-1])
    return eqx.combine(params, rest), history


def _compiled_epoch(
    loss_of: Callable[..., Array], optimiser: optax.GradientTransformation, schedule: Schedule, n_batches: int
) -> Callable[..., tuple[Any, Any, Array]]:
    @jax.jit
    def epoch(
        params: Any, state: Any, fixed: Any, data: tuple[Array, Array], moving: Array, key: PRNGKey
    ) -> tuple[Any, Any, Array]:
        def step(carry: tuple[Any, Any], batch: tuple[Array, PRNGKey]) -> tuple[tuple[Any, Any], Array]:
            params, state = carry
            index, key = batch
            key_shift, key_forward = jr.split(key)
            xs = random_shift(data[0][index], schedule.shift, moving, key=key_shift)
            loss, grads = jax.value_and_grad(loss_of)(params, fixed, xs, data[1][index], key_forward)
            updates, state = optimiser.update(grads, state, params)
            return (optax.apply_updates(params, updates), state), loss

        key_order, key_steps = jr.split(key)
        order = jr.permutation(key_order, len(data[1]))[: n_batches * schedule.batch_size]
        batches = (order.reshape(n_batches, schedule.batch_size), jr.split(key_steps, n_batches))
        (params, state), losses = jax.lax.scan(step, (params, state), batches)
        return params, state, jnp.mean(losses)

    return epoch


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


def _optimiser(
    schedule: Schedule, n_batches: int, projection: optax.GradientTransformation | None
) -> optax.GradientTransformation:
    n_steps = schedule.epochs * n_batches
    rate = optax.warmup_cosine_decay_schedule(
        0.0, schedule.learning_rate, warmup_steps=max(n_steps // 20, 1), decay_steps=max(n_steps, 2)
    )
    # Matrices decay; biases, norms and input ranges do not.
    matrices = lambda params: jax.tree.map(lambda leaf: leaf.ndim >= 2, params)
    adamw = optax.adamw(rate, weight_decay=schedule.weight_decay, mask=matrices)
    return optax.chain(adamw, *([projection] if projection is not None else []))
