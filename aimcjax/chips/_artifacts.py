"""The files of a mapped model: where every block lies, what every tile was calibrated to, how it is kept alive."""

import importlib.resources
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import nn
from ..components import suggest
from ..tiles import ProgrammingReport, PulseCost
from ._conversions import physical_tile
from ._mapping_table import column_scales, mapping_table
from ._place import Placement


SCHEMAS = ("mapping_table", "per_tile_calibration", "runtime_policy")
_FILES = importlib.resources.files(__package__ or "aimcjax.chips") / "schemas"
_POLICY = """\
# What a chip is kept alive by, as `aimcjax.chips.service.load_policy` reads it; see `schema("runtime_policy")`.
# Triggers are thresholds; what has none never happens. Every number is assumed: set them for your device.
name: default
monitor: {every: 1 h, time: 1 ms}             # canaries
retry: {canary_error: 0.3, at_most: 3}        # an unlucky read is no reason to act
recalibrate: {every: 1 day, canary_error: 0.3}
refresh: {every: 30 days, canary_error: 0.5}
remap: {failed_share: 0.01}                   # to spare tiles, while there are some
throttle: {temperature: 358.15 K, temperature_hysteresis: 5 K}
degrade: {canary_error: 0.5, canary_error_hysteresis: 0.05, share: 0.5}
fail_over: {canary_error: 0.8, canary_error_hysteresis: 0.05}  # to the digital unit
"""


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of the artifact `name`, one of `SCHEMAS`."""
    if name not in SCHEMAS:
        raise ValueError(f"no schema {name!r}; {suggest(name, SCHEMAS, always_list=True)}")
    return json.loads((_FILES / f"{name}.json").read_text(encoding="utf-8"))


def write_artifacts(
    folder: Path, model: Any, placement: Placement, reports: Mapping[str, ProgrammingReport] | None = None
) -> None:
    """Writes `mapping_table.json`, `per_tile_calibration/*.json` and `runtime_policy.yaml` into `folder`.

    **Arguments:** `model`, from `nn.convert` or, so that calibrations are known, `nn.program`; `placement` of it;
    `reports`, from `nn.programming_reports` with the key of the chip, for what programming it took.
    """
    rows = mapping_table(model, placement)
    (folder / "per_tile_calibration").mkdir(parents=True, exist_ok=True)
    (folder / "mapping_table.json").write_text(_lines(rows), encoding="utf-8")
    known = _calibrations(model, reports or {})
    for row in rows:
        state = {"tile_id": row["tile_id"], "layer": row["layer"], **known(row)}
        (folder / row["calibration"]).write_text(json.dumps(state) + "\n", encoding="utf-8")
    (folder / "runtime_policy.yaml").write_text(_POLICY, encoding="utf-8")


def _lines(rows: list[dict[str, Any]]) -> str:
    """A row a line, to be edited and compared by hand."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def _calibrations(model: Any, reports: Mapping[str, ProgrammingReport]) -> Any:
    """What is known of a tile, by its row of the table."""
    layers = nn.analog_layers(model)
    programmed = all(isinstance(layer, nn.ProgrammedLinear) for layer in layers.values())
    matrices = nn.matrix_layers(model) if programmed else {}
    scales = {name: column_scales(layer) for name, layer in matrices.items()}

    def of(row: dict[str, Any]) -> dict[str, Any]:
        stats = {"pulses": None, "verify_count": None, "failures": None, "latency_s": None}
        unknown = {"scale": None, "bias": None, "last_program_time": None, "program_stats": stats}
        if not programmed:
            return unknown
        part = matrices[row["layer"]].matrix.partition
        i, j = row["row_range"][0] // part.block_rows, row["col_range"][0] // part.block_cols
        scale = scales[row["layer"]][i * part.grid_cols + j]
        bias = getattr(layers.get(row["layer"]), "bias", None) if i == 0 else None  # added once, behind the sums
        flat = None if bias is None or np.shape(bias) != (part.n_out,) else np.asarray(bias)[slice(*row["col_range"])]
        return {
            **unknown,
            "scale": [float(value) for value in scale],
            "bias": None if flat is None else [float(value) for value in flat],
            "last_program_time": 0.0,
            "program_stats": _stats(matrices[row["layer"]].matrix.design, reports, row["layer"], i, j) or stats,
        }

    return of


def _stats(design: Any, reports: Mapping[str, ProgrammingReport], name: str, i: int, j: int) -> dict[str, Any] | None:
    """Of one tile, if it is known: pulses and verifying reads of all cells, cells that ended beyond the tolerance of
    the policy (where it has one), and the time of every row of cells, or of all where they are not written by rows."""
    layer, _, index = name.removesuffix("]").partition("[")
    if layer not in reports:
        return None
    member = (int(index),) if index else ()
    report = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64)[*member, i, j], reports[layer])
    tile = physical_tile(design)
    cost, tolerance = getattr(tile.policy, "cost", PulseCost()), getattr(tile.policy, "tolerance", None)
    span = float(tile.device.g_max) - float(tile.device.g_min)
    rows = float(cost.write_time) * report.pulses.max(axis=-1) + float(cost.read_time) * report.reads.max(axis=-1)
    by_row = np.isclose(rows.sum(), report.time, rtol=1e-4)
    return {
        "pulses": float(report.pulses.sum()),
        "verify_count": float(report.reads.sum()),
        "failures": None if tolerance is None else int(np.sum(np.abs(report.error) > float(tolerance) * span)),
        "latency_s": [float(time) for time in rows.ravel()] if by_row else [float(report.time)],
    }
