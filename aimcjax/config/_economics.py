"""The shape of configs that ask what a chip pays."""

# Types made by calls (`component(...)`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false, reportArgumentType=false

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from ..chips import economics as money
from ..components import shorten, suggest
from ._components import build, describe
from ._section import Count, NamedConfig, Number, component, schema_of


_MOST_DRAWS = 500_000_000


def _machine(tree: Any) -> Any:
    if isinstance(tree, dict) and "die_price" in tree:
        raise ValueError("die_price follows from die, defects and wafer: leave it out")
    return _of_kind(tree, money.AimcMachine, "aimc_machine")


def _of_kind(tree: Any, kind: type, name: str) -> Any:
    if isinstance(tree, kind):
        return tree
    made = build(tree, money.AbstractMachine)
    if not isinstance(made, kind):
        raise ValueError(f"expected type {name}, got {shorten(tree['type'] if isinstance(tree, dict) else tree)}")
    return made


def _without_die_price(machine: Any) -> dict[str, Any]:
    return {name: value for name, value in describe(machine).items() if name != "die_price"}


_Machine = Annotated[
    money.AimcMachine,
    BeforeValidator(_machine),
    PlainSerializer(_without_die_price, return_type=dict),
    WithJsonSchema({"type": "object", "required": ["type"]}),
]
_Gpu = Annotated[
    money.GpuMachine,
    BeforeValidator(lambda tree: _of_kind(tree, money.GpuMachine, "gpu_machine")),
    PlainSerializer(lambda machine: describe(machine), return_type=dict),
    schema_of(money.AbstractMachine),
]


class EconomicsConfig(NamedConfig):
    """Yield, price and break-even of a `machine` of analog chips against a `gpu`, at a demand of `tokens_per_day`
    (`null`: as many as busy machines serve). `n_dies` are drawn to check the yield; every input is varied by `span`;
    `sources`, by path of an input (`machine.tokens_per_s`), where its value is from."""

    study: Literal["economics"]
    die: component(money.Die)
    defects: component(money.AbstractDefectModel) = {"type": "negative_binomial"}
    wafer: component(money.Wafer) = {"type": "wafer"}
    machine: _Machine
    gpu: _Gpu
    economics: component(money.Economics) = {"type": "economics"}
    tokens_per_day: Annotated[Number, Field(gt=0)] | None = None
    n_dies: Count = Field(20_000, ge=100)
    span: Number = Field(0.3, gt=0, lt=1)
    sources: dict[str, Annotated[str, Field(min_length=3)]] = {}

    def inputs(self) -> dict[str, Any]:
        """All modules whose quantities are inputs; `die_price` of the machine is not one of them."""
        return {name: getattr(self, name) for name in ("die", "defects", "wafer", "machine", "gpu", "economics")}

    @model_validator(mode="after")
    def _sources_are_of_inputs(self) -> "EconomicsConfig":
        known = [path for path, _, _ in money.quantities(self.inputs()) if path != "machine.die_price"]
        for path in self.sources:
            if path not in known:
                raise ValueError(f"sources: {shorten(path)} is no input; {suggest(path, known)}")
        return self

    @model_validator(mode="after")
    def _dies_fit_in_memory(self) -> "EconomicsConfig":
        draws = self.n_dies * self.die.tiles * self.die.replicas * (1 + self.die.tiers)
        if draws > _MOST_DRAWS:
            raise ValueError(f"n_dies={self.n_dies} of this die are {draws:.2g} numbers, at most {_MOST_DRAWS:.0e}")
        return self
