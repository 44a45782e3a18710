"""What a run found, and its two machine-readable forms."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..chips import Cost
from ..sweeps import Summary, summarize
from ..training import Metric


COMPENSATIONS = ("compensated", "uncompensated")


@dataclasses.dataclass(frozen=True)
class Road:
    """How a network comes to its chips, as reports write it: `name`, in tables `short`; `what` was done, a
    clause for the opening."""

    name: str
    short: str
    what: str


ROADS = {
    "direct": Road("direct mapping", "direct", "programs the trained weights as they are"),
    "hwa": Road("hardware-aware training", "HWA", "fine-tunes them first on a fresh simulated chip in every step"),
    "hwa_lora": Road(
        "hardware-aware training of adapters",
        "HWA-LoRA",
        "programs the trained weights as they are and trains digital adapters beside the tiles, on a fresh simulated "
        "chip in every step",
    ),
}


@dataclasses.dataclass(frozen=True)
class AdapterFacts:
    """What adapters cost: `parameters` trained, beside the `base_parameters` of the network; `analog_writes`, cells
    written after the chip was programmed; `extra_macs`, digital multiply-accumulates of an inference."""

    parameters: int
    base_parameters: int
    analog_writes: int
    extra_macs: int


@dataclasses.dataclass(frozen=True)
class TileErrors:
    """One tile of one chip, in units of the layer's weights: `target`; `programmed`, what its cells hold; `seen`, what
    inputs meet through the wires."""

    layer: str
    tile_id: str
    target: Float[np.ndarray, "rows cols"]
    programmed: Float[np.ndarray, "rows cols"]
    seen: Float[np.ndarray, "rows cols"]

    @property
    def error(self) -> Float[np.ndarray, "rows cols"]:
        """Of cells and wires together: `seen - target`."""
        return self.seen - self.target

    @property
    def ir_drop(self) -> Float[np.ndarray, "rows cols"]:
        """What the wires took: `programmed - seen`."""
        return self.programmed - self.seen


@dataclasses.dataclass(frozen=True)
class Results:
    """Results of a study of chips over time.

    `metric`, what is scored; `baseline`, the digital score, and `n_classes` among which it chose; `retrained[road]`,
    that of the network which the training of a road left: it is also more training. `scores[road]`, of every road
    taken (a key of `ROADS`), has axes (`COMPENSATIONS`, chips, times); `times` [s] after programming; `cost` of one
    inference on the HWA chip, and its `constants` (path, value, source); `adapter`, what
    adapters cost, if there were any; `wall_s`, the run's duration [s].
    """

    name: str
    metric: Metric
    baseline: float
    retrained: dict[str, float]
    n_classes: int
    times: Float[np.ndarray, " times"]
    scores: dict[str, Float[np.ndarray, "compensations chips times"]]
    cost: Cost
    constants: list[tuple[str, str, str]]
    tile_errors: TileErrors
    references: list[str]
    wall_s: float
    adapter: AdapterFacts | None = None

    def summarize(self, road: str, compensation: str) -> list[Summary]:
        """Statistics over chips at each time."""
        values = self.scores[road][COMPENSATIONS.index(compensation)]
        return [summarize(values[:, index]) for index in range(len(self.times))]

    def retained(self, score: float) -> float:
        r"""How much of what the network learned is left, $(s - s_{chance}) / (s_{digital} - s_{chance})$: 1 at the
        digital baseline, 0 where the chip guesses.

        **Reference:** the normalised accuracy of Rasch et al., Nat. Commun. 14:5282 (2023), there of errors.
        """
        chance = self.metric.chance(self.n_classes)
        return (score - chance) / (self.baseline - chance)


def summary(results: Results) -> dict[str, Any]:
    """The content of `summary.json`; accuracies are fractions, energies joules, areas square metres, times seconds."""
    metric = results.metric
    roads = {road: {name: _series(results, road, name) for name in COMPENSATIONS} for road in results.scores}
    cost, adapter = results.cost, results.adapter
    facts = {} if adapter is None else {"adapter": {**dataclasses.asdict(adapter), "programmed_cells": cost.n_cells}}
    return {
        "metric": metric.key,
        f"baseline_{metric.key}": results.baseline,
        "roads": roads,
        "energy_per_mac_J": {name: float(value) for name, value in cost.energy_per_mac_J().items()},
        "tops_per_watt": float(cost.tops_per_watt),
        "latency_s": float(cost.latency_s),
        "area_m2": float(cost.area_m2),
        "n_tiles": cost.n_tiles,
        "n_cells": cost.n_cells,
        "n_macs": cost.n_macs,
        **facts,
        "wall_s": results.wall_s,
    }


def write_netcdf(results: Results, path: Path) -> None:
    """Writes every chip's score at every time, so that any statistic can be taken again."""
    dims = ("road", "compensation", "chip", "time")
    values = np.stack(list(results.scores.values()))
    metric = results.metric
    scores = xr.DataArray(
        values,
        dims=dims,
        coords={
            "road": list(results.scores),
            "compensation": list(COMPENSATIONS),
            "chip": np.arange(values.shape[2]),
            "time": ("time", results.times, {"units": "s", "long_name": "time after programming"}),
        },
        attrs={"long_name": metric.name, "units": "1" if metric.unit == "%" else metric.unit},
    )
    data = xr.Dataset({metric.key: scores, f"baseline_{metric.key}": results.baseline}, attrs={"title": results.name})
    data.to_netcdf(path, engine="netcdf4")


def _series(results: Results, road: str, compensation: str) -> list[dict[str, Any]]:
    rows = results.summarize(road, compensation)
    return [
        {
            "t_s": float(t),
            "mean": row.mean,
            "std": row.std,
            "retained": results.retained(row.mean),
            "ci95": [row.low, row.high],
            "n_chips": row.n_chips,
        }
        for t, row in zip(results.times, rows, strict=True)
    ]
