"""The shape of a config: one small section for each concern, nested; components are built by their constructors."""

# Types made by calls (`quantity("s")`) and models made from other classes are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false, reportArgumentType=false

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from .. import chips
from ..components import shorten, suggest
from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign
from ._data import DataConfig, DigitsConfig
from ._mesh import MeshConfig
from ._models import ModelConfig
from ._section import CHIP, Count, NamedConfig, Number, Section, component, schema_of
from ._sweep import SweepConfig
from ._training import AdapterConfig, HwaConfig, TrainingConfig


class CalibrationConfig(Section):
    """`aimcjax.nn.calibrate`: the part of the inputs that must not saturate, found on so many training samples."""

    quantile: Number = Field(0.999, gt=0, le=1)
    samples: Count = Field(2048, gt=0)


def _strategy(name: str) -> str:
    if name not in chips.STRATEGIES:
        raise ValueError(f"got {shorten(name)}; {suggest(name, chips.STRATEGIES, always_list=True)}")
    return name


def _chip_design() -> Any:
    return Annotated[
        chips.Chip,
        BeforeValidator(chips.build_chip),
        PlainSerializer(lambda chip: chips.describe_chip(chip), return_type=dict),
        schema_of(chips.Chip, CHIP),
    ]


class ChipConfig(Section):
    """The machine: `design`, what is on the die (the name of a chip, a file, or `{type: chip, ...}`), its tiles those
    of the config unless it has its own; at most how many tiles may be used (`null`: as many as needed), layers that
    stay digital (path patterns), how drift is compensated, how blocks are placed, for strategy `coactivation` how often
    two experts of a stack fire for one token (rows of frequencies by path pattern), copies of layers by path pattern,
    and `mapping`, a mapping table, or the folder of `aimcjax map` with one, to use instead of a strategy."""

    design: _chip_design() = {"type": "chip"}
    max_tiles: Count | None = Field(None, gt=0)
    digital_layers: tuple[str, ...] = ()
    compensation: component(AbstractCompensation) = {"type": "global_drift_compensation"}
    strategy: Annotated[str, AfterValidator(_strategy)] = "in_order"
    coactivation: dict[str, tuple[tuple[Number, ...], ...]] = {}
    replicas: dict[str, Annotated[Count, Field(gt=0)]] = {}
    mapping: str | None = None


class Config(NamedConfig):
    """Everything about one run: data, network, both trainings, tile, chip, sweep."""

    data: DataConfig = DigitsConfig()
    model: ModelConfig
    mesh: MeshConfig = MeshConfig()
    deep: Annotated[bool, Field(strict=True)] = False  # blocks of decoders as one loop: less memory, more time
    digital_training: TrainingConfig
    hwa_training: HwaConfig
    adapter: AdapterConfig | None = None
    calibration: CalibrationConfig = CalibrationConfig()
    tile: component(AbstractTileDesign)
    chip: ChipConfig = Field(default_factory=ChipConfig)  # holds arrays: importing must not start JAX
    sweep: SweepConfig = SweepConfig()
