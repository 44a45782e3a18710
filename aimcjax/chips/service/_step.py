"""One step of service: heat, ageing, canaries, repairs, and who answers the requests."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ... import nn
from ..._types import PRNGKey, Scalar
from ..heat import Map, approach, bisect, throttle
from ._account import account
from ._chip import factors_of, failed_shares, held, rewritten, with_factors, with_held
from ._policy import TRIGGERS, Policy, fired
from ._state import State, World


def _reason(trigger: str) -> int:
    return 1 + TRIGGERS.index(trigger)


class Findings(NamedTuple):
    """What one step saw and did: the `activity` that heat allows; temperatures of all tiles and `of_layers` [K];
    `error` of the canaries before and `left` after repairs, whether they were `read`, and again after something was
    `repaired`, and the `retries`; the reason of every action (0: not done), which layers were `written`, and of them
    which `moved` to spare tiles; shares of `failed` cells; what the samples `score`."""

    activity: Scalar
    temperature: Map
    of_layers: Float[Array, " layers"]
    error: Scalar
    left: Scalar
    read: Bool[Array, ""]
    repaired: Bool[Array, ""]
    retries: Scalar
    codes: dict[str, Int[Array, ""]]
    written: Bool[Array, " layers"]
    moved: Bool[Array, " layers"]
    failed: Float[Array, " layers"]
    share: Scalar
    score: Scalar


def step(world: World, policy: Policy, state: State, item: tuple[Scalar, PRNGKey]) -> tuple[State, dict[str, Array]]:
    """The state at the end of a step with `item`, its requests and its key, and what there is to record."""
    requests, key = item
    key_canary, key_again, key_repair, key_score = jr.split(key, 4)
    activity, temperature = _heat(world, policy, state, requests)
    of_layers = world.where @ temperature.ravel()
    state = _older(world, state, of_layers)
    now = with_factors(world.old(state.cells, state.ages), state.factors)
    error, retries, read = _watch(world, policy, state, now, key_canary, key_again)
    failed = failed_shares(with_held(world.chip, state.cells))
    seen = {"canary_error": error, "temperature": jnp.max(temperature), "age": jnp.max(state.ages)}
    state, codes, written, moved = _repair(world, policy, state, seen, failed, key_repair)
    state, after, repaired = _calibrate(world, state, written, codes["recalibrate"] > 0)
    left = lax.cond(repaired, lambda: world.error(after, key_canary), lambda: error)
    failed = failed_shares(with_held(world.chip, state.cells))
    share, diverted = _divert(policy, state.on, {**seen, "canary_error": left, "failed_share": jnp.max(failed)})
    codes = codes | diverted
    codes["retry"] = jnp.where(retries > 0, _reason("canary_error"), 0)
    codes["throttle"] = jnp.where(activity < 1, _reason("temperature"), 0)
    score = world.score(nn.apply(after, world.xs, key=key_score), world.labels)
    found = Findings(
        activity,
        temperature,
        of_layers,
        error,
        left,
        read,
        repaired,
        retries,
        codes,
        written,
        moved,
        failed,
        share,
        score,
    )
    return account(world, policy, state, requests, found)


def _heat(world: World, policy: Policy, state: State, requests: Scalar) -> tuple[Scalar, Map]:
    """The activity that heat allows, and the temperatures [K] it leads to."""
    network, leakage, traffic = world.network, world.leakage, world.traffic
    total = requests * (1.0 - state.share) * traffic.energy / traffic.step
    power = (total * (world.shares @ world.where)).reshape(network.shape)
    limit = policy.throttle.temperature
    limit = limit - jnp.where(state.on["throttle"], policy.throttle.temperature_hysteresis, 0.0)
    if leakage is None:
        activity = throttle(network, power, limit)
        return activity, network.steady(activity * power)
    bisected = lambda: bisect(network, power, limit, jnp.zeros_like(power), leakage)
    activity = lax.cond(jnp.isfinite(limit), bisected, lambda: jnp.ones_like(limit))
    return activity, approach(network, activity * power, leakage)


def _older(world: World, state: State, temperature: Float[Array, " layers"]) -> State:
    dt = world.traffic.step
    ages = state.ages + world.ageing.acceleration(temperature) * dt
    return dataclasses.replace(state, ages=ages, since={name: t + dt for name, t in state.since.items()})


def _watch(
    world: World, policy: Policy, state: State, now: Any, key: PRNGKey, key_again: PRNGKey
) -> tuple[Scalar, Scalar, Bool[Array, ""]]:
    """The error of the canaries, how often they were read again, and whether they were read at all."""
    read = state.since["monitor"] >= policy.monitor.every * (1 - 1e-5)
    retry = policy.retry

    def again(item: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        error, count = item
        other = world.error(now, jr.fold_in(key_again, count.astype(jnp.uint32)))
        return jnp.minimum(error, other), count + 1.0

    bad = lambda item: read & (item[0] > retry.canary_error) & (item[1] < retry.at_most)
    error = jnp.where(read, world.error(now, key), state.error)
    error, count = lax.while_loop(bad, again, (error, jnp.zeros_like(error)))
    return error, count, read


def _repair(
    world: World,
    policy: Policy,
    state: State,
    seen: dict[str, Scalar],
    failed: Float[Array, " layers"],
    key: PRNGKey,
) -> tuple[State, dict[str, Array], Bool[Array, " layers"], Bool[Array, " layers"]]:
    """The state after writing cells, why, the layers that were written, and those that moved."""
    key_spare, key_write = jr.split(key)
    seen = {**seen, "failed_share": jnp.max(failed)}
    moved = spared(failed > policy.remap.failed_share, world.tiles, state.spares)
    due = {
        name: fired(getattr(policy, name), seen | {"every": state.since[name]}) for name in ("refresh", "recalibrate")
    }
    refreshed = (due["refresh"] > 0) & ~moved
    fresh = lambda cells: _choose(moved, held(nn.program(world.model, key=key_spare)), cells)
    again = lambda cells: _choose(refreshed, rewritten(world.model, with_held(world.chip, cells), key=key_write), cells)
    cells = lax.cond(jnp.any(moved), fresh, lambda cells: cells, state.cells)
    cells = lax.cond(jnp.any(refreshed), again, lambda cells: cells, cells)
    written = moved | refreshed
    codes = {
        "remap": jnp.where(jnp.any(moved), _reason("failed_share"), 0),
        "refresh": due["refresh"],
        "recalibrate": jnp.where(due["refresh"] > 0, 0, due["recalibrate"]),  # a refresh measures the factors as well
    }
    reset = {"refresh": codes["refresh"] > 0, "recalibrate": (codes["refresh"] > 0) | (codes["recalibrate"] > 0)}
    state = dataclasses.replace(
        state,
        cells=cells,
        ages=jnp.where(written, 0.0, state.ages),
        writes=jnp.where(moved, 1.0, jnp.where(refreshed, state.writes + 1.0, state.writes)),
        version=jnp.where(written, state.version + 1.0, state.version),
        spares=state.spares - jnp.sum(jnp.where(moved, world.tiles, 0.0)),
        since=state.since | {name: jnp.where(done, 0.0, state.since[name]) for name, done in reset.items()},
    )
    return state, codes, written, moved


def spared(wanted: Bool[Array, " layers"], tiles: Float[Array, " layers"], spares: Scalar) -> Bool[Array, " layers"]:
    """Which of the layers that want spare tiles get them, in order: whole layers, those that what is left is enough
    for."""

    def one(left: Scalar, item: tuple[Array, Array]) -> tuple[Scalar, Array]:
        wants, needs = item
        gets = wants & (needs <= left)
        return jnp.where(gets, left - needs, left), gets

    return lax.scan(one, spares, (wanted, tiles))[1]


def _calibrate(
    world: World, state: State, written: Bool[Array, " layers"], all_layers: Bool[Array, ""]
) -> tuple[State, Any, Bool[Array, ""]]:
    """The factors of what was written or measured again; the chip with them; whether there was any."""
    raw, which = world.old(state.cells, state.ages), written | all_layers
    factors = _choose(which, factors_of(raw), state.factors)
    return dataclasses.replace(state, factors=factors), with_factors(raw, factors), jnp.any(which)


def _divert(policy: Policy, on: dict[str, Bool[Array, ""]], seen: dict[str, Scalar]) -> tuple[Scalar, dict[str, Array]]:
    """The share of requests for the digital unit from now on, and why."""
    codes = {name: fired(getattr(policy, name), seen, on[name]) for name in ("fail_over", "degrade")}
    codes["degrade"] = jnp.where(codes["fail_over"] > 0, 0, codes["degrade"])
    some = jnp.where(codes["degrade"] > 0, policy.degrade.share, 0.0)
    return jnp.where(codes["fail_over"] > 0, 1.0, some), codes


def _choose(which: Bool[Array, " layers"], new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """By layer, `new` where `which`."""
    pick = lambda flag, new, old: jax.tree.map(lambda a, b: jnp.where(flag, a, b), new, old)
    return {name: pick(which[i], new[name], old[name]) for i, name in enumerate(old)}
