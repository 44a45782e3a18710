"""Fully connected networks whose arrays learn: many runs of one algorithm in one compiled program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar
from ...config import InMemoryTrainingConfig
from ...datasets import Dataset
from ...training import cross_entropy, in_memory
from ._loop import ONCE, QUICK, Step, epoch_of, run_epochs


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
    gradients = lambda _, w, x, y, *, key: network.gradients(w, x, y, key=key)
    epoch = over_runs(epoch_of(gradients, config.batch_size), (None, 0, 0, 0, None, None, None))
    score = over_runs(_score(network), (0, 0, 0, None, None))
    accuracy, losses, stats = run_epochs(
        config.epochs,
        lambda state, number: epoch(None, rules, state, keys, number, x, y),
        lambda state: score(rules, state, keys, x_test, y_test),
        start(rules, keys),
        step,
    )
    return Trained(accuracy, losses, jax.tree.map(np.asarray, stats))


def _score(network: Network) -> Callable:
    def score(rule: in_memory.InMemoryRule, state: Any, key: PRNGKey, x: Array, y: Array) -> Scalar:
        w, keys = rule.weights(state), jr.split(key, len(y))
        found = jax.vmap(lambda x, key: jnp.argmax(network.logits(w, x, key=key)))(x, keys)
        return jnp.mean((found == y).astype(x.dtype))

    return score
