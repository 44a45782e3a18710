"""Adapters beside the layers of a chip that is not written again: which, and how they are trained."""

from typing import Annotated, Literal

from pydantic import Field

from ..training import Schedule
from ._section import Count, Number, Section


class AdapterConfig(Section):
    """`aimcjax.nn.adapt` with `rank`, `alpha` and `kind` at `layers` (path patterns), trained with `Schedule` at the
    ages of the hardware-aware training: `plus_ratio`, the learning rate of B over that of A (1: one rate, Hu et al.
    2022; 16: LoRA+); `halora_mu`, the weight of the alignment loss (0: none; 0.1: HaLoRA)."""

    kind: Literal["lora", "loha"] = "lora"
    rank: Count = Field(8, gt=0)
    alpha: Number = Field(16.0, gt=0)
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = (".*",)
    plus_ratio: Number = Field(1.0, gt=0)
    halora_mu: Number = Field(0.0, ge=0)
    epochs: Count = Field(gt=0)
    batch_size: Count = Field(64, gt=0)
    learning_rate: Number = Field(1e-3, gt=0)
    weight_decay: Number = Field(0.0, ge=0)

    def schedule(self) -> Schedule:
        """The arguments of `fit`."""
        return Schedule(self.epochs, self.batch_size, self.learning_rate, self.weight_decay)
