"""Algorithms of in-memory training and the cells that they train, by name."""

# Types made by calls (`component(...)`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false

import dataclasses
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, WithJsonSchema, model_validator

from .. import devices
from ..components import role_name, shorten, suggest
from ..devices import pulsed
from ..training import in_memory
from ._components import build, describe
from ._section import Count, Number, Section, defined


_ORDERS = {
    "every_sample": in_memory.EverySample(sparse=False),  # runs are vectorised over seeds
    "every_pulse": in_memory.EveryPulse(),
    "summed": in_memory.Summed(),
}


class AlgorithmConfig(Section):
    """What all algorithms have."""

    two_arrays: ClassVar[bool] = False

    @property
    def samples_in_order(self) -> int:
        """The largest batch that changes no weight before its end."""
        return 1


class _Rated(AlgorithmConfig):
    """With a learning rate `lr`, per sample, in units of the weights that products see."""

    lr: Number = Field(0.01, gt=0)


class _Pulsed(_Rated):
    """Updates by pulse trains of at most `length` slots, or by the limit of infinitely small pulses (`mean_field`);
    `order` of the samples of a batch, `summed` for speed."""

    length: Count = Field(31, gt=0, le=1024)
    trains: Literal["stochastic", "mean_field"] = "stochastic"
    order: Literal["every_sample", "every_pulse", "summed"] = "every_sample"

    def pulses(self) -> in_memory.PulsedUpdate:
        """The parallel update."""
        trains = in_memory.MeanField() if self.trains == "mean_field" else in_memory.Stochastic()
        return in_memory.PulsedUpdate(trains, in_memory.Management(self.length), _ORDERS[self.order])


class DigitalConfig(_Rated):
    """Exact SGD: what the others are compared with."""

    type: Literal["digital"] = "digital"


class SgdConfig(_Pulsed):
    """`in_memory.sgd`."""

    type: Literal["sgd"] = "sgd"

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On one array of `device`."""
        return in_memory.sgd(device, lr=self.lr, pulses=self.pulses())


class ResidualConfig(_Pulsed):
    """`in_memory.residual`."""

    type: Literal["residual"] = "residual"
    gamma: Number = Field(0.25, gt=0, lt=1)
    n_tiles: Count = Field(4, gt=0, le=16)
    switch: Count = Field(10_000, gt=0)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On `n_tiles` arrays of `device`."""
        sizes = self.model_dump(include={"lr", "gamma", "n_tiles", "switch"})
        return in_memory.residual(device, pulses=self.pulses(), **sizes)


class _Transfer(_Pulsed):
    """Gradients go to a fast array, read every `every` samples (by converters with noise if `noisy_read`)."""

    two_arrays: ClassVar[bool] = True
    every: Count = Field(5, gt=0)
    gamma: Number = Field(0.0, ge=0)
    noisy_read: bool = Field(False, strict=True)

    @property
    def samples_in_order(self) -> int:
        """Between two reads only the hidden array changes."""
        return self.every if self.gamma == 0 else 1

    def _settings(self) -> dict[str, Any]:
        read = in_memory.transfer_mvm() if self.noisy_read else in_memory.IdealMvm()
        settings = self.model_dump(exclude={"type", "length", "trains", "order", "noisy_read"})
        return {**settings, "read": read, "pulses": self.pulses()}


class TikiTakaConfig(_Transfer):
    """`in_memory.tiki_taka`."""

    type: Literal["tiki_taka"] = "tiki_taka"
    every: Count = Field(1, gt=0)
    fast_lr: Number = Field(0.01, gt=0)
    transfer_lr: Number = Field(1.0, gt=0)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On a fast array of `device` and a `slow` one."""
        return in_memory.tiki_taka(device, slow=slow, transfer_pulses=self.pulses(), **self._settings())


class Ttv2Config(_Transfer):
    """`in_memory.ttv2`."""

    type: Literal["ttv2"] = "ttv2"
    lr: Number = Field(0.1, gt=0)
    length: Count = Field(5, gt=0, le=1024)
    gamma0: Number = Field(200.0, gt=0)
    eta0: Number = Field(1.0, gt=0)
    max_pulses: Count = Field(1, gt=0)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On a fast array of `device` and a `slow` one."""
        return in_memory.ttv2(device, slow=slow, **self._settings())


class ChoppedConfig(Ttv2Config):
    """`in_memory.cttv2`."""

    type: Literal["cttv2"] = "cttv2"
    chop: Number = Field(0.1, ge=0, le=1)
    random_chop: bool = Field(True, strict=True)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On a fast array of `device` and a `slow` one."""
        return in_memory.cttv2(device, slow=slow, **self._settings())


class AgadConfig(ChoppedConfig):
    """`in_memory.agad`."""

    type: Literal["agad"] = "agad"
    random_chop: bool = Field(False, strict=True)
    beta: Number = Field(0.5, gt=0, le=1)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On a fast array of `device` and a `slow` one."""
        return in_memory.agad(device, slow=slow, **self._settings())


