"""Values of runs over anything, their means and intervals, and what is refused."""

import re
import warnings
from pathlib import Path
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from saved_runs import TIMES, fill_store, main_job, study, sweep, write
from scipy import stats

from aimcjax.chips import COMPONENTS, Cost
from aimcjax.reports import (
    COLOURS,
    MARKERS,
    Panel,
    Results,
    TileErrors,
    _saved_run,
    colours_of,
    markers_of,
    plot_panels,
    read_runs,
)
from aimcjax.reports._figures import _curves
from aimcjax.reports.curves import curve, differing, first_values, long_table, plot_runs, select, tick_text
from aimcjax.training import ACCURACY


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def main(folder: Path):
    return read_runs([main_job(folder / "main")])[0]


@pytest.fixture(scope="module")
def swept(folder: Path):
    return read_runs([sweep(folder / "sweep")])[0]


def test_mean_and_interval_over_chips_are_those_of_scipy(main) -> None:
    table = select(long_table([main], "accuracy", ["time", "road", "compensation"]), {"road": "hwa"})
    found = curve(select(table, {"compensation": "compensated"}), "time")
    values = main.data.accuracy.sel(road="hwa", compensation="compensated").values
    np.testing.assert_array_equal(found.x, TIMES)
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    low, high = stats.t.interval(0.95, 5, loc=values.mean(axis=0), scale=stats.sem(values, axis=0))
    np.testing.assert_allclose(found.half, (high - low) / 2, rtol=1e-12)
    assert (found.n, table.over, table.left) == (6, "chip", {})


def test_what_has_no_axis_is_averaged_chip_by_chip(main) -> None:
    """Not every value is a replicate: the interval is over chips, whatever else is averaged."""
    table = long_table([main], "accuracy", ["time"])
    found = curve(table, "time")
    by_chip = main.data.accuracy.mean(["road", "compensation"]).values
    np.testing.assert_allclose(found.mean, by_chip.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.half, stats.t.ppf(0.975, 5) * stats.sem(by_chip, axis=0), rtol=1e-12)
    assert table.left == {"road": 2, "compensation": 2}


def test_swept_parameters_are_axes_and_unfinished_cells_are_left_out(swept) -> None:
    table = long_table([swept], "accuracy", ["nu_mean"])
    assert len(table.values) == 6 * 4 * 2 - 1
    assert table.left == {"tile.device.g_max": 2, "time": 2}
    late = select(long_table([swept], "accuracy", ["nu_mean", "time"]), {"time": "1 day"})
    np.testing.assert_allclose(
        curve(late, "nu_mean").mean, 1.0 - np.asarray([0.03, 0.06, 0.09]) - 0.015 - 0.02, rtol=1e-12
    )
    g = long_table([swept], "accuracy", ["tile.device.g_max"])
    assert g.units == {"tile.device.g_max": "S"}
    assert set(select(g, {"tile.device.g_max": "5 uS"}).columns["tile.device.g_max"]) == {5e-6}


def test_runs_are_told_apart_by_device_and_config(folder: Path, main) -> None:
    (other,) = read_runs([main_job(folder / "six", name="six", bits=6, lift=0.01)])
    runs = read_runs([main.folder, other.folder])
    assert differing(runs) == ["tile.adc.bits"]
    table = long_table(runs, "accuracy", ["tile.adc.bits", "device", "run"])
    assert set(table.columns["tile.adc.bits"]) == {6, 8}
    assert set(table.columns["device"]) == {"pcm_joshi2020"}
    assert set(table.columns["run"]) == {"main", "six"}
    means = curve(table, "tile.adc.bits").mean
    np.testing.assert_allclose(means[0] - means[1], 0.01, rtol=1e-9)
    assert curve(table, "device").n == 12  # chips of two runs are not the same chips


