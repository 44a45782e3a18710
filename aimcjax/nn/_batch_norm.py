"""Batch normalisation on a chip: statistics as the chip gives them, not as the digital network did."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
from jaxtyping import Array, Shaped

from .._types import PRNGKey, Time
from ._functional import at, bind


def reestimate_batch_norm(
    model: Any, state: eqx.nn.State, xs: Shaped[Array, "n ..."], *, key: PRNGKey, t: Time | None = None
) -> eqx.nn.State:
    """The state of a model with batch normalisation whose running means and variances are those of the chip.

    Drift and programming errors shift and shrink the inputs of a normalisation; with statistics of its own the chip
    undoes that digitally, without training.

    **Arguments:** `model`, analog, programmed or aged, called as `model(x, state) -> (y, state)` like every Equinox
    model with `equinox.nn.BatchNorm`; `state` from `equinox.nn.make_with_state`; calibration samples `xs` along the
    leading axis, all read at once; `key` of the reads; `t` [s], ages a programmed model first.

    **Returns:** the state for inference: means and (biased) variances over `xs`, earlier ones forgotten.

    **Raises:** `ValueError` if the model has no batch normalisation, or nothing to estimate it from.

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020), adaptive batch normalisation statistics update.
    """
    found = [node for node in jtu.tree_leaves(model, is_leaf=_is_norm) if _is_norm(node)]
    if not found:
        raise ValueError("the model has no `equinox.nn.BatchNorm`: there are no statistics to estimate")
    if len(xs) < 2:
        raise ValueError(f"a variance needs at least two samples, got {len(xs)}")
    aged = model if t is None else at(model, t=t)
    learning = jtu.tree_map(lambda node: _learning(node) if _is_norm(node) else node, aged, is_leaf=_is_norm)
    state = jax.tree.map(lambda leaf: leaf, state)  # a copy: Equinox lets a state be used once
    for norm in found:
        state = _forget(norm, state)
    axes = {norm.axis_name for norm in found}
    if len(axes) > 1 or not isinstance(axis := axes.pop(), str):
        raise ValueError(f"all batch norms must average over one and the same axis, got {sorted(map(str, axes))}")
    _, new = jax.vmap(lambda x, key: bind(learning, key)(x, state), axis_name=axis, out_axes=(0, None))(
        xs, jr.split(key, len(xs))
    )
    return new


def _is_norm(node: Any) -> bool:
    return isinstance(node, eqx.nn.BatchNorm)


def _learning(norm: eqx.nn.BatchNorm) -> eqx.nn.BatchNorm:
    return eqx.tree_at(lambda norm: norm.inference, norm, False)


def _forget(norm: Any, state: eqx.nn.State) -> eqx.nn.State:
    # After a first batch the running statistics are those of that batch, whatever the momentum, in both modes.
    if norm.mode == "ema":
        return state.set(norm.ema_first_time_index, jnp.array(True))
    zeros = jax.tree.map(jnp.zeros_like, state.get(norm.batch_state_index))
    return state.set(norm.batch_counter, jnp.array(0)).set(norm.batch_state_index, zeros)
