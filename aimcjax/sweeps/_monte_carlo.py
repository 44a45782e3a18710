"""Many chips, programmed once each and aged to many times, in one compiled program."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int, Key, Shaped

from .. import nn
from .._types import PRNGKey, strongly_typed


def score_over_time(
    model: Any,
    xs: Shaped[Array, "n ..."],
    labels: Int[Array, "n ..."],
    *,
    score: Callable[[Array, Array], Array],
    n_chips: int,
    times: Float[Array, " times"],
    strengths: Float[Array, " strengths"],
    key: PRNGKey,
) -> Float[Array, "strengths chips times"]:
    """What `n_chips` chips score at each time, with each strength of drift compensation.

    Every chip is programmed once from its own key and aged to all times; all times and strengths see the same chips
    and the same draws of read noise (common random numbers), so differences between them are paired and sharper. Values
    never recompile: times, strengths, weights and every physical constant are arrays.

    **Arguments:** `model`, from `nn.convert` and `nn.calibrate`; samples `xs` and their `labels`; `score(logits,
    labels)`, a mean over samples such as `training.accuracy`; `times` [s] after programming; `strengths`, 1 is
    compensated, 0 is not; `key`.

    **Returns:** the score of every chip.
    """
    if n_chips < 1:
        raise ValueError(f"a study needs at least one chip, got n_chips={n_chips}")
    return _scores(score, strongly_typed((model, xs, labels, times, strengths)), jr.split(key, n_chips))


@eqx.filter_jit
def _scores(
    score: Callable[[Array, Array], Array], arguments: tuple[Any, ...], keys: Key[Array, " chips"]
) -> Float[Array, "strengths chips times"]:
    model, xs, labels, times, strengths = arguments
    conditions = jnp.meshgrid(strengths, times, indexing="ij")

    def one_chip(key: PRNGKey) -> Float[Array, "strengths times"]:
        key_program, key_read = jr.split(key)
        chip = nn.program(model, key=key_program)

        def at_condition(condition: tuple[Array, Array]) -> Array:
            strength, t = condition
            aged = nn.at(nn.with_compensation_strength(chip, strength), t=t)
            return score(nn.apply(aged, xs, key=key_read), labels)

        # One condition at a time: memory does not grow with their number, and the batch is parallel enough.
        flat = jax.lax.map(at_condition, tuple(c.reshape(-1) for c in conditions))
        return flat.reshape(strengths.shape[0], times.shape[0])

    return jnp.swapaxes(jax.vmap(one_chip)(keys), 0, 1)
