"""Months of service: a chip ages, heats, wears and is looked after, step by step."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jax import lax
from jaxtyping import Array, Float, Int, Key

from ... import nn
from ..._types import AnyArray, PRNGKey, strongly_typed
from ..heat import HOTTEST, Leakage, ThermalAgeing, ThermalNetwork
from ._chip import tiles_and_cells
from ._policy import ACTIONS, Policy
from ._state import State, World, first
from ._step import step
from ._traffic import Traffic


_OF_LAYERS = (
    "temperature_K", "age_s", "written", "moved", "writes", "version", "failed_share", "layer_energy_J"
)  # fmt: skip
_OF_ACTIONS = ("action", "action_energy_J", "action_time_s")


def serve(
    model: Any,
    policies: Policy | Sequence[Policy],
    traffic: Traffic,
    network: ThermalNetwork,
    *,
    canaries: Any,
    xs: Any,
    labels: Int[AnyArray, "n ..."],
    score: Callable[[Array, Array], Array],
    ageing: ThermalAgeing | None = None,
    leakage: Leakage | None = None,
    spare_tiles: int = 0,
    key: PRNGKey,
) -> xr.Dataset:
    """What becomes of one chip under each of the policies.

    In every step the power of the requests sets the temperatures (steady: steps are much longer than heat takes);
    every layer ages by its temperature, the mean of its tiles, since it was last written; the canaries are read and
    compared with the digital model; the policy acts; then the samples are scored. What is decided about requests (to
    degrade, to fail over) holds from the next step on. Factors of drift compensation are those of the last
    calibration, at first those of programming. Written again, cells keep their faults and their wear (`Endurance`).
    Layers lie on the tiles of the network in order, tier by tier from the heat sink.

    All policies see the same chip, the same cells when written in the same step, and the same read noise: differences
    are paired. All steps are one compiled loop; another policy, profile or temperature does not compile again.

    **Arguments:** `model`, from `nn.convert` and `nn.calibrate`; `policies`; `traffic`; `network`, of at least as
    many tiles as the model; `canaries`, inputs whose answers are watched; `xs`, `labels` and `score(logits, labels)`,
    a mean such as `training.accuracy`; `ageing`, default `ThermalAgeing()`; `leakage`, default none; `spare_tiles` of
    the chip; `key`.

    **Returns:** a data set with dimensions `policy`, `step`, `layer`, `action`: `accuracy` as served and
    `accuracy_analog`, `canary_error` before and `canary_error_after` repairs (relative), `requests`, `served`,
    `served_on_chip`, `digital_share`, `activity`, `energy_J` and its parts (`layer_energy_J`, `digital_energy_J`,
    `leakage_energy_J`, `monitor_energy_J`, `action_energy_J`), `downtime_s`, `availability` since the start (requests
    served in the step in which they came, over requests asked: what is throttled or comes while the chip is out of
    service is lost), `action` (0, or 1 + the place of its reason in `TRIGGERS`), `retries`, `spares`, and of layers
    `temperature_K`, `age_s`, `writes` of their cells, `version` of their contents, `failed_share`, `written`, `moved`;
    of the nodes of the network `node_temperature_K`.

    **Raises:** `ValueError` for a network with too few tiles, layers with tied weights, or a chip that runs away.
    """
    several = [policies] if isinstance(policies, Policy) else list(policies)
    names = [policy.name for policy in several]
    if not several or len(set(names)) < len(names):
        raise ValueError(f"policies are told apart by their names, got {', '.join(names) or 'none'}")
    key_chip, key_steps, key_digital = jr.split(key, 3)
    world = _world(model, traffic, network, ageing, leakage, canaries, xs, labels, score, key_chip, key_digital)
    keys = jr.split(key_steps, traffic.requests.shape[0])
    spares = jnp.asarray(spare_tiles, float)
    records = [_run(world, dataclasses.replace(policy, name=""), spares, keys) for policy in several]
    data = _dataset(records, names, world)
    _check_heat(data)
    return data


@eqx.filter_jit
def _run(world: World, policy: Policy, spares: Float[Array, ""], keys: Key[Array, " steps"]) -> dict[str, Array]:
    def one(state: State, item: Any) -> tuple[State, dict[str, Array]]:
        state, record = step(world, policy, state, item)
        return strongly_typed(state), record

    return lax.scan(one, first(world, spares), (world.traffic.requests, keys))[1]


@eqx.filter_jit
def _digital(model: Any, xs: Any, key: PRNGKey) -> Array:
    return nn.apply(nn.to_digital(model), xs, key=key)


def _world(
    model: Any,
    traffic: Traffic,
    network: ThermalNetwork,
    ageing: ThermalAgeing | None,
    leakage: Leakage | None,
    canaries: Any,
    xs: Any,
    labels: AnyArray,
    score: Callable[[Array, Array], Array],
    key_chip: PRNGKey,
    key_digital: PRNGKey,
) -> World:
    _check_untied(model)
    chip = eqx.filter_jit(nn.program)(model, key=key_chip)
    tiles, cells = tiles_and_cells(chip)
    where = _places(tiles, list(nn.analog_layers(chip)), network)
    shares = _shares(traffic, tiles)
    canaries, xs, answers = jax.tree.map(jnp.asarray, (canaries, xs, labels))
    digital = lambda xs: _digital(model, xs, key_digital)
    world = World(
        model=model,
        chip=chip,
        network=network,
        ageing=ageing or ThermalAgeing(),
        leakage=leakage,
        traffic=traffic,
        where=jnp.asarray(where, float),
        shares=jnp.asarray(shares, float),
        tiles=jnp.asarray(tiles, float),
        cells=jnp.asarray(cells, float),
        canaries=canaries,
        expected=digital(canaries),
        xs=xs,
        labels=answers,
        digital_score=jnp.asarray(score(digital(xs), answers), float),
        score=score,
    )
    return strongly_typed(world)


def _check_untied(model: Any) -> None:
    for name, layer in nn.analog_layers(model).items():
        if not eqx.is_array(getattr(layer, "weight", None)):
            raise ValueError(f"layer {name} has no weights of its own to be written with; untie it")


def _shares(traffic: Traffic, tiles: list[int]) -> np.ndarray:
    """Of the requests, by layer: as given, or in proportion to its tiles."""
    shares = np.asarray(tiles, float) if traffic.shares is None else np.asarray(traffic.shares)
    if shares.shape != (len(tiles),):
        raise ValueError(f"shares of traffic has a number for each of {len(tiles)} layers, got shape {shares.shape}")
    return shares / shares.sum()


def _places(tiles: list[int], layers: list[str], network: ThermalNetwork) -> np.ndarray:
    """The share of every node of the network in every layer."""
    nodes = np.prod(network.shape)
    where, start = np.zeros((len(tiles), int(nodes))), 0
    for row, (name, count) in enumerate(zip(layers, tiles, strict=True)):
        if start + count > nodes:
            raise ValueError(
                f"layer {name} needs tile number {nodes + 1} and the thermal network has {nodes}: give it more tiles"
            )
        where[row, start : start + count] = 1.0 / count
        start += count
    return where


def _dataset(records: list[dict[str, Array]], policies: list[str], world: World) -> xr.Dataset:
    more = {**dict.fromkeys(_OF_LAYERS, ("layer",)), **dict.fromkeys(_OF_ACTIONS, ("action_name",))}
    more["node_temperature_K"] = ("node",)
    found = {name: np.stack([np.asarray(record[name]) for record in records]) for name in records[0]}
    wide = {name: v.astype(np.float64) if name.endswith(("_J", "_s")) else v for name, v in found.items()}
    data = {name: (("policy", "step", *more.get(name, ())), values) for name, values in wide.items()}
    times = float(world.traffic.step) * np.arange(1, found["accuracy"].shape[1] + 1)
    coordinates = {
        "policy": policies,
        "layer": list(nn.analog_layers(world.chip)),
        "action_name": list(ACTIONS),
        "time_s": ("step", times),
        "tiles": ("layer", np.asarray(world.tiles, int)),
        "cells": ("layer", np.asarray(world.cells, int)),
    }
    whole = xr.Dataset(data, coordinates)
    parts = whole.layer_energy_J.sum("layer") + whole.digital_energy_J + whole.leakage_energy_J
    # On the host: one minus a second in a month is one in single precision
    asked = whole.requests.astype(np.float64)
    lost = asked * (1.0 - whole.activity.astype(np.float64) * (1.0 - whole.downtime_s / float(world.traffic.step)))
    total = asked.cumsum("step")
    whole["availability"] = 1.0 - lost.cumsum("step") / total.where(total > 0, 1.0)
    whole["energy_J"] = parts + whole.monitor_energy_J + whole.action_energy_J.sum("action_name")
    return whole


def _check_heat(data: xr.Dataset) -> None:
    bad = ~np.isfinite(data["peak_temperature_K"].values)
    if bad.any():
        policy, when = np.argwhere(bad)[0]
        raise ValueError(
            f"the chip runs away in step {when + 1} under {data.policy.values[policy]}: no steady temperature below "
            f"{HOTTEST:g} K; give it less traffic, a better heat sink, less leakage or a policy that throttles"
        )
