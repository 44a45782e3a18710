"""Sweeps from a config: which network every point takes, what is trained, what the directory holds."""

import contextlib
import json
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
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
                                           "    return jnp.mean(jnp.max(logits, axis=-1))\n")  # fmt: skip
    sys.path.insert(0, str(folder))
    config = _config(
        "sweep.axes={tile.adc.bits: [4, 8], tile.rows: [64, 32]}", "sweep.networks=[direct, hwa]",
        "sweep.metrics=[accuracy, loss, perplexity, 'own_metrics:top', mvm_error]",
        "sweep.sensitivity={n_chips: 2, samples: 16}",
    )  # fmt: skip
    try:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            assert studies.sweep(config, folder / "run") is not None
    finally:
        sys.path.remove(str(folder))
    return folder / "run"


def test_a_sweep_writes_its_directory(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert {"results.zarr", "summary.json", "config.yaml", "versions.json", "report.md", "checkpoint"} <= names
    data = sweeps.load(finished / "results.zarr")
    assert dict(data.sizes) == {"tile.adc.bits": 2, "tile.rows": 2, "network": 2, "chip": 3, "time": 2}
    assert data["network"].values.tolist() == ["direct", "hwa"]
    assert set(data) == {"accuracy", "loss", "perplexity", "own_metrics.top", "mvm_error"}
    assert all(np.isfinite(values).all() for values in data.values())
    np.testing.assert_allclose(data["perplexity"], np.exp(data["loss"]), rtol=1e-5)
    # Coarser converters err more, and other sizes and networks are others.
    assert np.all(data["mvm_error"].sel({"tile.adc.bits": 4}) > data["mvm_error"].sel({"tile.adc.bits": 8}))
    assert float(np.abs(data["loss"].diff("tile.rows")).min()) > 0
    assert float(np.abs(data["loss"].diff("network")).min()) > 0
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["n_chips"] == 3
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


def test_axes_are_not_visited_by_run() -> None:
    assert not any("sweep.axes" in line for line in studies.cautions(_config()))
    assert any("sweep.axes are not visited" in line for line in studies.cautions(_config("sweep.axes={seed: [1, 2]}")))


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
