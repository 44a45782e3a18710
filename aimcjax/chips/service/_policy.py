"""What a chip in service does when: actions, what triggers them, what they cost; `runtime_policy.yaml`."""

import dataclasses
import functools as ft
import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Int

from ..._types import Scalar, physical
from ...components import Registry, Role, read_name, read_yaml, shorten, suggest
from ...units import pJ


TRIGGERS = ("every", "age", "canary_error", "temperature", "failed_share")  # in the order in which reasons are given
ACTIONS = ("remap", "refresh", "recalibrate", "retry", "throttle", "degrade", "fail_over")

_never = ft.partial(physical, math.inf)
_every = lambda: _never(unit="s", doc="never")
_temperature = lambda: _never(unit="K", doc="never")
_width = lambda unit="1": physical(0.0, unit=unit, doc="assumed: none")
_energy = lambda: physical(0.0, unit="J", doc="assumed: nothing beside what is counted elsewhere")


class AbstractAction(eqx.Module):
    """Something a policy can do. Triggers are fields named in `TRIGGERS`, infinite for never: `every` so many seconds;
    an `age` [s] since the last refresh; `canary_error`, `temperature` [K] of the hottest tile or `failed_share` of the
    cells of a layer above a threshold. One of them is enough. An event costs `energy` [J] and `time` [s] out of
    service."""

    energy: eqx.AbstractVar[Scalar]
    time: eqx.AbstractVar[Scalar]


class Refresh(AbstractAction):
    """Writes all cells again: drift starts anew, and every cell is one write older. `energy_per_write` [J] of every
    cell is added to `energy`."""

    every: Scalar = _every()
    age: Scalar = _every()
    canary_error: Scalar = _never(doc="never")
    temperature: Scalar = _temperature()
    failed_share: Scalar = _never(doc="never")
    energy: Scalar = _energy()
    energy_per_write: Scalar = physical(10 * pJ, unit="J", doc="assumed: 100 uA at 1 V for 100 ns")
    time: Scalar = physical(1.0, unit="s", doc="assumed")


class Recalibrate(AbstractAction):
    """Measures the digital factors of drift compensation again; no cell is written."""

    every: Scalar = _every()
    age: Scalar = _every()
    canary_error: Scalar = _never(doc="never")
    temperature: Scalar = _temperature()
    energy: Scalar = physical(1e-6, unit="J", doc="assumed")
    time: Scalar = physical(0.01, unit="s", doc="assumed")


class Retry(AbstractAction):
    """Reads canaries whose error is too large again, up to `at_most` times, and believes the least: one unlucky read is
    no reason to act. Each time costs `energy` and `time`."""

    canary_error: Scalar = _never(doc="never")
    at_most: Scalar = physical(1.0, doc="assumed")
    energy: Scalar = _energy()
    time: Scalar = physical(1e-3, unit="s", doc="assumed")


class MapAgain(AbstractAction):
    """Moves layers with too many failed cells to spare tiles, as long as there are some: fresh cells, for
    `energy_per_write` each. Spares lie beside the tiles that they stand in for (assumed)."""

    failed_share: Scalar = _never(doc="never")
    energy: Scalar = _energy()
    energy_per_write: Scalar = physical(10 * pJ, unit="J", doc="assumed: 100 uA at 1 V for 100 ns")
    time: Scalar = physical(1.0, unit="s", doc="assumed")


class Throttle(AbstractAction):
    """Serves only the requests with which no tile gets hotter than `temperature`; once it has begun, than
    `temperature_hysteresis` less, until all requests can be served so. Paid when it begins."""

    temperature: Scalar = _temperature()
    temperature_hysteresis: Scalar = _width("K")
    energy: Scalar = _energy()
    time: Scalar = physical(0.0, unit="s", doc="assumed")


class Degrade(AbstractAction):
    """Gives a `share` of the requests to the digital unit, as long as a trigger holds after all repairs; once it has
    begun, until error and temperature are below their thresholds less `..._hysteresis`. Paid when it begins."""

    canary_error: Scalar = _never(doc="never")
    canary_error_hysteresis: Scalar = _width()
    temperature: Scalar = _temperature()
    temperature_hysteresis: Scalar = _width("K")
    failed_share: Scalar = _never(doc="never")
    share: Scalar = physical(0.5, doc="assumed", at_most=1.0)
    energy: Scalar = _energy()
    time: Scalar = physical(0.1, unit="s", doc="assumed")


class FailOver(AbstractAction):
    """Gives all requests to the digital unit, as long as a trigger holds after all repairs, with hysteresis as
    `Degrade`. Paid when it begins."""

    canary_error: Scalar = _never(doc="never")
    canary_error_hysteresis: Scalar = _width()
    temperature: Scalar = _temperature()
    temperature_hysteresis: Scalar = _width("K")
    failed_share: Scalar = _never(doc="never")
    energy: Scalar = _energy()
    time: Scalar = physical(1.0, unit="s", doc="assumed")


