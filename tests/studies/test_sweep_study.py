"""Sweeps from a config: which network every point takes, what is trained, what the directory holds."""

import contextlib
import json
import re
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import one_line
import pytest
import xarray as xr
import yaml
from typer.testing import CliRunner

from aimcjax import cli, nn, studies, sweeps
from aimcjax.config import ConfigError, load_config
from aimcjax.reports import read_runs
from aimcjax.reports._saved_run import at_path
from aimcjax.studies._sweep import _points
from aimcjax.studies._sweep._report import sweep_report


PATH = Path(__file__).parents[2] / "configs" / "mlp_digits.yaml"
NONE = ("own_metrics.none is NaN or infinite on 3 of 3 chips, at bits=4, rows=64, network=direct; "
        "bits=4, rows=64, network=hwa; bits=4, rows=32, network=direct and 5 more points")  # fmt: skip
TINY = ["model.widths=[]", "tile.rows=64", "tile.cols=16", "digital_training.epochs=2", "digital_training.settle=0",
        "hwa_training.epochs=1", "sweep.n_chips=3", "sweep.times=[20 s, 1 day]", "sweep.chunk=2"]  # fmt: skip


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        yield


class Notes(studies.Progress):
    """Remembers what was trained and told."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.trained: list[str] = []
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """Remembered."""
        self.lines.append(line)

    @contextlib.contextmanager
    def training(self, name: str, epochs: int):
        """Remembered."""
        self.trained.append(name)
        yield lambda epoch, loss: None


def _config(*changes: str):
    return load_config(PATH, [*TINY, *changes])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "own_metrics.py").write_text("import jax.numpy as jnp\n\n\ndef top(logits, labels):\n"
                                           "    return jnp.mean(jnp.max(logits, axis=-1))\n\n\n"
                                           "def none(logits, labels):\n    return jnp.asarray(jnp.nan)\n")  # fmt: skip
    sys.path.insert(0, str(folder))
    config = _config(
        "sweep.axes={tile.adc.bits: [4, 8], tile.rows: [64, 32]}", "sweep.networks=[direct, hwa]",
        "sweep.metrics=[accuracy, loss, perplexity, 'own_metrics:top', mvm_error, 'own_metrics:none']",
        "sweep.sensitivity={n_chips: 2, samples: 16}",
    )  # fmt: skip
    notes = Notes()
    try:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            assert studies.sweep(config, folder / "run", progress=notes) is not None
    finally:
        sys.path.remove(str(folder))
    assert [line for line in notes.lines if "NaN" in line] == [f"note: {NONE}"]
    return folder / "run"


def test_a_sweep_writes_its_directory(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"results.zarr", "summary.json", "config.yaml", "versions.json", "report.md", "checkpoint"} <= names
    data = sweeps.load(finished / "results.zarr")
    assert dict(data.sizes) == {"tile.adc.bits": 2, "tile.rows": 2, "network": 2, "chip": 3, "time": 2}
    assert data["network"].values.tolist() == ["direct", "hwa"]
    assert set(data) == {"accuracy", "loss", "perplexity", "own_metrics.top", "mvm_error", "own_metrics.none"}
    assert [name for name, values in data.items() if not np.isfinite(values).all()] == ["own_metrics.none"]
    assert f"{NONE}.\n" in (finished / "report.md").read_text()
    np.testing.assert_allclose(data["perplexity"], np.exp(data["loss"]), rtol=1e-5)
    # Coarser converters err more, and other sizes and networks are others.
    assert np.all(data["mvm_error"].sel({"tile.adc.bits": 4}) > data["mvm_error"].sel({"tile.adc.bits": 8}))
    assert float(np.abs(data["loss"].diff("tile.rows")).min()) > 0
    assert float(np.abs(data["loss"].diff("network")).min()) > 0
    text = (finished / "summary.json").read_text()
    summary = json.loads(text, parse_constant=pytest.fail)  # neither NaN nor Infinity: no other reader takes them
    assert summary["n_chips"] == 3
    assert None in {one["value"] for one in summary["sensitivity"]}  # an infinite limit
    resolved = yaml.safe_load((finished / "config.yaml").read_text())
    for one in summary["sensitivity"]:  # by paths of the config; defaults may be left out
        assert at_path(resolved, one["path"].rpartition(".")[0]) is not None
    assert {"tile.device.g_max", "tile.dac.v_max"} <= {one["path"] for one in summary["sensitivity"]}
    mean = data["accuracy"].sel({"tile.adc.bits": 8, "tile.rows": 64, "network": "hwa"}).mean("chip")
    (row,) = [p for p in summary["points"] if p["point"] == "bits=8, rows=64, network=hwa"]
    np.testing.assert_allclose([one["mean"] for one in row["times"]], mean, rtol=1e-12)


def test_reports_tell_axes_apart_and_have_units() -> None:
    dims = ("tile.adc.bits", "tile.dac.bits", "tile.rows", "chip", "time")
    values = np.linspace(0.5, 0.9, 16).reshape(2, 2, 1, 2, 2)
    coords = {"tile.adc.bits": [4, 5], "tile.dac.bits": [4, 5], "tile.rows": [64], "time": [20.0, 86400.0]}
    data = xr.Dataset({"accuracy": (dims, values)}, coords, {"metrics": ["accuracy"]})
    report = sweep_report(_config(), data, [], wall_s=1.0)
    assert report.header[2:4] == ["mean [%]", "std [%]"]
    assert report.rows[0][:3] == ["adc.bits=4, dac.bits=4, rows=64", "20 s", "52.7"]
    low, high = "55.3 % (adc.bits=4, dac.bits=4, rows=64)", "87.3 % (adc.bits=5, dac.bits=5, rows=64)"
    assert report.findings == [f"accuracy at 1 day: from {low} to {high}."]
    of_loss = sweep_report(_config(), data.rename(accuracy="loss").assign_attrs(metrics=["loss"]), [], wall_s=1.0)
    assert of_loss.header[2] == "mean [nats]"


def test_a_finished_sweep_is_known(finished: Path) -> None:
    config = load_config(finished / "config.yaml", [])
    assert studies.is_finished_sweep(finished, config)
    assert not studies.is_finished_sweep(finished, config.model_copy(update={"seed": 1}))
    assert not studies.is_finished_sweep(finished.parent / "nothing", config)


def test_damage_in_a_finished_sweep_is_computed_again_and_nothing_else(finished: Path, tmp_path: Path) -> None:
    """By the command that made it, which would else say that there is nothing to do."""
    run = Path(shutil.copytree(finished, tmp_path / "run"))
    chunks = [path for path in sorted((run / "results.zarr" / "loss" / "c").rglob("0")) if path.is_file()]
    times = [path.stat().st_mtime_ns for path in chunks]
    chunks[1].write_bytes(b"damaged")
    with pytest.raises(ValueError, match="results.zarr is damaged; run the same command again: only what is"):
        read_runs([run])
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(finished.parent))
        config = load_config(run / "config.yaml", [])
        assert not studies.is_finished_sweep(run, config)
        assert studies.is_damaged_sweep(run, config)
        result = CliRunner().invoke(cli.app, ["sweep", str(run / "config.yaml"), "--out", str(run)])
        assert result.exit_code == 0, result.output
        assert "run is damaged; only what is damaged is computed again" in result.output
        assert "training" not in result.output
        assert studies.is_finished_sweep(run, config)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    same = [path.stat().st_mtime_ns == time for path, time in zip(chunks, times, strict=True)]
    assert same == [k != 1 for k in range(len(chunks))]
    xr.testing.assert_allclose(sweeps.load(run / "results.zarr"), sweeps.load(finished / "results.zarr"), atol=1e-6)


def test_a_finished_sweep_is_made_again_when_asked(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(studies, "sweep", lambda *_, overwrite, **__: asked.append(overwrite))
    command = ["sweep", str(finished / "config.yaml"), "--out", str(finished)]
    alone = CliRunner().invoke(cli.app, command)
    assert (alone.exit_code, asked) == (0, [])
    assert "nothing to do" in alone.stderr
    other = one_line.refusal(CliRunner().invoke(cli.app, [*command, "--from", str(finished)]))
    assert "was computed without --from; choose another --out, or compute it again with --overwrite" in other
    assert CliRunner().invoke(cli.app, [*command, "--overwrite"]).exit_code == 0
    assert asked == [True]


@pytest.mark.slow
def test_what_is_trained_and_for_what(tmp_path: Path) -> None:
    axes = "{hwa_training.learning_rate: [1.0e-3, 2.0e-3], seed: [0, 1], tile.adc.bits: [4, 8]}"
    config = _config(f"sweep.axes={axes}", "sweep.metrics=[loss]", "sweep.sensitivity=null", "sweep.n_chips=2")
    notes = Notes()
    assert studies.sweep(config, tmp_path / "trained", progress=notes, only_train=True) is None
    # A baseline for every seed, a network for hardware for every seed and rate, nothing for the bits.
    assert sorted(notes.trained) == ["digital training"] * 2 + ["hardware-aware training"] * 4
    again = Notes()
    report = studies.sweep(config, tmp_path / "trained", progress=again)
    assert again.trained == []
    assert report is not None
    data = sweeps.load(tmp_path / "trained" / "results.zarr")["loss"]
    for dim in ("hwa_training.learning_rate", "seed", "tile.adc.bits"):
        assert float(np.abs(data.diff(dim)).min()) > 0, dim
    # The points of the config's own values are those of a sweep without axes.
    plain = _config("sweep.metrics=[loss]", "sweep.sensitivity=null", "sweep.n_chips=2",
                    "hwa_training.learning_rate=1.0e-3", "tile.adc.bits=8")  # fmt: skip
    own = {"hwa_training.learning_rate": 1e-3, "seed": 0, "tile.adc.bits": 8}
    assert studies.sweep(plain, tmp_path / "plain") is not None
    expected = sweeps.load(tmp_path / "plain" / "results.zarr")["loss"]
    np.testing.assert_allclose(data.sel(own), expected, atol=1e-6)


def test_points_with_the_same_trainings_share_networks() -> None:
    of = _points.training_of
    assert of({"tile.rows": 8, "chip.compensation": None, "network": "hwa"}) == ()
    assert of({"tile.rows": 8, "hwa_training.noise": 1}) == of({"tile.rows": 9, "hwa_training.noise": 1})
    for path in ("data.n", "model.widths", "seed", "deep", "digital_training.epochs", "adapter"):
        assert of({path: 1}) != of({path: 2}) != ()
    run = Path("run")
    assert _points.folder_of(run, ()) == run
    assert _points.folder_of(run, of({"seed": 1})) != _points.folder_of(run, of({"seed": 2}))


def test_a_network_trained_for_hardware_keeps_its_layers() -> None:
    config = _config("model.widths=[8]", "sweep.axes={chip.digital_layers: [[], [layers/0]]}")
    points, data = config.sweep.points(0), config.data.load()
    plain, other = _points.variants(config, points)
    model = config.model.build(data, jax.random.key(0))
    trained = {"hwa": _points.at_point(plain, "direct", {}, model, data)}
    assert set(nn.analog_layers(_points.at_point(plain, "hwa", trained, model, data))) == {"layers/0", "layers/1"}
    assert set(nn.analog_layers(_points.at_point(other, "direct", {}, model, data))) == {"layers/1"}
    with pytest.raises(ValueError, match="keeps its layers; sweep them with networks: .direct.$"):
        _points.at_point(other, "hwa", trained, model, data)


def test_points_have_their_tiles_and_compensations() -> None:
    config = _config(
        "sweep.axes={chip.compensation: [{type: global_drift_compensation}, {type: column_drift_compensation}]}"
    )
    points = config.sweep.points(0)
    variants = _points.variants(config, points)
    assert len({type(variant.chip.compensation) for variant in variants}) == 2
    data = config.data.load()
    model = config.model.build(data, jax.random.key(0))
    made = [_points.at_point(variant, "direct", {}, model, data) for variant in variants]
    kinds = {type(layer.compensation) for network in made for layer in nn.analog_layers(network).values()}
    assert len(kinds) == 2


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (["sweep.axes={tile.adc.bitz: [4, 8]}"], "sweep.axes: with tile.adc.bitz=4: .*bitz"),
        (["sweep.axes={tyle.adc.bits: [4, 8]}"], "this config has no section tyle.adc"),
        (["sweep.axes={tile.rows: [8, -8]}"], "sweep.axes: with tile.rows=-8"),
        (["sweep.metrics=['no_such_module:f']"], "cannot import 'no_such_module:f'"),
        (["sweep.metrics=['os:sep']"], "os:sep is no function of logits and labels, got '/'"),
        (["sweep.metrics=[loss]", "sweep.until={ci95: 0.1, metric: speed}"], "speed is not measured; there are loss"),
        (["sweep.design=paired", "sweep.axes={tile.rows: [8, 9], tile.cols: [8]}"], "paired axes have equally many"),
        (["sweep.axes={tile.device.g_max: {uniform: ['1 uS', '2 uS']}}"], "is a range; it takes design"),
    ],
)
def test_mistakes_are_found_before_anything_is_trained(tmp_path: Path, changes: list[str], told: str) -> None:
    notes = Notes()
    with pytest.raises((ValueError, ConfigError), match=told) as caught:
        studies.sweep(_config(*changes), tmp_path / "run", progress=notes)
    assert "\n" not in str(caught.value)
    assert notes.trained == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [("logits", "own_wrong:f must give one number for logits [360, 10] and labels [360], it gives [360, 10]"),
     ("None", "it gives None"), ("(logits.sum(), 1.0)", "must give one number"), ("1j * logits.sum()", "one number"),
     ("logits @ labels", "own_wrong:f fails for logits [360, 10] and labels [360]: TypeError: ")],
)  # fmt: skip
def test_metrics_that_give_no_number_are_found_before(
    body: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_wrong.py").write_text(f"def f(logits, labels):\n    return {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_wrong", raising=False)
    config, notes = _config("sweep.metrics=[loss, 'own_wrong:f']"), Notes()
    for call in (lambda: studies.sweep(config, tmp_path / "run", progress=notes),
                 lambda: studies.check(config, estimate=False)):  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(told)) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert notes.trained == []
    assert not (tmp_path / "run").exists()


def test_run_says_what_it_leaves_to_sweeps() -> None:
    assert not any("sweep" in line for line in studies.cautions(_config("sweep.chunk=null")))
    asked = _config("sweep.axes={seed: [1, 2]}", "sweep.memory=1 GiB", "sweep.until={ci95: 0.01}")
    (line,) = (line for line in studies.cautions(asked) if "sweep" in line)
    told = "run does not use sweep.axes, sweep.chunk, sweep.memory, sweep.until; `aimcjax sweep` does that"
    assert line == told


@pytest.mark.slow
def test_sampled_points_are_one_dimension(tmp_path: Path) -> None:
    config = _config(
        "sweep.axes={tile.device.nu_mean: {uniform: [0.02, 0.1]}, tile.adc.i_max: {loguniform: [20 uA, 80 uA]}}",
        "sweep.design={sobol: 3}", "sweep.networks=[direct]", "sweep.metrics=[mvm_error]", "sweep.sensitivity=null",
    )  # fmt: skip
    notes = Notes()
    assert studies.sweep(config, tmp_path / "run", progress=notes) is not None
    assert notes.trained == ["digital training"]
    data = sweeps.load(tmp_path / "run" / "results.zarr")
    assert data["mvm_error"].dims == ("point", "chip", "time")
    assert data["tile.adc.i_max"].attrs["units"] == "A"
    assert np.all((data["tile.adc.i_max"] >= 20e-6) & (data["tile.adc.i_max"] <= 80e-6))
    assert np.ptp(data["mvm_error"].mean(("chip", "time")).values) > 0
    assert isinstance(xr.open_zarr(tmp_path / "run" / "results.zarr", chunks=None), xr.Dataset)
