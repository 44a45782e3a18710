"""`aimcjax map` and `aimcjax cost`: what they write, say and refuse, and an edited map that is used."""

import json
import shutil
from pathlib import Path

import jax
import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from aimcjax import chips, cli
from aimcjax.config import load_config
from aimcjax.studies import place_shapes
from aimcjax.studies._networks import _roads


CONFIG = str(Path(__file__).parents[1] / "configs" / "mlp_digits.yaml")
SMALL = ("model.widths=[12]", "tile.rows=40", "tile.cols=8")  # 64x12 and 12x10: four tiles and two


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("maps") / "small"
    result = _run("map", CONFIG, *SMALL, "chip.design={grid: [3, 3]}", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "6 blocks of 2 layers on 6 of 9 tiles of chip" in result.output
    return out


def test_a_map_is_its_three_kinds_of_files(mapped: Path) -> None:
    assert {path.name for path in mapped.iterdir()} == {
        "mapping_table.json", "per_tile_calibration", "runtime_policy.yaml",
    }  # fmt: skip
    rows = json.loads((mapped / "mapping_table.json").read_text())
    jsonschema.validate(rows, chips.schema("mapping_table"))
    assert {row["scale"] for row in rows} == {None}  # nothing is programmed yet
    for row in rows:
        jsonschema.validate(json.loads((mapped / row["calibration"]).read_text()), chips.schema("per_tile_calibration"))
    jsonschema.validate(yaml.safe_load((mapped / "runtime_policy.yaml").read_text()), chips.schema("runtime_policy"))
    line = _run("map", CONFIG, *SMALL, "--out", str(mapped)).stderr
    assert line.startswith("aimcjax: ")
    assert line.count("\n") == 1


def test_an_edited_map_is_used_and_a_broken_one_refused(mapped: Path, tmp_path: Path) -> None:
    rows, table = json.loads((mapped / "mapping_table.json").read_text()), tmp_path / "table.json"
    rows[0] |= {"grid_row": 2, "grid_col": 2}
    table.write_text(json.dumps(rows))
    overrides = (*SMALL, "chip.design={grid: [3, 3]}", f"chip.mapping={table}")
    _, placement = place_shapes(load_config(Path(CONFIG), overrides))
    assert placement.strategy == "as given"
    assert placement.items[0].slot == chips.Slot(0, 2, 2, 0)
    rows[1] |= {"grid_row": 2, "grid_col": 2}
    table.write_text(json.dumps(rows))
    result = _run("run", CONFIG, *overrides, "--out", str(tmp_path / "run"))  # refused before any training
    assert result.exit_code == 2
    assert "layer layers/0, tile tile_0001 overlaps layer layers/0, tile tile_0000" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_folder_is_a_map_and_calibrations_in_it_are_not_edited(mapped: Path, tmp_path: Path) -> None:
    folder = tmp_path / "maps"
    shutil.copytree(mapped, folder)
    overrides = (*SMALL, "chip.design={grid: [3, 3]}", f"chip.mapping={folder}")
    assert place_shapes(load_config(Path(CONFIG), overrides))[1].strategy == "as given"
    first = folder / "per_tile_calibration" / "tile_0001.json"
    written = json.loads(first.read_text())
    for change, message in (
        ({"scale": [0.5] * 8}, "layer layers/0, tile tile_0001: scale cannot be given by hand"),
        ({"bias": [0.5] * 8}, "layer layers/0, tile tile_0001: bias cannot be given by hand"),
        ({"layer": "layers/1"}, "expected the calibration of this tile"),
    ):
        first.write_text(json.dumps(written | change))
        for mapping in (folder, folder / "mapping_table.json"):
            out = tmp_path / "run"
            result = _run("run", CONFIG, *overrides[:-1], f"chip.mapping={mapping}", "--out", str(out))
            assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
            assert message in result.stderr
            assert not out.exists()


def test_cost_prints_its_table_and_draws(tmp_path: Path) -> None:
    chart = tmp_path / "cost.png"
    result = _run("cost", CONFIG, *SMALL, "chip.design=hermes_2023", "--batch", "4", "--out", str(chart))
    assert result.exit_code == 0, result.output
    for word in (*chips.COMPONENTS, "total", "TOPS/W", "fJ/MAC", "hermes_2023", "batch 4", "assumed: "):
        assert word in result.output
    assert chart.read_bytes().startswith(b"\x89PNG")
    words = "converters are those of the model's tile at the prices of hermes_2023 (UniformDac for PulseWidthDac)"
    assert words in result.output
    weights = "tile={type: weight_level_tile, rows: 32, cols: 32}"  # takes the converters of the chip
    result = _run("cost", CONFIG, *SMALL, weights, "chip.design=hermes_2023", "--out", str(chart), "--overwrite")
    assert result.exit_code == 0, result.output
    assert "converters are those" not in result.output


def test_cost_takes_every_study_with_one_model_on_a_chip(tmp_path: Path) -> None:
    configs, out = Path(CONFIG).parent, ("--out", str(tmp_path / "cost.png"))
    result = _run("cost", str(configs / "service_digits.yaml"), *out)
    assert result.exit_code == 0, result.output
    assert "service_digits" in result.output
    result = _run("cost", str(configs / "economics.yaml"), *out)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "study: economics puts no one model on a chip" in result.output


def test_cost_serves_requests_and_writes_its_schedule(tmp_path: Path) -> None:
    chart, trace = tmp_path / "cost.png", tmp_path / "cost.json"
    how = ("chip.design={grid: [3, 3]}", "--out", str(chart), "--requests", "50")
    result = _run("cost", CONFIG, *SMALL, *how, "--concurrency", "4", "--trace", str(trace))
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if line.startswith("50 requests from 4 clients: "))
    for word in ("p50 ", "p95 ", "p99 ", " requests/s"):
        assert word in line
    assert "hottest tile " in result.output
    events = json.loads(trace.read_text())["traceEvents"]
    assert {"tile", "digital"} <= {event["args"]["name"] for event in events if event["name"] == "process_name"}
    result = _run("cost", CONFIG, *SMALL, *how[:3], "--overwrite", "--limit", "330 K")
    assert "below the limit arrays take " in result.output, result.output
    result = _run("cost", CONFIG, *SMALL, *how, "--overwrite", "--rate", "1e4")
    assert result.exit_code == 0, result.output
    assert "50 requests at random: " in result.output


