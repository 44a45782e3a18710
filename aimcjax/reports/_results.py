"""What a run found, and its two machine-readable forms."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..chips import Cost
from ..sweeps import Summary, summarize


COMPENSATIONS = ("compensated", "uncompensated")
ROADS = ("direct", "hwa")


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
    """Results of an accuracy-over-time study.

    `retrained_accuracy` is the digital test accuracy of the network that hardware-aware training left: it is also
    more training. `accuracy[road]` has axes (`COMPENSATIONS`, chips, times), fractions in [0, 1]; `times` [s] after
    programming; `cost` of one inference on the HWA chip; `wall_s`, the run's duration [s].
    """

    name: str
    baseline_accuracy: float
    retrained_accuracy: float
    times: Float[np.ndarray, " times"]
    accuracy: dict[str, Float[np.ndarray, "compensations chips times"]]
    cost: Cost
    tile_errors: TileErrors
    references: list[str]
    wall_s: float

    def summarize(self, road: str, compensation: str) -> list[Summary]:
        """Statistics over chips at each time."""
        values = self.accuracy[road][COMPENSATIONS.index(compensation)]
        return [summarize(values[:, index]) for index in range(len(self.times))]


def summary(results: Results) -> dict[str, Any]:
    """The content of `summary.json`; accuracies are fractions, energies joules, areas square metres, times seconds."""
    roads = {road: {name: _series(results, road, name) for name in COMPENSATIONS} for road in ROADS}
    cost = results.cost
    return {
        "baseline_accuracy": results.baseline_accuracy,
        "roads": roads,
        "energy_per_mac_J": {name: float(value) for name, value in cost.energy_per_mac_J().items()},
        "latency_s": float(cost.latency_s),
        "area_m2": float(cost.area_m2),
        "n_tiles": cost.n_tiles,
        "n_cells": cost.n_cells,
        "n_macs": cost.n_macs,
        "wall_s": results.wall_s,
    }


def write_netcdf(results: Results, path: Path) -> None:
    """Writes every chip's accuracy at every time, so that any statistic can be taken again."""
    dims = ("road", "compensation", "chip", "time")
    values = np.stack([results.accuracy[road] for road in ROADS])
    accuracy = xr.DataArray(
        values,
        dims=dims,
        coords={
            "road": list(ROADS),
            "compensation": list(COMPENSATIONS),
            "chip": np.arange(values.shape[2]),
            "time": ("time", results.times, {"units": "s", "long_name": "time after programming"}),
        },
        attrs={"long_name": "test accuracy", "units": "1"},
    )
    data = xr.Dataset(
        {"accuracy": accuracy, "baseline_accuracy": results.baseline_accuracy}, attrs={"title": results.name}
    )
    data.to_netcdf(path, engine="netcdf4")


def _series(results: Results, road: str, compensation: str) -> list[dict[str, Any]]:
    rows = results.summarize(road, compensation)
    return [
        {"t_s": float(t), "mean": row.mean, "std": row.std, "ci95": [row.low, row.high], "n_chips": row.n_chips}
        for t, row in zip(results.times, rows, strict=True)
    ]