def test_a_picture_is_labelled_with_units_and_says_what_it_averages(main) -> None:
    drawing = plot_runs([main], x="time", hue="road")
    (axis,) = drawing.figure.axes
    assert (axis.get_ylabel(), axis.get_xlabel()) == ("test accuracy (%)", "time after programming")
    assert axis.get_xscale() == "log"
    assert [text.get_text() for text in axis.get_xticklabels()] == ["20 s", "1 day", "1 year"]
    assert drawing.caption == "mean of 6 chips, with its 95 % interval; averaged over compensation (2)"
    assert "--where" in drawing.notes[0]
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert set(lines) == {"direct", "hwa", "digital baseline"}
    direct, hwa = lines["direct"], lines["hwa"]
    for feature in ("get_color", "get_marker", "get_linestyle"):  # in print, and for the colour-blind
        differ = getattr(direct, feature)() != getattr(hwa, feature)() or direct._dash_pattern != hwa._dash_pattern
        assert differ, feature
    np.testing.assert_allclose(lines["digital baseline"].get_ydata()[0], 98.0)


def test_a_road_has_one_colour_and_marker_in_all_pictures(main) -> None:
    scores: dict[str, np.ndarray] = {road: np.full((2, 3, 1), 0.5) for road in ("direct", "hwa_lora", "hwa")}
    blank = np.zeros((1, 1))
    none, stages = jnp.zeros(()), cast(Any, None)
    cost = Cost(jnp.zeros((len(COMPONENTS), 1)), none, none, {}, stages, batch=1, n_tokens=1, n_macs=1, n_tiles=1,
                n_cells=1, layers=("layer",))  # fmt: skip
    results = Results("x", ACCURACY, 0.9, {}, 10, np.asarray([20.0]), scores, cost, [],
                      TileErrors("layer", "tile", blank, blank, blank), [], 1.0)  # fmt: skip
    of_the_report = Figure().subplots()
    _curves(of_the_report, results, ["compensated"])
    found = {line.get_label(): line.get_color() for line in of_the_report.get_lines()}
    markers = {line.get_label(): line.get_marker() for line in of_the_report.get_lines()}
    (of_the_command,) = plot_runs([main], x="time", hue="road").figure.axes
    lines = {line.get_label(): line.get_color() for line in of_the_command.get_lines()}
    assert lines["hwa"] == found["hardware-aware training, compensated"]
    assert lines["direct"] == found["direct mapping, compensated"]
    assert len(set(found.values())) == len(set(markers.values())) == 4  # of three roads and the baseline
    for line in of_the_command.get_lines():
        road = {"hwa": "hardware-aware training", "direct": "direct mapping"}.get(str(line.get_label()))
        assert road is None or line.get_marker() == markers[f"{road}, compensated"]
    many = [*range(len(COLOURS) - 1), "hwa"]
    assert len(set(colours_of(many).values())) == len(COLOURS)
    assert len(set(markers_of(many).values())) == len(MARKERS)


def test_panels_have_times_and_numbers_at_their_axes() -> None:
    times, chips = np.asarray([20.0, 3600.0, 86400.0]), np.asarray([2, 3, 4, 6, 8])
    values = np.asarray([[1.0, 2.0, 3.0], [3.0, 2.0, 5.0], [2.0, 5.0, 1.0]])
    widths = 3.0 / chips[None]
    over_time = Panel("", times, {"one": values}, "time", "y", log="x", intervals=True, unit="s")
    settled = Panel("", chips, {"widest": widths}, "chips", "half of the interval", log="xy")
    beside = Panel("", np.arange(3), {"one": values, "two": values}, "device", "y", ticks="abc", intervals=True)
    (axis,) = plot_panels([over_time]).axes
    assert [text.get_text() for text in axis.get_xticklabels()] == ["20 s", "1 h", "1 day"]
    (band,) = axis.collections
    half = stats.t.ppf(0.975, 2) * stats.sem(values)
    edge = cast(Any, band.get_paths()[0].vertices)
    np.testing.assert_allclose(edge[:, 1].max(), (values.mean(axis=0) + half).max(), rtol=1e-12)
    figure = plot_panels([settled])
    figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["2", "3", "4", "6", "8"]
    assert {"0.5", "1"} <= {text.get_text() for text in figure.axes[0].get_yticklabels()}
    one, two = (line for line in plot_panels([beside]).axes[0].get_lines() if line.get_label() in ("one", "two"))
    assert not set(np.asarray(one.get_xdata()).tolist()) & set(np.asarray(two.get_xdata()).tolist())