def test_experts_are_placed_by_frequencies_in_a_config(tmp_path: Path) -> None:
    """Experts 0 and 3 always fire together, and so do the others: they lie on different tiles."""
    config = str(Path(CONFIG).with_name("char_moe.yaml"))
    small = ("data={type: random_tokens, vocab_size: 11, length: 6}", "model.dim=8", "model.n_layers=1",
             "model.n_heads=2", "model.n_kv_heads=2", "model.hidden=8", "model.n_experts=4")  # fmt: skip
    chip = ("chip.design={grid: [1, 3], tiers: 12}", "chip.strategy=coactivation")
    together = "chip.coactivation={.*: [[5, 0, 0, 5], [0, 5, 5, 0], [0, 5, 5, 0], [5, 0, 0, 5]]}"
    out = tmp_path / "map"
    result = _run("map", config, *small, *chip, together, "--out", str(out))
    assert result.exit_code == 0, result.output
    rows = json.loads((out / "mapping_table.json").read_text())
    columns = {row["layer"]: row["grid_col"] for row in rows}
    for part in ("gate", "up", "down"):
        where = [next(col for name, col in columns.items() if name.endswith(f"{part}[{i}]")) for i in range(4)]
        assert where[0] != where[3]
        assert where[1] != where[2]
    for broken, message in ((), "needs `coactivation`"), (("chip.coactivation={.*: [[1], [1, 2]]}",), "lengths"):
        result = _run("map", config, *small, *chip, *broken, "--out", str(tmp_path / "other"))
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert message in result.stderr


MISTAKES = {
    "no such chip": (["chip.design=hermes"], "did you mean 'hermes_2023'"),
    "chip too small": (["chip.design={grid: [1, 2]}"], "chip chip has 2 arrays"),
    "tile too large": (["tile.rows=512", "chip.design=hermes_2023"], "hermes_2023 hold 256x256"),
    "no tiles": (["chip.design={grid: [0, 2]}"], "grid: expected a whole number from 1"),
    "no mapping": (["chip.mapping=nowhere.json"], "no mapping table nowhere.json"),
    "no chart": (["--out", "cost.pdf"], "--out takes the name of a .png file"),
    "no trace": (["--trace", "nowhere/cost.json"], "--trace takes the name of a .json file"),
    "no limit": (["--limit", "290 K"], "the chip is at 290 K or above without any product"),
    "no temperature": (["--limit", "330 V"], "expected a quantity in K"),
    "no requests": (["--requests", "1", "--rate", "1e4"], "--requests is a whole number from 2 to 1,000,000, got 1"),
    "no way to come": (["--requests", "9"], "give one of them"),
    "two ways to come": (["--requests", "9", "--rate", "1", "--concurrency", "1"], "give one of them"),
    "nothing to rate": (["--rate", "1e4"], "say how many with --requests"),
    "no rate": (["--requests", "9", "--rate", "nan"], "--rate is a positive number of requests per second, got nan"),
    "no clients": (["--requests", "9", "--concurrency", "10"], "--concurrency is a whole number from 1 to the 9"),
    "no batch": (["--batch", "0"], "batch is a whole number from 1"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = MISTAKES[name]
    result = _run("cost", CONFIG, *SMALL, *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_machine_of_a_study_is_the_one_of_its_config() -> None:
    config = load_config(Path(CONFIG), (*SMALL, "chip.design={grid: [4, 4]}", "chip.replicas={layers/1: 2}"))
    data = config.data.load()
    analog = _roads.converted(config, config.model.build(data, jax.random.key(0)))
    placement = _roads.placed(config, analog)
    assert len(placement.items) == 4 + 2 * 2
    assert placement.chip.grid == (4, 4)
