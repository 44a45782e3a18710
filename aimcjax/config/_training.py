"""How networks are trained: digitally, for hardware, and adapters beside layers that are not written again."""

# Types made by calls (`quantity("s")`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportAssignmentType=false

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..nn import AbstractRangeRule
from ..tiles import AbstractTileDesign
from ..training import Schedule
from ..units import format_time
from ._section import Count, Number, Section, component, quantity


class TrainingConfig(Section):
    """`aimcjax.training.Schedule`, and in what precision and memory: `precision` of activations and products, `remat`,
    modules that are computed again for their gradients (a path pattern, such as `blocks/[0-9]+`). Zero epochs leave a
    network as it is."""

    epochs: Count = Field(ge=0)
    batch_size: Count = Field(64, gt=0)
    learning_rate: Number = Field(1e-3, gt=0)
    weight_decay: Number = Field(0.0, ge=0)
    shift: Count = Field(0, ge=0)
    settle: Count = Field(0, ge=0)
    accumulate: Count = Field(1, gt=0)
    precision: Literal["float32", "bfloat16"] = "float32"
    remat: str | None = None

    def schedule(self) -> Schedule:
        """The arguments of `fit`."""
        return Schedule(**{name: getattr(self, name) for name in Schedule._fields})


class DistillationConfig(Section):
    """`aimcjax.training.Distillation` from the digital baseline."""

    weight: Number = Field(1.0, ge=0, le=1)
    temperature: Number = Field(1.0, gt=0)


class OnChipConfig(TrainingConfig):
    """A training on chips: from the labels, or by `distillation`."""

    distillation: DistillationConfig | None = None


Age = Annotated[quantity("s"), Field(gt=0)]  # drawn uniformly in the logarithm


def _in_order(ages: tuple[float, float]) -> tuple[float, float]:
    if ages[0] > ages[1]:
        raise ValueError(f"expected the youngest age first, got {format_time(ages[0])} before {format_time(ages[1])}")
    return ages


class HwaConfig(OnChipConfig):
    """Hardware-aware training: on `tile` (`null`: on tiles like those of the chip), at random `ages`, on so many
    `chips` a step; weights clipped at `clip_sigma` deviations, per tensor or per column, or at learned limits as well
    (`weight_ranges`); input `ranges` by their rule, one for each tile if `tile_ranges`; `noise`, its factor at the
    beginning and at the end (of a `weight_level_tile`)."""

    tile: component(AbstractTileDesign) | None = None
    clip_sigma: Number = Field(2.5, gt=0)
    clip_per: Literal["tensor", "column"] = "tensor"
    weight_ranges: bool = False
    ranges: component(AbstractRangeRule) = {"type": "lsq"}
    tile_ranges: bool = False
    ages: Annotated[tuple[Age, Age], AfterValidator(_in_order)] = ("20 s", "1 year")
    chips: Count = Field(1, gt=0)
    noise: tuple[Number, Number] = (1.0, 1.0)


class AdapterConfig(OnChipConfig):
    """`aimcjax.nn.adapt` with `rank`, `alpha` and `kind` at `layers` (path patterns), trained at the ages of the
    hardware-aware training: `plus_ratio`, the learning rate of B over that of A (1: one rate, Hu et al. 2022; 16:
    LoRA+); `halora_mu`, the weight of the alignment loss (0: none; 0.1: HaLoRA)."""

    kind: Literal["lora", "loha"] = "lora"
    rank: Count = Field(8, gt=0)
    alpha: Number = Field(16.0, gt=0)
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = (".*",)
    plus_ratio: Number = Field(1.0, gt=0)
    halora_mu: Number = Field(0.0, ge=0)
