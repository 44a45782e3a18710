"""What programming took, tile by tile, in the files of a chip."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.random as jr
import jsonschema
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, nn, tiles
from aimcjax.models import Mlp


COST = tiles.PulseCost()
TILE = tiles.TileDesign(rows=8, cols=4, device=devices.Pcm())
VERIFIED = tiles.TileDesign(
    rows=8, cols=4, device=devices.Pcm(), policy=tiles.WriteVerify(tolerance=0.05, max_iterations=6)
)
MODEL = Mlp(10, 6, (8,), key=jr.key(0))


def _written(tile: Any, folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    analog = nn.convert(MODEL, [nn.Rule(".*", tile)])
    reports = nn.programming_reports(analog, key=jr.key(1))
    chip = nn.program(analog, key=jr.key(1))
    chips.write_artifacts(folder, chip, chips.place(chip, chips.Chip(), replicas={"layers/1": 2}), reports)
    rows = json.loads((folder / "mapping_table.json").read_text())
    states = [json.loads((folder / row["calibration"]).read_text()) for row in rows]
    for state in states:
        jsonschema.validate(state, chips.schema("per_tile_calibration"))
    assert len(rows) == 4 + 2 * 2
    return [state["program_stats"] for state in states], reports


def test_verified_cells_have_their_pulses_reads_failures_and_times(tmp_path: Path) -> None:
    stats, reports = _written(VERIFIED, tmp_path)
    for name, found in (("layers/0", stats[:4]), ("layers/1", stats[4:6]), ("layers/1", stats[6:])):
        report = reports[name]
        assert sum(one["pulses"] for one in found) == float(report.pulses.sum())
        assert sum(one["verify_count"] for one in found) == float(report.reads.sum()) > report.reads.size
        beyond = np.abs(np.asarray(report.error)) > 0.05 * float(VERIFIED.device.g_max)
        assert sum(one["failures"] for one in found) == int(beyond.sum())
        taken = [sum(one["latency_s"]) for one in found]
        np.testing.assert_allclose(taken, np.ravel(report.time), rtol=tolerances.PRIMITIVE)
        n_rows = {"layers/0": 5, "layers/1": 8}[name]  # 10 inputs in two equal blocks, 8 in one
        assert all(len(one["latency_s"]) == 2 * n_rows for one in found)  # of both arrays of a pair


def test_what_is_written_once_takes_a_pulse_a_cell(tmp_path: Path) -> None:
    stats, _ = _written(TILE, tmp_path)
    for one, (rows, cols) in zip(stats, [(5, 4)] * 4 + [(8, 3)] * 4, strict=True):
        assert (one["pulses"], one["verify_count"], one["failures"]) == (2 * rows * cols, 0, None)
        np.testing.assert_allclose(one["latency_s"], [float(COST.write_time)] * 2 * rows, rtol=tolerances.PRIMITIVE)


def test_reports_are_of_the_chip_that_the_key_draws() -> None:
    analog = nn.convert(MODEL, [nn.Rule(".*", VERIFIED)])
    again, other = (nn.programming_reports(analog, key=jr.key(seed)) for seed in (1, 2))
    chip = nn.program(analog, key=jr.key(1))
    for name, layer in nn.analog_layers(chip).items():
        w, _ = nn.analog_layers(analog)[name].on_tiles()
        blocks = layer.matrix.partition.split_matrix(w)
        for i, j in np.ndindex(*blocks.shape[:2]):
            target, _ = VERIFIED.encoding.encode(blocks[i, j], VERIFIED.device)
            cells = layer.matrix.tiles.cells
            held = VERIFIED.device.drift(jax.tree.map(lambda leaf, i=i, j=j: leaf[i, j], cells), 0.0)
            error = np.asarray(held - target) / float(VERIFIED.device.g_max)
            found = np.asarray(again[name].error[i, j]) / float(VERIFIED.device.g_max)
            np.testing.assert_allclose(found, error, atol=tolerances.PRIMITIVE)
        assert np.any(np.asarray(again[name].error) != np.asarray(other[name].error))
    with pytest.raises(ValueError, match=r"layer layers/0 is already programmed"):
        nn.programming_reports(chip, key=jr.key(1))
