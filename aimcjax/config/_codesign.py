"""The shape of configs that optimise the design of a chip."""

# Types made by calls (`quantity("s")`) and models made from other classes are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportIncompatibleVariableOverride=false, reportCallIssue=false, reportAssignmentType=false

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from ..chips import codesign
from ._models import Size
from ._schema import Config
from ._section import Count, Number, Section, quantity


def _bits(bounds: tuple[float, float]) -> tuple[float, float]:
    codesign.check_bounds("bits", bounds)
    return bounds


def _volts(bounds: tuple[float, float]) -> tuple[float, float]:
    codesign.check_bounds("v_max", bounds)
    return bounds


def _seconds(bounds: tuple[float, float]) -> tuple[float, float]:
    codesign.check_bounds("refresh_period", bounds)
    return bounds


_Weight = Annotated[Number, Field(ge=0)]
_Volts = Annotated[tuple[quantity("V"), quantity("V")], AfterValidator(_volts)]
_Seconds = Annotated[tuple[quantity("s"), quantity("s")], AfterValidator(_seconds)]


class DescentConfig(Section):
    """`aimcjax.chips.codesign.Descent`."""

    steps: Count = Field(150, gt=0)
    batch_size: Count = Field(128, gt=0)
    n_chips: Count = Field(2, gt=0)
    learning_rate: Number = Field(0.1, gt=0)
    round_samples: Count = Field(512, gt=0)
    round_chips: Count = Field(4, gt=0)


class CodesignSection(Section):
    """What is compared: equal bits in all layers, those of `uniform`, with bits learned for each of `weights` of
    energy; `with_voltage`, also with the read voltage learned beside them; `with_refresh`, also with the period after
    which chips are written again, whose energy counts. `bits`, `v_max` and `refresh_period` bound the search; beside
    energy, `weight_area` and `weight_latency` count. For the last of the weights, sizes of `tiles` (rows, columns) and
    `replicas` (by path pattern, in the place of those of the chip) are tried as well."""

    uniform: Annotated[tuple[Annotated[Count, Field(ge=2, le=16)], ...], Field(min_length=1)] = (3, 4, 5, 6, 7, 8)
    weights: Annotated[tuple[_Weight, ...], Field(min_length=1)] = (0.01, 0.03, 0.1, 0.3, 1.0)
    with_voltage: bool = False
    with_refresh: bool = False
    bits: Annotated[tuple[Number, Number], AfterValidator(_bits)] = (3.0, 10.0)
    v_max: _Volts = ("50 mV", "400 mV")
    refresh_period: _Seconds = ("1 h", "365 days")
    weight_area: _Weight = 0.0
    weight_latency: _Weight = 0.0
    tiles: tuple[tuple[Size, Size], ...] = ()
    replicas: tuple[dict[str, Size], ...] = ()
    descent: DescentConfig = DescentConfig()


class CodesignConfig(Config):
    """As of the main job, whose network for hardware is the one to be designed for, on `sweep.n_chips` chips that the
    optimisation does not see, read at the last of `sweep.times`; zero epochs of `hwa_training` take the digital one."""

    study: Literal["codesign"]
    codesign: CodesignSection = CodesignSection()

    @model_validator(mode="after")
    def _chips_to_choose_and_to_measure(self) -> "CodesignConfig":
        if self.sweep.n_chips < 4:
            raise ValueError(f"sweep.n_chips: two chips choose designs and two measure them, got {self.sweep.n_chips}")
        return self

    @model_validator(mode="after")
    def _placed_by_strategy(self) -> "CodesignConfig":
        for name in ("mapping", "coactivation"):
            if getattr(self.chip, name):
                raise ValueError(f"chip.{name}: codesign places the layers itself, for each design; leave it out")
        if self.chip.strategy == "coactivation":
            raise ValueError("chip.strategy: codesign knows no frequencies of experts; take another than coactivation")
        return self