class MixedPrecisionConfig(_Rated):
    """`in_memory.mixed_precision`."""

    type: Literal["mixed_precision"] = "mixed_precision"
    every: Count = Field(1, gt=0)
    max_pulses: Count = Field(31, gt=0)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On one array of `device`."""
        return in_memory.mixed_precision(device, lr=self.lr, every=self.every, max_pulses=self.max_pulses)


class BatchUpdateConfig(_Rated):
    """`in_memory.batch_update`."""

    type: Literal["batch_update"] = "batch_update"
    stochastic: bool = Field(False, strict=True)
    max_pulses: Count = Field(32, gt=0)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On one array of `device`."""
        return in_memory.batch_update(device, lr=self.lr, stochastic=self.stochastic, max_pulses=self.max_pulses)


class DeltaRuleConfig(AlgorithmConfig):
    """`in_memory.delta_rule`."""

    type: Literal["delta_rule"] = "delta_rule"
    every: Count = Field(1, gt=0)
    pulses: Count = Field(1, gt=0)
    threshold: Number = Field(0.0, ge=0)

    def rule(self, device: Any, slow: Any) -> in_memory.InMemoryRule:
        """On one array of `device`."""
        return in_memory.delta_rule(device, every=self.every, pulses=self.pulses, threshold=self.threshold)


_SECTIONS = (
    DigitalConfig, SgdConfig, TikiTakaConfig, Ttv2Config, ChoppedConfig, AgadConfig, ResidualConfig,
    MixedPrecisionConfig, BatchUpdateConfig, DeltaRuleConfig,
)  # fmt: skip
ALGORITHMS: dict[str, Any] = {section.model_fields["type"].default: section for section in _SECTIONS}


def read_algorithm(tree: Any) -> AlgorithmConfig:
    """The section of an algorithm, by its `type`.

    **Raises:** `ValueError` for an unknown type or key, or a value outside of its limits.
    """
    if isinstance(tree, AlgorithmConfig):
        return tree
    name = tree.get("type") if isinstance(tree, dict) else None
    if name is None:
        raise ValueError(f"expected {{type: name, ...}} with one of {', '.join(ALGORITHMS)}, got {shorten(tree)}")
    if not isinstance(name, str) or name not in ALGORITHMS:
        raise ValueError(f"type is {shorten(name)}; {suggest(str(name), ALGORITHMS, always_list=True)}")
    section = ALGORITHMS[name]
    try:
        return section.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        raise ValueError(f"unknown key {shorten(key)} of {name}; {suggest(key, section.model_fields)}")
    raise ValueError(f"{key}: {first['msg'].removeprefix('Value error, ')}, got {shorten(first['input'])}")


Algorithm = Annotated[
    Any,
    BeforeValidator(read_algorithm),
    PlainSerializer(lambda value: value.model_dump(mode="json"), return_type=dict),
    WithJsonSchema(defined("algorithm")),
]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return devices.preset(value) if devices.is_file(value) else pulsed.preset(value)
    return build(value, pulsed.AbstractPulsedDevice)


Cell = Annotated[
    Any, BeforeValidator(_cell), PlainSerializer(lambda value: describe(value), return_type=dict),
    WithJsonSchema({"anyOf": [{"type": "string"}, defined(role_name(pulsed.AbstractPulsedDevice))]}),
]  # fmt: skip


class CellConfig(Section):
    """What the arrays are made of: `cell`, a pulsed device or the name of a preset; `one_sided`, in pairs that only go
    up, refreshed every `refresh_every` batches; `reference_off`, the spread of references around the symmetry points
    of the cells that gradients fill (`null`: references as the cell has them); `endurance` in pulses."""

    cell: Cell
    one_sided: bool = Field(False, strict=True)
    refresh_every: Count = Field(0, ge=0)
    reference_off: Annotated[Number, Field(ge=0, le=2)] | None = None
    endurance: Number = Field(1e8, gt=0)

    @model_validator(mode="after")
    def _one_reference(self) -> "CellConfig":
        if self.reference_off is not None and (self.one_sided or not isinstance(self.cell, pulsed.PulsedDevice)):
            raise ValueError("reference_off is of cells with one reference each, not of pairs: leave it out")
        return self

    def device(self) -> Any:
        """The device of one weight, in the array that gradients fill."""
        return self._referenced(self.reference_off)

    def slow(self) -> Any:
        """The device of the weights behind a fast array: its references are exact."""
        return self._referenced(None if self.reference_off is None else 0.0)

    def _referenced(self, off: float | None) -> Any:
        if self.one_sided:
            return in_memory.OneSidedPair(self.cell, refresh_every=self.refresh_every)
        if off is None:
            return self.cell
        return dataclasses.replace(self.cell, reference=pulsed.Reference(at_symmetry_point=True, std=off))