def test_defaults_draw_every_kind_of_run(folder: Path, main, swept) -> None:
    runs = [main, swept, *read_runs([study(folder / "study")])]
    labels = [plot_runs([run]).figure.axes[0].get_xlabel() for run in runs]
    assert labels == ["time after programming", "time after programming", "epoch"]
    panels = plot_runs([main], x="time", hue="compensation", col="road").figure.axes
    assert [axis.get_title() for axis in panels] == ["direct", "hwa"]
    words = plot_runs([main], x="road", hue="compensation", where={"time": "1 day"}).figure.axes[0]
    assert [text.get_text() for text in words.get_xticklabels()] == ["direct", "hwa"]


REFUSED = {
    "axis": ({"x": "tiem"}, ["'tiem'", "did you mean 'time'?", "road", "device"]),
    "values": ({"y": "acuracy"}, ["'acuracy'", "did you mean 'accuracy'?"]),
    "path": ({"hue": "adc.bits"}, ["'adc.bits'", "tile.adc.bits"]),
    "section": ({"hue": "tile.adc.typo"}, ["'tile.adc.typo'"]),
    "list of keys": ({"x": "sweep"}, ["sweep is a section", "n_chips"]),
    "value": ({"where": {"road": "hwaa"}}, ["'hwaa'", "did you mean 'hwa'?"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_names_are_refused_with_what_there_is(name: str, main) -> None:
    arguments, words = REFUSED[name]
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        plot_runs([main], **arguments)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_curves_than_can_be_told_apart_are_refused(folder: Path) -> None:
    (run,) = read_runs([main_job(folder / "many", n_chips=9)])
    with pytest.raises(ValueError, match="chip has 9 values, and at most 8 curves"):
        plot_runs([run], x="time", hue="chip")


def test_results_of_a_sweep_are_its_metrics_of_the_chips_that_were_used(tmp_path: Path) -> None:
    """Not what a store notes for itself, nor chips that nobody needed."""
    write(tmp_path / "run", "name: a\nsweep: {n_chips: 3}\n", {})
    fill_store(tmp_path / "run", {"loss": np.ones((1, 3, 2)), "mvm_error": np.ones((1, 3, 2))}, {}, used=2)
    (run,) = read_runs([tmp_path / "run"])
    assert run.data is not None
    assert set(run.data) == {"loss", "mvm_error"}
    assert (first_values(run), run.n_chips) == ("loss", 2)
    with pytest.raises(ValueError, match="known: loss, mvm_error$"):
        plot_runs([run], y="nope")


def test_numbers_are_written_as_people_write_them() -> None:
    assert tick_text(86400.0, "s") == "1 day"
    assert tick_text(2.6e6, "s") == "30.1 days"
    assert tick_text(5e-6, "S") == "5 uS"
    assert tick_text("hwa", "1") == "hwa"


def test_words_along_an_axis_of_a_store_are_plain(tmp_path: Path) -> None:
    written = np.asarray(["gpt(dim=96)", "moe"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the format of strings
        points = {"model": ("point", written, {"units": ""})}
        fill_store(tmp_path, {"loss": np.ones((2, 1, 1))}, points, used=1)
    found = _saved_run._read_data(tmp_path)
    assert found is not None
    assert found["model"].values.astype(str).tolist() == ["gpt(dim=96)", "moe"]
    assert found["model"].attrs == {"units": ""}
