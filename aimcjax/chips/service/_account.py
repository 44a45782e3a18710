"""What a step of service cost and what there is to tell of it."""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from ..._types import Scalar
from ._policy import ACTIONS, Policy
from ._state import LASTING, State, World


def account(world: World, policy: Policy, state: State, requests: Scalar, found: Any) -> tuple[State, dict[str, Array]]:
    """The state at the end of the step, and its record; `found` are the `Findings` of the step."""
    dt, share = world.traffic.step, state.share  # that of `found` holds from the next step on
    energy, time = _of_actions(world, policy, state, found)
    readings = found.read.astype(float) + found.repaired.astype(float)
    down = jnp.minimum(jnp.sum(time) + readings * policy.monitor.time, dt)
    served = requests * found.activity * (1.0 - down / dt)
    on_chip, digital, leaks = _of_requests(world, state, served, found)
    record = {
        "accuracy": (1.0 - share) * found.score + share * world.digital_score,
        "accuracy_analog": found.score,
        "canary_error": found.error,
        "canary_error_after": found.left,
        "activity": found.activity,
        "digital_share": share,
        "requests": requests,
        "served": served,
        "served_on_chip": served * (1.0 - share),
        "layer_energy_J": on_chip,
        "digital_energy_J": digital,
        "leakage_energy_J": leaks,
        "monitor_energy_J": readings * policy.monitor.energy,
        "action_energy_J": energy,
        "downtime_s": down,
        "action_time_s": time,
        "action": jnp.stack([found.codes[name] for name in ACTIONS]),
        "retries": found.retries,
        "spares": state.spares,
        "peak_temperature_K": jnp.max(found.temperature),
        "temperature_K": found.of_layers,
        "node_temperature_K": found.temperature.ravel(),
        "age_s": state.ages,
        "written": found.written,
        "moved": found.moved,
        "writes": state.writes,
        "version": state.version,
        "failed_share": found.failed,
    }
    return _ended(state, found), record


def _ended(state: State, found: Any) -> State:
    since = state.since | {"monitor": jnp.where(found.read, 0.0, state.since["monitor"])}
    on = {name: found.codes[name] > 0 for name in LASTING}
    return dataclasses.replace(state, error=found.left, share=found.share, on=on, since=since)


def _of_actions(world: World, policy: Policy, state: State, found: Any) -> tuple[Array, Array]:
    """Energy [J] and time [s] of every action, in the order of `ACTIONS`."""
    times = {name: (found.codes[name] > 0).astype(float) for name in ACTIONS}
    times["retry"] = found.retries
    for name in LASTING:
        times[name] = jnp.where(state.on[name], 0.0, times[name])
    cells = jnp.sum(jnp.where(found.written, world.cells, 0.0))
    moved = jnp.sum(jnp.where(found.moved, world.cells, 0.0))
    energy = {name: times[name] * getattr(policy, name).energy for name in ACTIONS}
    energy["remap"] += moved * policy.remap.energy_per_write
    energy["refresh"] += (cells - moved) * policy.refresh.energy_per_write
    time = [times[name] * getattr(policy, name).time for name in ACTIONS]
    return jnp.stack([energy[name] for name in ACTIONS]), jnp.stack(time)


def _of_requests(world: World, state: State, served: Scalar, found: Any) -> tuple[Array, Scalar, Scalar]:
    """Energy [J] of the answers of the step on every layer and in the digital unit, and of leakage."""
    traffic = world.traffic
    on_chip = served * (1.0 - state.share) * traffic.energy * world.shares
    digital = served * state.share * traffic.digital_energy
    leaks = 0.0 * digital if world.leakage is None else jnp.sum(world.leakage(found.temperature)) * traffic.step
    return on_chip, digital, leaks
