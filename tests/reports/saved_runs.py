"""Run directories for tests: of a training study, of a sweep and of the main job, as their writers leave them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from aimcjax import reports
from aimcjax.chips import COMPONENTS
from aimcjax.reports import bibliography
from aimcjax.sweeps import _store


VERSIONS = {
    "packages": {"aimcjax": "0.1.0", "jax": "0.10.2"}, "python": "3.11.7", "platform": "Linux", "devices": ["cpu"]
}  # fmt: skip
TILE = """\
tile:
  type: tile
  rows: 64
  cols: 32
  device: {type: pcm, g_max: 25 uS, g_min: 0 S}
  encoding: {type: differential_pair, w_max: 1}
  crossbar: {type: cubic_ir_drop, r_wire: 70 mOhm}
  dac: {type: uniform_dac, bits: 8, v_max: 200 mV}
  adc: {type: uniform_adc, bits: BITS, i_max: 50 uA, noise: 200 nA}
"""
MAIN = (
    "name: NAME\nseed: 3\ndata: {type: digits}\nmodel: {type: mlp, widths: [8]}\n"
    "digital_training: {epochs: 2, batch_size: 64, learning_rate: 0.001}\n"
    "hwa_training: {epochs: 1, batch_size: 64, learning_rate: 0.001, ages: [20 s, 1 year], clip_sigma: 2.5,\n"
    "  clip_per: column, ranges: {type: lsq}}\n"
    + TILE
    + "chip: {compensation: {type: global_drift_compensation}, design: {type: chip, name: hermes_2023, source: paper,\n"
    "  technology: {type: technology, node: 14 nm, vdd: 800 mV, temperature: 300 K}}}\n"
    "sweep: {n_chips: 6, times: [20 s, 1 day, 1 year]}\n"
)
TIMES = np.asarray([20.0, 86400.0, 31557600.0])


def main_job(folder: Path, *, name: str = "main", bits: int = 8, lift: float = 0.0, n_chips: int = 6) -> Path:
    """Scores that fall with time, `lift` higher; road by compensation by chip by time."""
    config = MAIN.replace("NAME", name).replace("BITS", str(bits)).replace("n_chips: 6", f"n_chips: {n_chips}")
    base = np.asarray([[[0.95, 0.93, 0.90], [0.95, 0.40, 0.20]], [[0.97, 0.96, 0.95], [0.97, 0.45, 0.22]]])
    chips = 0.01 * np.random.default_rng(0).standard_normal(n_chips)
    scores = xr.DataArray(
        base[:, :, None, :] + chips[:, None] + lift,
        dims=("road", "compensation", "chip", "time"),
        coords={
            "road": ["direct", "hwa"], "compensation": ["compensated", "uncompensated"], "chip": np.arange(n_chips),
            "time": ("time", TIMES, {"units": "s"}),
        },
        attrs={"long_name": "test accuracy", "units": "1"},
    )  # fmt: skip
    per_mac = {part: 1e-15 * (k + 1) for k, part in enumerate(COMPONENTS)}
    summary = {
        "metric": "accuracy", "baseline_accuracy": 0.98, "roads": {}, "n_macs": 1000, "n_tiles": 4, "wall_s": 1.5,
        "energy_per_mac_J": {**per_mac, "total": sum(per_mac.values())},
    }  # fmt: skip
    write(folder, config, summary)
    data = xr.Dataset({"accuracy": scores, "baseline_accuracy": 0.98})
    data.to_netcdf(folder / "results.nc", engine="netcdf4")
    (folder / "report.md").write_text(
        "# main: what\n\nOpening.\n\n## Findings\n\n- a | finding with $x^2$ [1, 2] <script>alert(1)</script>\n\n"
        "## Setup\n\n```yaml\n# no heading\n```\n"
    )
    return folder


def sweep(folder: Path, *, used: int = 4, networks: Sequence[str] = ()) -> Path:
    """Two parameters crossed, one value NaN: accuracy falls with `nu_mean` alone; `used` of its four chips."""
    nu, g = np.repeat([0.03, 0.06, 0.09], 2), np.tile([5e-6, 25e-6], 3)
    accuracy = (1.0 - nu)[:, None, None] - 0.01 * np.arange(4)[:, None] - 0.02 * np.arange(2)
    accuracy[0, 0, 0] = np.nan
    config = MAIN.replace("NAME", "nu_sweep").replace("BITS", "8")
    listed = f"sweep: {{networks: [{', '.join(networks)}], " if networks else "sweep: {"
    write(folder, config.replace("sweep: {", listed), {"wall_s": 2.0})
    points = {"tile.device.nu_mean": ("point", nu, {}), "tile.device.g_max": ("point", g, {})}
    axes = [{"path": path, "size": size} for path, size in zip(points, (3, 2), strict=True)]
    fill_store(folder, {"loss": 2.0 - accuracy, "accuracy": accuracy}, points, used=used, axes=json.dumps(axes))
    return folder


def fill_store(
    folder: Path, metrics: dict[str, np.ndarray], coordinates: dict[str, Any], *, used: int, **attributes: str
) -> None:
    """`results.zarr` of finished metrics over point, chip and time, a chip in a chunk, as sweeps write it."""
    n_points, n_chips, n_times = next(iter(metrics.values())).shape
    store = _store.create(
        folder / "results.zarr", metrics=list(metrics), n_chips=n_chips, chunk=1, metric_attributes={},
        coordinates={"time": ("time", TIMES[:n_times], {"units": "s"}), "point": ("point", np.arange(n_points), {}),
                     **coordinates},
        attributes={"design": "crossed", "n_chips": n_chips, **attributes},
    )  # fmt: skip
    for chunk in store.chunks():
        if chunk.start < used:
            store.write(chunk, {name: array[chunk.point, chunk.start : chunk.stop] for name, array in metrics.items()})
    store.note(n_chips_used=used, complete=True)


def study(folder: Path) -> Path:
    """A training in the memory, by the writer of such studies."""
    config = "name: insitu\nseed: 0\nn_seeds: 2\nstudy: in_memory_training\nepochs: 4\ndata: {type: digits}\ncells:\n" \
        "  RRAM: {cell: " + json.dumps(_cell()) + "}\nalgorithms: {SGD: {type: sgd}, AGAD: {type: agad}}\n"  # fmt: skip
    curves = {"SGD": np.asarray([[0.1, 0.6], [0.2, 0.7]]), "AGAD": np.asarray([[0.3, 0.9], [0.4, 0.8]])}
    panel = reports.Panel("RRAM", np.asarray([1, 2]), curves, "epoch", "accuracy")
    report = reports.StudyReport(
        name="insitu", title="trained", opening="A network.", findings=["AGAD is best."], header=["cells", "accuracy"],
        rows=[["RRAM", "85.0"]], pictures={"accuracy.png": ([panel], "Mean and range.")}, notes=["a note"],
        arrays={"accuracy": (("entry", "seed", "epoch"), np.stack(list(curves.values())), {})},
        coords={"algorithm": ("entry", list(curves)), "epoch": [1, 2]}, summary={}, wall_s=1.0,
    )  # fmt: skip
    rows = [
        {"algorithm": "digital", "accuracy_mean": 0.97, "accuracy_std": 0.01, "cells": "none"},
        {"algorithm": "SGD", "accuracy_mean": 0.65, "accuracy_std": 0.07, "cells": "RRAM", "pulses": 4000.0,
         "lifetime_epochs": 217.0},
    ]  # fmt: skip
    write(folder, config, {"study": "in_memory_training", "results": rows, "wall_s": 1.0})
    reports.write_study(report, config, folder)
    return folder


def write(folder: Path, config: str, summary: dict[str, Any]) -> None:
    """What every run has."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "versions.json").write_text(json.dumps(VERSIONS))


def _cell() -> Any:
    from aimcjax.config import describe
    from aimcjax.devices import pulsed

    assert bibliography.sources()
    return describe(pulsed.preset("reram_sb_gong2018"))
