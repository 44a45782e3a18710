"""What a design is worth on chips that its optimisation has not met."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from ..._types import PRNGKey, Scalar
from .._price import COMPONENTS
from ._problem import Problem, bill_of, task_loss
from ._variables import Choice


class Scored(NamedTuple):
    """A design on `chips` chips: `scores` of every one; exact costs of one inference [J], [s], [m2], and of its
    conversions alone [J]."""

    scores: Float[np.ndarray, " chips"]
    energy_J: float
    conversions_J: float
    latency_s: float
    area_m2: float


def score(
    problem: Problem, choice: Choice, x: Shaped[Array, "n ..."], y: Shaped[Array, "n ..."], *,
    metric: Callable[[Array, Array], Scalar], n_chips: int, key: PRNGKey,
) -> Scored:  # fmt: skip
    """`metric(outputs, y)` of `n_chips` chips that `key` draws, with real quantisers, and exact costs. Equal keys draw
    equal chips and read noise, whatever the design: differences of designs are paired."""
    scores, *costs = _score(problem, choice, x, y, metric, jr.split(key, n_chips))
    return Scored(np.asarray(scores, np.float64), *map(float, costs))


@eqx.filter_jit
def _score(problem: Problem, choice: Choice, x: Array, y: Array, metric: Callable, keys: Array) -> tuple:
    of_chip = lambda key: task_loss(problem, choice, x, y, key[None], smooth=False, loss=metric)[0]
    bill, energy = bill_of(problem, choice, smooth=False)
    conversions = jnp.sum(bill.parts[COMPONENTS.index("adc")])
    return jax.lax.map(of_chip, keys), energy, conversions, bill.latency_s, bill.area_m2


def on_front(energies: Float[np.ndarray, " n"], scores: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which of n designs, by their `energies` and `scores`, no other one dominates: none has at most its energy and at
    least its score, and one of them better. Scores are larger where they are better."""
    e, s = np.asarray(energies), np.asarray(scores)
    as_good = (e[:, None] <= e[None]) & (s[:, None] >= s[None])
    better = (e[:, None] < e[None]) | (s[:, None] > s[None])
    return ~np.any(as_good & better, axis=0)
