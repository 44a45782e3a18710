"""The shapes of configs that train inside the memory."""

# Types made by calls (`quantity("s")`) are beyond static checkers.
# pyright: reportInvalidTypeForm=false, reportCallIssue=false

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..components import suggest
from ..training import in_memory
from ._algorithms import Algorithm, CellConfig, DeltaRuleConfig, read_algorithm
from ._data import DigitsConfig, ImagesConfig
from ._models import Size, VitConfig
from ._schema import TrainingConfig
from ._section import Count, NamedConfig, Number, Section


class StudyConfig(NamedConfig):
    """What every study over seeds has."""

    n_seeds: Count = Field(5, ge=2, le=100_000)


_Spread = Annotated[Number, Field(ge=0, le=2)]
_Algorithms = Annotated[dict[str, Algorithm], Field(min_length=1)]


class ToyCellsConfig(Section):
    """Soft bounds of Rasch et al. (2024), Eqs. (4)-(8): spreads of gain, imbalance, pulses; of the bounds of the fast
    array and of the one that holds weights."""

    gain: _Spread = 0.3
    imbalance: _Spread = 0.1
    pulse: _Spread = 0.3
    fast_bounds: _Spread = 0.3
    slow_bounds: _Spread = 0.0


class InMemoryToyConfig(StudyConfig):
    """Weight programming: `size` x `size` cells learn a normal matrix of `target_std` from random inputs."""

    study: Literal["in_memory_toy"]
    size: Count = Field(20, ge=2, le=1024)
    target_std: Number = Field(0.3, gt=0)
    samples: Count = Field(40_000, ge=20)
    offsets: Annotated[tuple[_Spread, ...], Field(min_length=1)] = (0.0, 0.05, 0.1, 0.2, 0.5)
    states: Annotated[tuple[Annotated[Count, Field(ge=2)], ...], Field(min_length=1)] = (10, 20, 100)
    cells: ToyCellsConfig = ToyCellsConfig()
    algorithms: _Algorithms


class NetworkConfig(Section):
    """Fully connected layers, their biases a row of the arrays; `omega`, how much of the range of +-1 initial weights
    fill (a digital scale for each layer does the rest; `null` for none)."""

    widths: Annotated[tuple[Size, ...], Field(min_length=1)] = (32, 24)
    activation: Literal["sigmoid", "tanh", "relu"] = "tanh"
    omega: Annotated[Number, Field(gt=0, le=1)] | None = 0.4
    reads: Literal["ideal", "noisy"] = "ideal"

    def read(self) -> in_memory.AbstractMvm:
        """How products are read, forward and backward."""
        return in_memory.NoisyMvm() if self.reads == "noisy" else in_memory.IdealMvm()


class InMemoryTrainingConfig(StudyConfig):
    """Networks trained from scratch: every algorithm on every kind of cells; with `tau`, on copies of them whose bounds
    are +-tau. `tuned`: what an algorithm has otherwise on some cells, as `tuned.CELLS.ALGORITHM`."""

    study: Literal["in_memory_training"]
    data: Annotated[DigitsConfig | ImagesConfig, Field(discriminator="type")] = DigitsConfig()
    network: NetworkConfig = NetworkConfig()
    epochs: Count = Field(20, gt=0)
    batch_size: Count = Field(5, gt=0)
    max_train: Count | None = Field(None, gt=0)
    max_test: Count | None = Field(None, gt=0)
    cells: Annotated[dict[str, CellConfig], Field(min_length=1)]
    tau: tuple[Annotated[Number, Field(gt=0)], ...] = ()
    algorithms: _Algorithms
    tuned: dict[str, dict[str, dict[str, Any]]] = {}

    def algorithm(self, name: str, cells: str) -> Any:
        """The section of an algorithm on these cells."""
        section, other = self.algorithms[name], self.tuned.get(cells, {}).get(name)
        return section if other is None else read_algorithm({**section.model_dump(), **other})

    @model_validator(mode="after")
    def _tuned_is_there(self) -> "InMemoryTrainingConfig":
        for cells, sections in self.tuned.items():
            if cells not in self.cells:
                raise ValueError(f"tuned.{cells}: no such cells; {suggest(cells, self.cells)}")
            for name in sections:
                if name not in self.algorithms:
                    raise ValueError(f"tuned.{cells}.{name}: no such algorithm; {suggest(name, self.algorithms)}")
                try:
                    self.algorithm(name, cells)
                except ValueError as error:
                    raise ValueError(f"tuned.{cells}.{name}: {error}") from None
        return self

    @model_validator(mode="after")
    def _pairs_have_no_tau(self) -> "InMemoryTrainingConfig":
        pair = next((name for name, cells in self.cells.items() if cells.one_sided), None)
        if self.tau and pair is not None:
            raise ValueError(f"tau sets bounds on both sides, but cells.{pair} are one_sided: leave one of them out")
        return self


class DeltaRuleStudyConfig(StudyConfig):
    """The single-layer classifier of Prezioso et al. (2015): `gain`, beta of its neurons in units of the weights;
    `target`, the output that is asked for, in magnitude; `initial`, the spread of untrained cells."""

    study: Literal["delta_rule"]
    epochs: Count = Field(30, gt=0)
    published_epochs: Count = Field(23, gt=0)
    gain: Number = Field(1.0, gt=0)
    target: Number = Field(0.85, gt=0, le=1)
    initial: _Spread = 0.1
    cells: CellConfig
    rule: DeltaRuleConfig = DeltaRuleConfig()


class FactorsConfig(Section):
    """`aimcjax.nn.adapt` with `rank` and `alpha` at `layers` (path patterns)."""

    rank: Count = Field(4, gt=0)
    alpha: Number = Field(4.0, gt=0)
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = ("blocks/.*",)


class InMemoryLoraConfig(StudyConfig):
    """Fine-tuning of a vision transformer to images turned by a quarter, inside the memory: only the factors of LoRA,
    or all matrices, whose weights fill `omega` of the range of +-1."""

    study: Literal["in_memory_lora"]
    data: Annotated[DigitsConfig | ImagesConfig, Field(discriminator="type")] = DigitsConfig()
    model: VitConfig
    pretraining: TrainingConfig
    lora: FactorsConfig = FactorsConfig()
    omega: Number = Field(0.5, gt=0, le=1)
    epochs: Count = Field(10, gt=0)
    batch_size: Count = Field(8, gt=0)
    cells: CellConfig
    lora_algorithms: _Algorithms
    full_algorithms: _Algorithms


STUDIES: dict[str, Any] = {
    "in_memory_toy": InMemoryToyConfig,
    "in_memory_training": InMemoryTrainingConfig,
    "delta_rule": DeltaRuleStudyConfig,
    "in_memory_lora": InMemoryLoraConfig,
}
