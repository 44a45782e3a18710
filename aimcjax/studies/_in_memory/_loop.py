"""Epochs of in-memory training: batch after batch in one program, and what all of them wrote."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from ..._types import PRNGKey
from ...training import in_memory


Step = Callable[[int, float], None]
# Most of the time of a small network is XLA's compiler: less of it, and least of all for what runs once.
QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
ONCE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def epoch_of(gradients: Callable[..., tuple[Array, Any]], batch: int) -> Callable[..., tuple]:
    """One epoch, `epoch(model, rule, state, key, number, x, y)`: the next state, what it wrote, and the mean loss.

    **Arguments:** `gradients(model, weights, x, y, key=...)`, the loss of a batch and the factors for the arrays;
    `batch`, its samples.
    """

    def epoch(model: Any, rule: Any, state: Any, key: PRNGKey, number: Array, x: Array, y: Array) -> tuple:
        key_order, key_steps = jr.split(jr.fold_in(key, number + 1))
        n_batches = len(y) // batch
        order = jr.permutation(key_order, len(y))[: n_batches * batch].reshape(n_batches, batch)

        def one(carry: tuple, inputs: tuple) -> tuple[tuple, tuple]:
            (w, state), (chosen, key) = carry, inputs
            key_read, key_update = jr.split(key)
            loss, factors = gradients(model, w, x[chosen], y[chosen], key=key_read)
            w, state, stats = rule.update(factors, state, key=key_update)
            return (w, state), (stats, loss)

        carry = (rule.weights(state), state)
        shapes = jax.eval_shape(lambda: one(carry, (order[0], key_steps))[1][0])
        nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

        def summing(carry: tuple, inputs: tuple) -> tuple[tuple, Array]:
            inner, (stats, loss) = one(carry[0], inputs)
            return (inner, carry[1] + stats), loss

        ((_, state), stats), losses = jax.lax.scan(summing, (carry, nothing), (order, jr.split(key_steps, n_batches)))
        return state, stats, jnp.mean(losses)

    return epoch


def run_epochs(
    n_epochs: int, epoch: Callable[[Any, Array], tuple], score: Callable[[Any], Array], state: Any, step: Step
) -> tuple[Float[np.ndarray, "runs epochs"], Float[np.ndarray, "runs epochs"], in_memory.WriteStats]:
    """Runs `state, stats, losses = epoch(state, number)` from number 1 on, all runs at once.

    **Returns:** the `score` of the state after every epoch, the loss of every epoch, and what all of them wrote.

    **Raises:** `FloatingPointError` if a loss is no longer finite.
    """
    total, scores, losses = None, [], []
    for number in range(1, n_epochs + 1):
        state, stats, loss = epoch(state, jnp.asarray(number))
        total = stats if total is None else total + stats
        scores.append(np.asarray(score(state), np.float64))
        losses.append(np.asarray(loss, np.float64))
        if not np.all(np.isfinite(losses[-1])):
            raise FloatingPointError(f"the loss of epoch {number} is not finite; lower the learning rate")
        step(number, float(np.mean(losses[-1])))
    assert total is not None
    return np.stack(scores, axis=1), np.stack(losses, axis=1), total
