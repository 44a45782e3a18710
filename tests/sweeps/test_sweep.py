"""The same numbers however the work is cut; one program for all values."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import small_sweep as small
import tolerances
import xarray as xr
from jax.sharding import Mesh

from aimcjax import nn, sweeps
from aimcjax.sweeps import _program_choice, _sweep
from aimcjax.sweeps._cells import CellProgram
from aimcjax.training import accuracy


SAME = 1e-6  # of numbers that differ in nothing but who computed them


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return small.swept()


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CellProgram]]:
    """The programs that a test compiles."""
    made: list[CellProgram] = []
    build = CellProgram.__init__

    def noted(self: CellProgram, *arguments: object, **named: object) -> None:
        made.append(self)
        build(self, *arguments, **named)

    monkeypatch.setattr(CellProgram, "__init__", noted)
    return made


def _same(found: xr.Dataset, expected: xr.Dataset) -> None:
    assert set(found) == set(expected)
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=SAME, err_msg=str(name))


def test_results_are_over_axes_chips_and_times(whole: xr.Dataset) -> None:
    assert whole["loss"].dims == ("strength", "chip", "time")
    assert whole["loss"].shape == (3, 9, 2)
    assert whole["strength"].values.tolist() == [1.0, 0.5, 0.0]
    assert whole["time"].values.tolist() == [20.0, 86400.0]
    assert whole["time"].attrs["units"] == "s"
    assert np.all(np.isfinite(whole["loss"]))
    assert len(np.unique(whole["loss"])) > 50


def test_numbers_are_those_of_single_chips(whole: xr.Dataset) -> None:
    @jax.jit
    def logits_of(network, key):
        key_program, key_read = jr.split(key)
        aged = nn.at(nn.program(network, key=key_program), t=small.TIMES[1])
        return nn.apply(aged, small.XS, key=key_read)

    networks = small.networks()
    for p, c in ((0, 0), (2, 8)):
        logits = np.asarray(logits_of(networks[p], jr.split(small.KEY, 9)[c]), np.float64)
        label = logits[np.arange(21), np.asarray(small.LABELS)]
        loss = np.mean(np.log(np.sum(np.exp(logits), axis=1)) - label)
        np.testing.assert_allclose(whole["loss"][p, c, 1], loss, atol=tolerances.PRIMITIVE)
        right = np.mean(np.argmax(logits, axis=1) == np.asarray(small.LABELS))
        np.testing.assert_allclose(whole["accuracy"][p, c, 1], right, atol=SAME)


def test_scores_over_time_are_the_same_numbers(whole: xr.Dataset) -> None:
    strengths = jnp.asarray([1.0, 0.5, 0.0])
    found = sweeps.score_over_time(
        small.analog(), small.XS, small.LABELS, score=accuracy, n_chips=9, times=small.TIMES, strengths=strengths,
        key=small.KEY,
    )  # fmt: skip
    np.testing.assert_allclose(found, whole["accuracy"], atol=SAME)


@pytest.mark.parametrize("n_devices", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4))])
def test_devices_do_not_matter(whole: xr.Dataset, n_devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jax.local_device_count() == 8  # of `whole`
    devices = np.asarray(jax.local_devices()[:n_devices])
    auto = (jax.sharding.AxisType.Auto,)
    monkeypatch.setattr(_program_choice, "local_mesh", lambda: Mesh(devices, ("cell",), axis_types=auto))
    _same(small.swept(), whole)


def test_chunks_do_not_matter_and_fewer_chips_are_the_first(whole: xr.Dataset) -> None:
    for changes in ({"chunk": 1}, {"chunk": 100}, {"chunk": 3, "n_chips": 5}):
        _same(small.swept(**changes), whole.isel(chip=slice(0, changes.get("n_chips", 9))))


def test_memory_does_not_matter_and_is_kept(programs: list[CellProgram]) -> None:
    n = 1000
    xs, labels = (jnp.resize(array, (n, *array.shape[1:])) for array in (small.XS, small.LABELS))

    def swept(memory: int | None) -> xr.Dataset:
        programs.clear()
        return sweeps.sweep(
            small.networks()[:1], xs, labels, metrics=small.METRICS, n_chips=4, times=small.TIMES, key=small.KEY,
            memory=memory,
        )  # fmt: skip

    expected = swept(None)
    (free,) = programs
    assert free.work.samples == n
    memory = int(0.4 * free.bytes_on_device)
    _same(swept(memory), expected)
    assert programs[0].bytes_on_device > memory >= programs[-1].bytes_on_device
    assert 0.1 * n < programs[-1].work.samples < 0.5 * n
    with pytest.raises(MemoryError, match=r"one sample on one chip needs .* MiB, the budget is 0\.0 MiB; give the"):
        swept(8)


@pytest.mark.slow
def test_side_by_side_on_accelerators_does_not_matter(
    whole: xr.Dataset, programs: list[CellProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_program_choice.jax, "default_backend", lambda: "gpu")
    _same(small.swept(), whole)
    assert programs[-1].work.group > 1


def test_values_share_a_program_and_sizes_do_not(whole: xr.Dataset, programs: list[CellProgram]) -> None:
    models = [*small.networks(), *(nn.with_compensation_strength(small.analog(rows=6), s) for s in (1.0, 0.0))]
    found = small.swept(models, points=None, axes=None)
    assert [program.structure.points for program in programs] == [(0, 1, 2), (3, 4)]
    assert found["loss"].dims == ("point", "chip", "time")
    _same(found.isel(point=slice(0, 3)), whole)
    assert np.abs(found["loss"][3] - found["loss"][0]).max() > 1e-3


@pytest.mark.parametrize("chunk", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_until_the_interval_is_narrow(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sweep, "FIRST_ROUND", 4)
    both = small.swept(n_chips=20)
    full = both["loss"]
    widths = {n: float(sweeps.statistics(full.isel(chip=slice(0, n))).pipe(_width)) for n in (4, 8, 16, 20)}
    assert widths[8] < widths[4]
    between = (widths[8] + widths[4]) / 2
    found = small.swept(n_chips=20, chunk=chunk, until=sweeps.Until(between))
    assert found.sizes["chip"] == 8
    _same(found[["loss"]], full.isel(chip=slice(0, 8)).to_dataset())
    accuracies = sweeps.statistics(both["accuracy"].isel(chip=slice(0, 8))).pipe(_width)
    assert accuracies > between  # the named metric decides, not the first one
    assert small.swept(n_chips=20, chunk=chunk, until=sweeps.Until(between, "accuracy")).sizes["chip"] > 8
    if chunk == 5:
        assert small.swept(n_chips=20, chunk=chunk, until=sweeps.Until(1e-9, "loss")).sizes["chip"] == 20


def _width(table: xr.Dataset) -> xr.DataArray:
    return (table["high"] - table["mean"]).max()


def test_progress_counts_cells() -> None:
    told: list[tuple[int, int]] = []
    small.swept(progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (27, 27)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) == 9  # three chunks of every point


def test_numbers_that_cannot_be() -> None:
    for changes, told in (
        ({"n_chips": 0}, "at least one chip, got n_chips=0"),
        ({"metrics": {}}, "at least one network, one metric and one time"),
        ({"points": small.POINTS[:2]}, "got 2 points and 3 networks"),
        ({"until": sweeps.Until(0.1, "speed")}, "no metric 'speed'; there are loss, accuracy"),
        ({"until": sweeps.Until(0.0)}, r"ci95 is above zero, got 0\.0"),
    ):
        with pytest.raises(ValueError, match=told):
            small.swept(**changes)