class Monitor(eqx.Module):
    """How often canaries are read (`every`, at most once a step; once more after every repair), and what one reading
    costs: `energy` [J], `time` [s] out of service."""

    every: Scalar = physical(0.0, unit="s", doc="assumed: in every step")
    energy: Scalar = physical(0.0, unit="J", doc="assumed: as little as a few requests")
    time: Scalar = physical(1e-3, unit="s", doc="assumed")


class Policy(eqx.Module):
    """The runtime policy of a chip: every action with its triggers. All numbers are leaves, and what never happens has
    infinite triggers: all policies are one compiled program.

    **Raises:** `ValueError` for known thresholds or costs below zero.
    """

    name: str = eqx.field(static=True, default="no policy")
    monitor: Monitor = eqx.field(default_factory=Monitor)
    remap: MapAgain = eqx.field(default_factory=MapAgain)
    refresh: Refresh = eqx.field(default_factory=Refresh)
    recalibrate: Recalibrate = eqx.field(default_factory=Recalibrate)
    retry: Retry = eqx.field(default_factory=Retry)
    throttle: Throttle = eqx.field(default_factory=Throttle)
    degrade: Degrade = eqx.field(default_factory=Degrade)
    fail_over: FailOver = eqx.field(default_factory=FailOver)

    def __check_init__(self) -> None:
        for part in ("monitor", *ACTIONS):
            known = {name: np.asarray(x) for name, x in vars(getattr(self, part)).items() if _is_known(x)}
            for name, value in known.items():
                if not np.all(value >= 0):
                    raise ValueError(f"{part}: {name} is zero or more, got {value}")
                threshold = known.get(name.removesuffix("_hysteresis"), value)
                if name.endswith("_hysteresis") and np.any((value > 0) & (value >= threshold)):
                    raise ValueError(f"{part}: {name} {value} is not below its threshold {threshold}: it never ends")


def _is_known(value: Any) -> bool:
    return eqx.is_array(value) and not isinstance(value, Tracer)


_PARTS: dict[str, Any] = {
    field.name: field.default_factory for field in dataclasses.fields(Policy) if field.name != "name"
}
_REGISTRY = Registry({AbstractAction: Role("a part of a policy", _PARTS)})


def load_policy(source: str | Path | dict[Any, Any]) -> Policy:
    """A policy from a file `runtime_policy.yaml`, or from its tree (`source`): `name`, `monitor` and any of `ACTIONS`,
    each with its parameters, such as `recalibrate: {every: 30 days, energy: 2 uJ}`.

    **Raises:** `ValueError` (one line) for an unknown action, trigger or unit.
    """
    tree: Any = source if isinstance(source, dict) else read_yaml(Path(source), what="policy")
    where = "policy" if isinstance(source, dict) else str(source)
    if not isinstance(tree, dict):
        raise ValueError(f"{where}: expected {{action: {{trigger: threshold, ...}}}}, got {shorten(tree)}")
    parts: dict[str, Any] = {}
    for key, value in tree.items():
        try:
            parts[key] = read_name(value) if key == "name" else _part(key, value)
        except ValueError as error:
            raise ValueError(f"{where}: {'' if key not in _PARTS else f'{key}: '}{error}") from None
    return Policy(**parts)


def describe_policy(policy: Policy) -> dict[str, Any]:
    """The tree that `load_policy` reads back."""
    parts = {name: _REGISTRY.describe(getattr(policy, name)) for name in _PARTS}
    return {"name": policy.name} | {
        name: {key: value for key, value in part.items() if key != "type"} for name, part in parts.items()
    }


def fired(action: AbstractAction, seen: dict[str, Scalar], on: bool | Bool[Array, ""] = False) -> Int[Array, ""]:
    """Why an action is due, or stays `on`: 0 for not at all, or 1 + the place in `TRIGGERS` of the first trigger that
    holds."""
    reason = jnp.zeros((), jnp.int32)
    for place, trigger in reversed(list(enumerate(TRIGGERS))):
        limit = getattr(action, trigger, None)
        if limit is not None:
            limit = limit - jnp.where(on, getattr(action, f"{trigger}_hysteresis", 0.0), 0.0)
            # Sums of steps in single precision may miss a period by their rounding
            holds = seen[trigger] >= limit * (1 - 1e-5) if trigger in ("every", "age") else seen[trigger] > limit
            reason = jnp.where(holds, place + 1, reason)
    return reason


def _part(key: Any, value: Any) -> Any:
    if key not in _PARTS:
        raise ValueError(f"unknown action {shorten(key)}; {suggest(str(key), ('name', *_PARTS), always_list=True)}")
    if not isinstance(value, dict):
        raise ValueError(f"expected {{trigger: threshold, ...}}, got {shorten(value)}")
    names = [field.name for field in dataclasses.fields(_PARTS[key])]
    unknown = [name for name in value if name not in names]
    if unknown:
        raise ValueError(f"no trigger or parameter {shorten(unknown[0])}; {suggest(str(unknown[0]), names)}")
    return _REGISTRY.build({"type": key, **value}, AbstractAction)
