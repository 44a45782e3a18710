"""From a problem to a design: descent on the relaxed design, then whole bits."""

import functools as ft
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar
from ._problem import Problem, Terms, Weights, relaxed_terms, task_loss, terms
from ._variables import Box, Choice, to_choice, to_free


_ADAM: Any = optax.scale_by_adam()
PASSES = 3  # of rounding; most designs settle in two


class Descent(NamedTuple):
    """Adam for `steps` on `batch_size` samples and `n_chips` fresh chips a step, the rate falling from `learning_rate`
    as a cosine; rounding looks at `round_samples` samples on `round_chips` chips, the same ones for all candidates."""

    steps: int = 150
    batch_size: int = 128
    n_chips: int = 2
    learning_rate: float = 0.1
    round_samples: int = 512
    round_chips: int = 4

    def check(self) -> None:
        """Raises `ValueError` for sizes below one or a rate that is not positive."""
        for name, value in self._asdict().items():
            if value <= 0:
                raise ValueError(f"{name} is above 0, got {value}")


class Solution(NamedTuple):
    """Of one problem and weights: the `relaxed` design and the `rounded` one; `before` and `after` rounding, both with
    real quantisers and exact costs on the same chips; `losses` and `energies` [J] of the steps."""

    relaxed: Choice
    rounded: Choice
    before: Terms
    after: Terms
    losses: Float[np.ndarray, " steps"]
    energies: Float[np.ndarray, " steps"]


def solve(problem: Problem, weights: Weights, descent: Descent, *, key: PRNGKey) -> Solution:
    """Descends from the start of `problem`, then rounds its bits."""
    descent.check()
    key_steps, key_round = jr.split(key)
    state = start_state(problem)
    path = []
    for number, step_key in enumerate(jr.split(key_steps, descent.steps)):
        rate = descent.learning_rate * 0.5 * (1.0 + np.cos(np.pi * number / descent.steps))
        state, found = _step(
            problem, weights, state, jnp.asarray(rate, float), step_key, descent.batch_size, descent.n_chips
        )
        path.append((found.loss, found.energy_J))
    relaxed = _inside(problem, state[0])
    losses, energies = np.asarray(jax.device_get(path), np.float64).T
    judge = judge_of(problem, weights, descent, key=key_round)
    if not jnp.any(problem.free.bits > 0):
        return Solution(relaxed, relaxed, judge(relaxed), judge(relaxed), losses, energies)
    rounded, after = round_bits(relaxed, judge, problem.box)
    return Solution(relaxed, rounded, judge(relaxed), after, losses, energies)


def start_state(problem: Problem) -> tuple[Choice, Any]:
    """The unbounded variables, and the state of their optimiser."""
    z = to_free(problem.start, problem.box)
    return z, _ADAM.init(z)


@eqx.filter_jit
def _step(
    problem: Problem, weights: Weights, state: tuple[Choice, Any], rate: Scalar, key: PRNGKey, batch: int, n_chips: int
) -> tuple[tuple[Choice, Any], Terms]:
    (z, moments), (key_batch, key_chips) = state, jr.split(key)
    of = jr.randint(key_batch, (batch,), 0, problem.x.shape[0])

    def objective(z: Choice) -> tuple[Array, Terms]:
        choice = _inside(problem, z)
        found = relaxed_terms(problem, weights, choice, problem.x[of], problem.y[of], jr.split(key_chips, n_chips))
        return found.objective, found

    gradient, found = jax.grad(objective, has_aux=True)(z)
    gradient = jax.tree.map(jnp.multiply, gradient, problem.free)
    update, moments = _ADAM.update(gradient, moments)
    return (jax.tree.map(lambda z, u: z - rate * u, z, update), moments), found


@eqx.filter_jit
def _inside(problem: Problem, z: Choice) -> Choice:
    """The choice of free variables, all others as they were."""
    return jax.tree.map(
        lambda free, a, b: jnp.where(free > 0, a, b), problem.free, to_choice(z, problem.box), problem.start
    )


def judge_of(problem: Problem, weights: Weights, descent: Descent, *, key: PRNGKey) -> Any:
    """A function from designs to exact terms, always on the same samples and chips."""
    key_samples, key_chips = jr.split(key)
    n = min(descent.round_samples, problem.x.shape[0])
    of = jr.permutation(key_samples, problem.x.shape[0])[:n]
    return ft.partial(_exact, problem, weights, problem.x[of], problem.y[of], jr.split(key_chips, descent.round_chips))


@eqx.filter_jit
def _exact(problem: Problem, weights: Weights, x: Array, y: Array, keys: Array, choice: Choice) -> Terms:
    losses = jax.lax.map(lambda key: task_loss(problem, choice, x, y, key[None], smooth=False)[0], keys)
    return terms(problem, weights, choice, jnp.mean(losses), smooth=False)


def round_bits(relaxed: Choice, judge: Any, box: Box) -> tuple[Choice, Terms]:
    """Whole bits near those of `relaxed`, by what `judge` says of a choice (its exact `Terms`): from the nearest, layer
    by layer (those first that were nearest to the middle) a step up or down for as long as the exact objective falls,
    at most `PASSES` times through all layers. Where descent stopped beside the optimum, the steps lead there."""
    bits = np.asarray(relaxed.bits, np.float64)
    low, high = np.ceil(np.asarray(box.low.bits)), np.floor(np.asarray(box.high.bits))
    best = np.clip(np.round(bits), low, high)
    with_bits = lambda bits: eqx.tree_at(lambda c: c.bits, relaxed, jnp.asarray(bits, relaxed.bits.dtype))
    found = judge(with_bits(best))
    order = np.argsort(np.abs(bits - np.floor(bits) - 0.5))
    for _ in range(PASSES):
        before = best
        for index, step in ((index, step) for index in order for step in (1.0, -1.0)):
            while True:
                other = best.copy()
                other[index] = np.clip(best[index] + step, low[index], high[index])
                if other[index] == best[index] or (terms_of := judge(with_bits(other))).objective >= found.objective:
                    break
                best, found = other, terms_of
        if np.array_equal(before, best):
            break
    return with_bits(best), found
