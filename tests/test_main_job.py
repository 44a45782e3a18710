"""The main job through the command line: what it writes, what it refuses, that nothing is lost."""

import json
from pathlib import Path

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
import pytest
import xarray as xr
import yaml
from typer.testing import CliRunner

from aimcjax import checkpoint, nn, sweeps
from aimcjax.cli import app
from aimcjax.config import load_config
from aimcjax.models import Mlp
from aimcjax.studies._networks import _roads


CONFIG = Path(__file__).parents[1] / "configs" / "mlp_digits.yaml"
TINY = [
    "model.widths=[12]", "digital_training.epochs=2", "digital_training.settle=1", "hwa_training.epochs=1",
    "sweep.n_chips=3", "sweep.times=[20 s, 1 day]", "tile.rows=40", "tile.cols=8",
]  # fmt: skip


def _run(*arguments: str):
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        return CliRunner().invoke(app, ["run", *arguments])


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    result = _run(str(CONFIG), *TINY, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "test accuracy (%) over 3 chips" in result.output
    return out


def test_directory_is_complete(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {
        "config.yaml", "versions.json", "summary.json", "results.nc", "report.md", "figures", "mapping_table.json",
        "per_tile_calibration", "runtime_policy.yaml", "tile_health", "checkpoint",
    }  # fmt: skip
    figures = {path.name for path in (finished / "figures").iterdir()}
    assert figures == {"accuracy_over_time.png", "energy_breakdown.png", "weight_error.png"}
    assert [path.name for path in finished.parent.iterdir()] == ["tiny"]
    assert "jax" in json.loads((finished / "versions.json").read_text())["packages"]


def test_summary_is_the_contract_and_agrees_with_the_raw_results(finished: Path) -> None:
    summary = json.loads((finished / "summary.json").read_text())
    assert set(summary) == {
        "metric", "baseline_accuracy", "roads", "energy_per_mac_J", "tops_per_watt", "latency_s", "area_m2",
        "n_tiles", "n_cells", "n_macs", "wall_s",
    }  # fmt: skip
    raw = xr.load_dataset(finished / "results.nc").accuracy
    for road in ("direct", "hwa"):
        for name in ("compensated", "uncompensated"):
            for row, t in zip(summary["roads"][road][name], (20.0, 86400.0), strict=True):
                values = raw.sel(road=road, compensation=name, time=t).values
                expected = sweeps.summarize(values)
                assert (row["t_s"], row["n_chips"]) == (t, 3)
                np.testing.assert_allclose(row["mean"], values.mean(), rtol=1e-12)
                np.testing.assert_allclose(row["std"], values.std(ddof=1), rtol=1e-9, atol=1e-12)
                np.testing.assert_allclose(row["ci95"], [expected.low, expected.high], rtol=1e-12)
    energy = summary["energy_per_mac_J"]
    parts = {"core", "dac", "adc", "interconnect", "digital", "attention", "buffer", "dram", "static"}
    assert set(energy) == {*parts, "total"}
    np.testing.assert_allclose(energy["total"], sum(v for k, v in energy.items() if k != "total"), rtol=1e-6)
    assert all(energy[part] > 0 for part in {*parts, "total"} - {"attention", "dram"})
    assert energy["attention"] == energy["dram"] == 0.0  # a perceptron on tiles has neither
    # 64x12 on 40x8 tiles: 2x2; 12x10: 1x2.
    assert (summary["n_tiles"], summary["n_cells"], summary["n_macs"]) == (
        6,
        2 * (64 * 12 + 12 * 10),
        64 * 12 + 12 * 10,
    )


def test_mapping_covers_every_weight_once(finished: Path) -> None:
    table = json.loads((finished / "mapping_table.json").read_text())
    keys = {"tile_id", "layer", "row_range", "col_range", "encoding", "adc_bits", "dac_bits", "scale", "verify_policy"}
    keys |= {"replication", "replica", "chip", "bank", "grid_row", "grid_col", "tier", "calibration"}
    covered = {"layers/0": np.zeros((64, 12), int), "layers/1": np.zeros((12, 10), int)}
    for row in table:
        assert set(row) == keys
        covered[row["layer"]][slice(*row["row_range"]), slice(*row["col_range"])] += 1
    assert all(np.all(weights == 1) for weights in covered.values())
    assert len({row["tile_id"] for row in table}) == len(table) == 6


def test_resolved_config_repeats_the_run(finished: Path, tmp_path: Path) -> None:
    assert _run(str(finished / "config.yaml"), "--out", str(tmp_path / "again"), "--quiet").exit_code == 0
    first, again = (xr.load_dataset(folder / "results.nc") for folder in (finished, tmp_path / "again"))
    xr.testing.assert_identical(first.accuracy, again.accuracy)
    assert (finished / "config.yaml").read_text() == (tmp_path / "again" / "config.yaml").read_text()


def test_checkpoint_restores_both_networks(finished: Path) -> None:
    config = load_config(finished / "config.yaml")
    baseline = Mlp(64, 10, (12,), key=jr.key(9))
    restored = checkpoint.load(finished / "checkpoint", "baseline", like=baseline)
    data = config.data.load()
    accuracy = json.loads((finished / "summary.json").read_text())["baseline_accuracy"]
    np.testing.assert_allclose(_roads.digital_score(config, restored, data), accuracy, rtol=1e-6)
    blank = nn.convert(baseline, _roads.conversion_rules(config))
    hwa = checkpoint.load(finished / "checkpoint", "hwa", like=blank)
    assert not eqx.tree_equal(hwa.layers[0].weight, restored.layers[0].weight)
    with pytest.raises(ValueError, match="baseline differs in layers.0"):
        checkpoint.load(finished / "checkpoint", "baseline", like=Mlp(64, 10, (13,), key=jr.key(9)))
    with pytest.raises(ValueError, match=r"holds \['baseline', 'hwa'\], not 'other'"):
        checkpoint.load(finished / "checkpoint", "other", like=baseline)


def test_print_shows_the_resolved_config_and_writes_nothing(tmp_path: Path) -> None:
    result = _run(str(CONFIG), "tile.device.g_max=30 uS", "--print", "--out", str(tmp_path / "never"))
    assert result.exit_code == 0
    assert yaml.safe_load(result.output)["tile"]["device"]["g_max"] == "30 uS"
    assert not (tmp_path / "never").exists()


def test_what_exists_is_never_lost(finished: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    _is_one_line(_run(str(CONFIG), *TINY, "--out", str(finished)), "exists already")
    fails = ["digital_training.learning_rate=1e30", "--overwrite", "--quiet"]
    _is_one_line(_run(str(CONFIG), *TINY, *fails, "--out", str(finished)), "training diverged")
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before
    (tmp_path / "thesis.tex").write_text("years of work")
    _is_one_line(_run(str(CONFIG), "--out", str(tmp_path), "--overwrite"), "not a finished run")
    assert (tmp_path / "thesis.tex").exists()


def _is_one_line(result, expected: str) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("aimcjax: ")
    assert expected in lines[0]
    assert "Traceback" not in result.output


def test_report_of_a_finished_run_tells_its_scores_and_cites_its_models(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "page"
    result = CliRunner().invoke(app, ["report", str(finished), "--out", str(out)])
    assert result.exit_code == 0, result.output
    text = (out / "report.md").read_text()
    summary = json.loads((finished / "summary.json").read_text())
    row = next(row for row in summary["roads"]["hwa"]["compensated"] if row["t_s"] == 86400.0)
    assert f"{100 * row['mean']:.1f} ± {100 * row['std']:.1f} %" in text
    assert "3 chips, fewer than 5" in text
    assert "Accurate deep neural network inference" in text
    assert {path.name for path in (out / "figures").iterdir()} == {
        "score_over_time.svg", "ablation.svg", "energy_breakdown.svg", "conductance_change.svg", "weight_error.png",
    }  # fmt: skip
