"""The shape of a config: one small section for each concern, nested; components are built by their constructors."""

# Types made by calls (`quantity("s")`) and models made from other classes are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false, reportArgumentType=false

import dataclasses
import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, create_model

from .. import datasets, models
from .._types import PRNGKey
from ..chips import CostModel
from ..components import LARGEST_SIZE, limits_of, read_quantity, shorten
from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign
from ..training import Schedule
from ..units import format_quantity, format_time
from ._components import build, describe


# Stricter than pydantic, which takes true and "3" for numbers, but for 1e-3, which YAML calls text (it has no point).
Count = Annotated[int, Field(strict=True, le=LARGEST_SIZE)]
Number = Annotated[float, BeforeValidator(lambda value: read_quantity(value, "1"))]


def quantity(unit: str, **limits: Any) -> Any:
    """The type of a float in SI that is written with its unit; see `read_quantity`."""
    return Annotated[
        float,
        BeforeValidator(lambda value: read_quantity(value, unit, **limits)),
        PlainSerializer(lambda value: format_quantity(value, unit), return_type=str),
    ]


def component(role: type) -> Any:
    """The type of an object written as `{type: name, ...}`."""
    return Annotated[
        role,
        BeforeValidator(lambda tree: build(tree, role)),
        PlainSerializer(lambda value: describe(value), return_type=dict),
    ]


class Section(BaseModel):
    """One part of a config: frozen, and refusing keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, validate_default=True)


def _ascending(times: tuple[float, ...]) -> tuple[float, ...]:
    if list(times) != sorted(set(times)):
        raise ValueError(f"expected times in ascending order, got {', '.join(map(format_time, times))}")
    return times


def _file_name(name: str) -> str:
    if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
        raise ValueError(f"expected up to 100 letters, digits, '_', '-', '.', '+' or spaces, got {shorten(name)}")
    return name


class DataConfig(Section):
    """Which data."""

    type: Literal["digits"] = "digits"

    def load(self) -> datasets.Dataset:
        """The data set."""
        return {"digits": datasets.digits}[self.type]()


class VitConfig(Section):
    """`aimcjax.models.VisionTransformer`."""

    type: Literal["vit"]
    patch_size: Count = Field(2, gt=0)
    dim: Count = Field(48, gt=0)
    depth: Count = Field(2, gt=0)
    n_heads: Count = Field(4, gt=0)
    mlp_ratio: Count = Field(2, gt=0)

    def build(self, data: datasets.Dataset, key: PRNGKey) -> models.VisionTransformer:
        """The network for images of `data`, with initial weights from `key`."""
        sizes = self.model_dump(exclude={"type", "patch_size"})
        return models.VisionTransformer(data.x_train.shape[1], self.patch_size, data.n_classes, **sizes, key=key)


class MlpConfig(Section):
    """`aimcjax.models.Mlp`."""

    type: Literal["mlp"]
    widths: tuple[Annotated[Count, Field(gt=0)], ...] = (128, 128)

    def build(self, data: datasets.Dataset, key: PRNGKey) -> models.Mlp:
        """The network for samples of `data`, with initial weights from `key`."""
        n_in = int(data.x_train[0].size)
        return models.Mlp(n_in, data.n_classes, self.widths, key=key)


MODELS = {"vit": VitConfig, "mlp": MlpConfig}


class TrainingConfig(Section):
    """`aimcjax.training.Schedule`."""

    epochs: Count = Field(gt=0)
    batch_size: Count = Field(64, gt=0)
    learning_rate: Number = Field(1e-3, gt=0)
    weight_decay: Number = Field(0.0, ge=0)
    shift: Count = Field(0, ge=0)
    settle: Count = Field(0, ge=0)

    def schedule(self) -> Schedule:
        """The arguments of `fit`."""
        return Schedule(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.shift, self.settle)


Age = Annotated[quantity("s"), Field(gt=0)]  # drawn uniformly in the logarithm


def _in_order(ages: tuple[float, float]) -> tuple[float, float]:
    if ages[0] > ages[1]:
        raise ValueError(f"expected the youngest age first, got {format_time(ages[0])} before {format_time(ages[1])}")
    return ages


class HwaConfig(TrainingConfig):
    """Hardware-aware training: on tiles like those of the chip, at random ages."""

    clip_sigma: Number = Field(2.5, gt=0)
    ages: Annotated[tuple[Age, Age], AfterValidator(_in_order)] = ("20 s", "1 year")


class CalibrationConfig(Section):
    """`aimcjax.nn.calibrate`: the part of the inputs that must not saturate."""

    quantile: Number = Field(0.999, gt=0, le=1)


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
    data: DataConfig = DataConfig()
    model: Annotated[VitConfig | MlpConfig, Field(discriminator="type")]
    digital_training: TrainingConfig
    hwa_training: HwaConfig
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
