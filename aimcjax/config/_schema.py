"""The shape of a config: one small section for each concern, nested; components are built by their constructors."""

# Types made by calls (`quantity("s")`) and models made from other classes are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false, reportArgumentType=false

import dataclasses
import re
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field, create_model

from ..chips import CostModel
from ..components import limits_of, shorten
from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign
from ..units import format_quantity, format_time
from ._data import DataConfig, DigitsConfig
from ._mesh import MeshConfig
from ._models import ModelConfig
from ._section import Count, Number, Section, component, quantity
from ._training import AdapterConfig, HwaConfig, TrainingConfig


def _ascending(times: tuple[float, ...]) -> tuple[float, ...]:
    if list(times) != sorted(set(times)):
        raise ValueError(f"expected times in ascending order, got {', '.join(map(format_time, times))}")
    return times


def _file_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
        raise ValueError(f"expected up to 100 letters, digits, '_', '-', '.', '+' or spaces, got {shorten(name)}")
    return name


class CalibrationConfig(Section):
    """`aimcjax.nn.calibrate`: the part of the inputs that must not saturate, found on so many training samples."""

    quantile: Number = Field(0.999, gt=0, le=1)
    samples: Count = Field(2048, gt=0)


class ChipConfig(Section):
    """The machine: how many tiles it has (`null`: as many as needed), layers that stay digital (path patterns), and how
    drift is compensated."""

    max_tiles: Count | None = Field(None, gt=0)
    digital_layers: tuple[str, ...] = ()
    compensation: component(AbstractCompensation) = {"type": "global_drift_compensation"}


class SweepConfig(Section):
    """How many chips, and when to read them."""

    n_chips: Count = Field(25, ge=2)
    times: Annotated[tuple[quantity("s"), ...], AfterValidator(_ascending)] = Field(
        ("20 s", "1 h", "1 day", "1 week", "30 days", "1 year"), min_length=1
    )


def _sourced(field: dataclasses.Field) -> tuple[Any, Any]:
    """The type and default of a constant that must name its source."""
    unit = field.metadata["unit"]
    section = create_model(
        f"Sourced_{field.name}",
        __base__=Section,
        value=(quantity(**limits_of(field)), ...),
        source=(Annotated[str, Field(min_length=3)], ...),
    )
    value = float(f"{field.default:.9g}")  # 100 ns, not 100.00000000000001 ns
    default = {"value": format_quantity(value, unit), "source": field.metadata["doc"]}
    return section, Field(default_factory=lambda: section(**default))


CostConfig = create_model(
    "CostConfig", __base__=Section, **{field.name: _sourced(field) for field in dataclasses.fields(CostModel)}
)


class Config(Section):
    """Everything about one run: data, network, both trainings, tile, chip, sweep, cost."""

    name: Annotated[str, AfterValidator(_file_name)] = "run"
    seed: int = Field(0, strict=True, ge=0, lt=2**32)
    data: DataConfig = DigitsConfig()
    model: ModelConfig
    mesh: MeshConfig = MeshConfig()
    deep: Annotated[bool, Field(strict=True)] = False  # blocks of decoders as one loop: less memory, more time
    digital_training: TrainingConfig
    hwa_training: HwaConfig
    adapter: AdapterConfig | None = None
    calibration: CalibrationConfig = CalibrationConfig()
    tile: component(AbstractTileDesign)
    chip: ChipConfig = ChipConfig()
    sweep: SweepConfig = SweepConfig()
    cost: CostConfig = Field(default_factory=CostConfig)

    def cost_model(self) -> CostModel:
        """The constants of the cost model."""
        return CostModel(**{name: getattr(self.cost, name).value for name in type(self.cost).model_fields})

    def to_yaml(self) -> str:
        """The resolved config: every default written out; reading it back gives the same run."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
