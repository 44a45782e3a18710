"""The shape of configs that put a chip into service."""

# Types made by calls (`quantity("s")`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false, reportArgumentType=false

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import yaml
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from ..chips.heat import Leakage, ThermalAgeing, ThermalNetwork
from ..chips.service import Policy, Traffic, describe_policy, load_policy
from ..components import shorten
from ..tiles import AbstractTileDesign
from ..units import week
from ._data import DigitsConfig, ImagesConfig
from ._models import ModelConfig
from ._schema import CalibrationConfig, ChipConfig
from ._section import Count, NamedConfig, Number, Section, component, file_name, quantity
from ._training import TrainingConfig


_MOST_STEPS = 100_000


def _read_policy(value: Any, info: Any) -> Any:
    """A policy from its tree, or from a file, whose path counts from the folder of the config, or from here."""
    if isinstance(value, Policy):
        return value
    if isinstance(value, str):
        places = [Path((info.context or {}).get("folder", ".")) / value, Path(value)]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise ValueError(f"no such policy file: {value}; write {{}} for a policy that does nothing")
        return load_policy(found)
    if not isinstance(value, dict):
        raise ValueError(f"expected a policy {{action: {{trigger: threshold, ...}}}} or its file, got {shorten(value)}")
    return load_policy(value)


def _named_by_key(policies: Mapping[str, Policy]) -> dict[str, Policy]:
    for name in policies:
        try:
            file_name(name)
        except ValueError as error:
            raise ValueError(f"the name of a policy: {error}") from None
    return {name: dataclasses.replace(policy, name=name) for name, policy in policies.items()}


_Policy = Annotated[
    Policy, BeforeValidator(_read_policy), PlainSerializer(describe_policy, return_type=dict),
    WithJsonSchema({"type": ["object", "string"]}),
]  # fmt: skip
_Weight = Annotated[Number, Field(ge=0)]


def policy_yaml(policy: Policy) -> str:
    """`runtime_policy.yaml` of a policy, every number written out."""
    return yaml.safe_dump(describe_policy(policy), sort_keys=False, allow_unicode=True, width=110)


class TrafficConfig(Section):
    """`requests_per_s` times the weights of equal parts of a `week`, over and over for the `duration`; each part is a
    step. A request takes `energy` on the chip (`null`: what the cost model says), or `digital_energy` elsewhere."""

    requests_per_s: Number = Field(10_000.0, gt=0)
    week: Annotated[tuple[_Weight, ...], Field(min_length=1, max_length=7 * 24)] = (1, 1, 1, 1, 1, 0.4, 0.3)
    duration: quantity("s", above=0.0) = "182 days"
    energy: quantity("J") | None = None
    digital_energy: quantity("J") = "100 uJ"

    @property
    def step(self) -> float:
        """A part of the week [s]."""
        return week / len(self.week)

    @property
    def steps(self) -> int:
        """How many it takes for the duration."""
        return max(1, math.ceil(self.duration / self.step * (1 - 1e-6)))

    def build(self, energy: float) -> Traffic:
        """The requests of every step; `energy` [J], of the cost model."""
        weights = np.resize(np.asarray(self.week, np.float32), self.steps)
        return Traffic(
            requests=jnp.asarray(self.requests_per_s * self.step * weights, float),
            step=self.step,
            energy=energy if self.energy is None else self.energy,
            digital_energy=self.digital_energy,
        )

    @model_validator(mode="after")
    def _not_too_long(self) -> "TrafficConfig":
        if self.steps > _MOST_STEPS:
            raise ValueError(f"at most {_MOST_STEPS} steps, got {self.steps}: shorten duration, or week to fewer parts")
        return self


class HeatConfig(Section):
    """Where the heat of the requests goes, what leaks, and how much faster hot tiles age."""

    network: component(ThermalNetwork) = {"type": "thermal_network", "rows": 4, "cols": 4}
    ageing: component(ThermalAgeing) = {"type": "thermal_ageing"}
    leakage: component(Leakage) | None = None


class ServiceConfig(NamedConfig):
    """One chip in service under several `policies`: trees, or files of them. Where `chip.mapping` is a folder of
    `aimcjax map`, the `runtime_policy.yaml` in it is one more, under its own name."""

    study: Literal["service"]
    data: Annotated[DigitsConfig | ImagesConfig, Field(discriminator="type")] = DigitsConfig()
    model: ModelConfig
    training: TrainingConfig
    calibration: CalibrationConfig = CalibrationConfig()
    tile: component(AbstractTileDesign)
    chip: ChipConfig = Field(default_factory=ChipConfig)  # holds arrays: importing must not start JAX
    spare_tiles: Count = Field(0, ge=0)
    canaries: Count = Field(32, gt=0)
    traffic: TrafficConfig = TrafficConfig()
    heat: HeatConfig = Field(default_factory=HeatConfig)
    policies: Annotated[dict[str, _Policy], AfterValidator(_named_by_key), Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _with_policy_of_the_map(cls, tree: Any, info: Any) -> Any:
        chip, policies = (tree.get(key, {}) for key in ("chip", "policies"))
        mapping = chip.get("mapping") if isinstance(chip, dict) else None
        path = Path(mapping if isinstance(mapping, str) else "") / "runtime_policy.yaml"
        if not isinstance(mapping, str) or not path.is_file() or not isinstance(policies, dict):
            return tree
        policy = load_policy(path)
        if policy.name not in policies:
            return {**tree, "policies": {**policies, policy.name: policy}}
        given = dataclasses.replace(_read_policy(policies[policy.name], info), name=policy.name)
        if not eqx.tree_equal(given, policy):
            raise ValueError(f"policies has another {policy.name!r} than {path}; give one of them another name")
        return tree
