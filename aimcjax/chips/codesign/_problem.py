"""What is minimised: the loss of a task on fresh chips, and what the same design costs."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax.core import Tracer
from jaxtyping import Array, Float, Int, Key, Shaped

from ... import nn
from ..._types import PRNGKey, Scalar, physical
from ...units import pJ
from .._counts import Counts
from .._description import Chip
from .._price import Bill, price
from ._put import in_counts, in_model
from ._variables import Box, Choice


class Upkeep(eqx.Module):
    """What keeps a chip fresh, shared out over the inferences in between.

    **Arguments:** `rate`, inferences a second; `write_energy` [J] of writing one cell again; `n_vectors`, calibration
    vectors through every matrix for one measurement of its drift.
    """

    rate: Scalar = physical(100.0, unit="Hz", doc="assumed: inferences a second", above=0.0)
    write_energy: Scalar = physical(100 * pJ, unit="J", doc="assumed: ten pulses of 10 pJ with their reads")
    n_vectors: Scalar = physical(16.0, doc="as `GlobalDriftCompensation`")


class Weights(eqx.Module):
    """How much a cost counts beside the loss, each relative to the cost of the design to start from: at `energy=0.1`
    saving all of its energy is worth a loss that is larger by 0.1 (assumed)."""

    energy: Scalar = physical(0.1)
    area: Scalar = physical(0.0)
    latency: Scalar = physical(0.0)

    def __check_init__(self) -> None:
        for name in ("energy", "area", "latency"):
            check_weight(f"weight_{name}", getattr(self, name))


class Terms(eqx.Module):
    """`objective`, the sum of `loss` and weighted costs; the costs of one inference [J], [s], [m2]."""

    objective: Scalar
    loss: Scalar
    energy_J: Scalar
    latency_s: Scalar
    area_m2: Scalar


class Problem(eqx.Module):
    """A converted `model` placed on a `chip` with these `counts`, training samples `x`, `y` and their `loss(outputs,
    y)`; chips are read `t` [s] after programming, or as often refreshed as chosen. `start`, the design to start from,
    and `reference`, what it costs; `free`, one for what may change of it; `names` of the layers, in the order of
    `bits`; whether chips are `refreshed` and their drift is `remeasured` after the periods of a choice."""

    model: Any
    counts: Counts
    chip: Chip
    x: Shaped[Array, "n ..."]
    y: Shaped[Array, "n ..."]
    t: Scalar
    upkeep: Upkeep
    box: Box
    start: Choice
    free: Choice
    reference: Bill
    loss: Callable[[Array, Array], Scalar] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    refreshed: bool = eqx.field(static=True, default=False)
    remeasured: bool = eqx.field(static=True, default=False)


def check_weight(name: str, weight: Any) -> None:
    """Raises `ValueError` for a known weight below zero."""
    if not isinstance(weight, Tracer) and not (jnp.size(weight) == 1 and 0 <= float(weight) < float("inf")):
        raise ValueError(f"{name} is a number from 0, got {weight}")


def task_loss(
    problem: Problem, choice: Choice, x: Shaped[Array, "n ..."], y: Shaped[Array, "n ..."],
    keys: Key[Array, " chips"], *, smooth: bool, loss: Any = None,
) -> Float[Array, " chips"]:  # fmt: skip
    """The `loss` (that of the problem, unless given) on samples `x`, `y` of chips drawn by `keys`. With fixed keys
    `smooth` makes it a smooth function of `choice`, but for saturation and the steps of DACs."""
    model = in_model(problem.model, problem.names, choice, smooth=smooth)

    def of_chip(key: PRNGKey) -> Scalar:
        key_program, key_read, key_age = jr.split(key, 3)
        chip = read_after(problem, choice, nn.program(model, key=key_program), key_age)
        return (loss or problem.loss)(nn.apply(chip, x, key=key_read), y)

    return jax.vmap(of_chip)(keys)


def read_after(problem: Problem, choice: Choice, chip: Any, key: PRNGKey) -> Any:
    """The chip as it is met: at a random time between two refreshes, or `problem.t` [s] after programming, and at a
    random time between two measurements of its drift, where those are chosen. The factors of drift compensation are
    those of the last measurement; writing is followed by one."""
    u, v = jr.uniform(key, (2,), choice.bits.dtype)
    t = u * choice.refresh_period if problem.refreshed else problem.t
    if not problem.remeasured:
        return nn.at(chip, t=t)
    measured = nn.analog_layers(nn.at(chip, t=jnp.maximum(t - v * choice.compensation_period, 0.0)))

    def stale(path: str, layer: Any) -> Any:
        del path
        factor = measured[layer.name].matrix.factor
        return dataclasses.replace(layer, matrix=dataclasses.replace(layer.matrix, factor=factor))

    return nn.map_layers(nn.at(chip, t=t), stale, nn.is_analog)


def bill_of(problem: Problem, choice: Choice, *, smooth: bool) -> tuple[Bill, Float[Array, ""]]:
    """What an inference costs, and its energy with its share of the upkeep [J]; `smooth` as of `price`."""
    counts, keep = in_counts(problem.counts, choice), problem.upkeep
    bill = price(counts, problem.chip, smooth=smooth)
    energy = bill.energy_J
    if problem.refreshed:
        energy += keep.write_energy * float(counts.n_cells) / (choice.refresh_period * keep.rate)
    if problem.remeasured:
        per_vector = jnp.sum(jnp.sum(bill.parts[:, :-1], axis=0) / counts.vectors)
        energy += keep.n_vectors * per_vector / (choice.compensation_period * keep.rate)
    return bill, energy


def terms(problem: Problem, weights: Weights, choice: Choice, loss: Scalar, *, smooth: bool) -> Terms:
    """The objective of a choice with this loss."""
    bill, energy = bill_of(problem, choice, smooth=smooth)
    reference = problem.reference
    cost = (
        weights.energy * energy / reference.energy_J
        + weights.area * bill.area_m2 / reference.area_m2
        + weights.latency * bill.latency_s / reference.latency_s
    )
    return Terms(loss + cost, loss, energy, bill.latency_s, bill.area_m2)


def relaxed_terms(
    problem: Problem, weights: Weights, choice: Choice, x: Shaped[Array, "n ..."], y: Int[Array, "n ..."],
    keys: Key[Array, " chips"],
) -> Terms:  # fmt: skip
    """The objective that has gradients."""
    loss = jnp.mean(task_loss(problem, choice, x, y, keys, smooth=True))
    return terms(problem, weights, choice, loss, smooth=True)
