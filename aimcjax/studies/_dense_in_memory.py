"""Fully connected networks whose arrays learn: many runs of one algorithm in one compiled program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from .._types import PRNGKey, Scalar
from ..config import InMemoryTrainingConfig
from ..datasets import Dataset
from ..training import cross_entropy, in_memory


Step = Callable[[int, float], None]
# Most of the time of a small network is XLA's compiler: less of it, and least of all for what runs once.
QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
ONCE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
_ACTIVATIONS = {"sigmoid": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}


class Trained(NamedTuple):
    """`accuracy[runs, epochs]` on the test data after every epoch; `loss[runs, epochs]`; `stats`, what all epochs
    wrote, of every run."""

    accuracy: Float[np.ndarray, "runs epochs"]
    loss: Float[np.ndarray, "runs epochs"]
    stats: in_memory.WriteStats


class Network(eqx.Module):
    """Layers `w[n_in + 1, n_out]`, their biases the last row; what an array holds is multiplied by a digital scale."""

    sizes: tuple[int, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    omega: float | None = eqx.field(static=True)
    read: in_memory.AbstractMvm

    def init(self, key: PRNGKey) -> dict[str, Array]:
        """Uniform weights within $1/\\sqrt{n_{in}}$, in units of the arrays."""
        keys = jr.split(key, len(self.sizes) - 1)
        shapes = zip(self.sizes[:-1], self.sizes[1:], strict=True)
        return {
            f"layer{i}": jr.uniform(keys[i], (a + 1, b), minval=-1.0, maxval=1.0) * (a**-0.5 / self.scale(i))
            for i, (a, b) in enumerate(shapes)
        }

    def scale(self, i: int) -> float:
        """What layer i multiplies the outputs of its array with."""
        return 1.0 if self.omega is None else self.sizes[i] ** -0.5 / self.omega

    def logits(self, params: dict[str, Any], x: Float[Array, " n_in"], *, key: PRNGKey) -> Float[Array, " classes"]:
        """Of one sample."""
        keys = jr.split(key, len(params))
        for i, w in enumerate(params.values()):
            x = x if i == 0 else _ACTIVATIONS[self.activation](x)
            x = jnp.concatenate([x, jnp.ones(1, x.dtype)])
            x = self.scale(i) * in_memory.linear(w, x, forward=self.read, backward=self.read, key=keys[i])
        return x

    def gradients(
        self, params: dict[str, Array], x: Array, y: Array, *, key: PRNGKey
    ) -> tuple[Scalar, dict[str, in_memory.Outer]]:
        """The loss of a batch and the factors for the arrays: a rate is one of the weights, whatever the scales."""

        def loss(params: Any, _: Any, x: Array, y: Array, *, key: PRNGKey) -> Scalar:
            return cross_entropy(self.logits(params, x, key=key)[None], y[None])

        value, outers, _ = in_memory.outer_factors(loss, params, {}, x, y, key=key)
        rescaled = {
            name: in_memory.Outer(outer.x, outer.d / self.scale(i) ** 2)
            for i, (name, outer) in enumerate(outers.items())
        }
        return value, rescaled


def network_of(config: InMemoryTrainingConfig, data: Dataset) -> Network:
    """The network of the config, for flattened samples of `data`."""
    sizes = (int(data.x_train[0].size), *config.network.widths, data.n_classes)
    return Network(sizes, config.network.activation, config.network.omega, config.network.read())


def train(
    config: InMemoryTrainingConfig, network: Network, rules: in_memory.InMemoryRule, data: Dataset, keys: Array,
    step: Step,
) -> Trained:  # fmt: skip
    """Trains `keys` runs at once; every leaf of `rules` has one entry for each.

    **Raises:** `FloatingPointError` if a loss is no longer finite.
    """
    flat = lambda x: jnp.asarray(x.reshape(len(x), -1))
    x, y = flat(data.x_train), jnp.asarray(data.y_train)
    x_test, y_test = flat(data.x_test), jnp.asarray(data.y_test)
    over_runs = lambda f, axes, how=QUICK: jax.jit(jax.vmap(f, in_axes=axes), compiler_options=how)
    init = lambda rule, key: rule.init(network.init(jr.fold_in(key, 0)), key=jr.fold_in(key, 1))
    start = over_runs(init, (0, 0), ONCE)
    epoch = over_runs(_epoch(network, config.batch_size), (0, 0, 0, None, None, None))
    score = over_runs(_score(network), (0, 0, 0, None, None))
    state, total, accuracies, losses = start(rules, keys), None, [], []
    for number in range(1, config.epochs + 1):
        state, stats, loss = epoch(rules, state, keys, jnp.asarray(number), x, y)
        total = stats if total is None else total + stats
        accuracies.append(np.asarray(score(rules, state, keys, x_test, y_test), np.float64))
        losses.append(np.asarray(loss, np.float64))
        if not np.all(np.isfinite(losses[-1])):
            raise FloatingPointError(f"the loss of epoch {number} is not finite; lower the learning rate")
        step(number, float(np.mean(losses[-1])))
    assert total is not None
    return Trained(np.stack(accuracies, axis=1), np.stack(losses, axis=1), jax.tree.map(np.asarray, total))


def _epoch(network: Network, batch: int) -> Callable:
    def epoch(rule: in_memory.InMemoryRule, state: Any, key: PRNGKey, number: Array, x: Array, y: Array) -> tuple:
        key_order, key_steps = jr.split(jr.fold_in(key, number + 1))
        n_batches = len(y) // batch
        order = jr.permutation(key_order, len(y))[: n_batches * batch].reshape(n_batches, batch)

        def one(carry: tuple, inputs: tuple) -> tuple[tuple, Scalar]:
            (w, state, stats), (chosen, key) = carry, inputs
            key_read, key_update = jr.split(key)
            loss, factors = network.gradients(w, x[chosen], y[chosen], key=key_read)
            w, state, new = rule.update(factors, state, key=key_update)
            return (w, state, stats + new), loss

        nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(lambda: _stats(rule, network, state, batch)))
        carry = (rule.weights(state), state, nothing)
        (_, state, stats), losses = jax.lax.scan(one, carry, (order, jr.split(key_steps, n_batches)))
        return state, stats, jnp.mean(losses)

    return epoch


def _stats(rule: in_memory.InMemoryRule, network: Network, state: Any, batch: int) -> in_memory.WriteStats:
    """What one update returns, for its shapes."""
    w = rule.weights(state)
    x, y = jnp.zeros((batch, network.sizes[0])), jnp.zeros(batch, jnp.int32)
    return rule.update(network.gradients(w, x, y, key=jr.key(0))[1], state, key=jr.key(0))[2]


def _score(network: Network) -> Callable:
    def score(rule: in_memory.InMemoryRule, state: Any, key: PRNGKey, x: Array, y: Array) -> Scalar:
        w, keys = rule.weights(state), jr.split(key, len(y))
        found = jax.vmap(lambda x, key: jnp.argmax(network.logits(w, x, key=key)))(x, keys)
        return jnp.mean((found == y).astype(x.dtype))

    return score
