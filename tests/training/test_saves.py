"""Trainings that are interrupted anywhere and go on to the same numbers, to the last bit."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
import pytest

from aimcjax import nn, training
from aimcjax.models import Mlp


X = np.asarray(jr.uniform(jr.key(0), (44, 8)), np.float32)  # five batches of 8, and four samples that wait
Y = (X[:, :4].sum(1) > X[:, 4:].sum(1)).astype(np.int32)
SCHEDULE = training.Schedule(epochs=3, batch_size=8, learning_rate=1e-2, weight_decay=0.1)


class Killed(BaseException):
    """What no one catches."""


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        yield


def _fit(saves: training.Saves | None, *, mesh: dict[str, int] | None = None, seed: int = 2, **how: Any):
    model = Mlp(8, 2, (8,), key=jr.key(1))
    on = None if mesh is None else training.make_mesh(mesh)
    return training.fit(model, X, Y, forward=training.digital_forward, schedule=SCHEDULE, key=jr.key(seed), mesh=on,
                        saves=saves, **how)  # fmt: skip


def _saves(folder: Path, lines: list[str] | None = None) -> training.Saves:
    """After every batch."""
    return training.Saves(folder, every=0.0, whole=0, tell=(lines if lines is not None else []).append)


@pytest.fixture
def killed_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """From now on a training is killed after so many batches."""
    keep = training.Saves.keep

    def after(batches: int) -> None:
        count = itertools.count(1)

        def kill(self: training.Saves, *args: Any, **how: Any) -> None:
            keep(self, *args, **how)
            if next(count) == batches:
                raise Killed

        monkeypatch.setattr(training.Saves, "keep", kill)

    return after


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory):
    with jax.numpy_dtype_promotion("standard"):
        return _fit(training.Saves(tmp_path_factory.mktemp("whole") / "saves", whole=0))


def _same(found: Any, expected: Any) -> None:
    assert eqx.tree_equal(jax.device_get(found[0]), jax.device_get(expected[0]))
    assert found[1] == expected[1]  # floats, equal to the last bit


def test_saving_changes_nothing(tmp_path: Path, whole) -> None:
    plain = _fit(None)
    _same(_fit(training.Saves(tmp_path, every=0.0)), plain)
    np.testing.assert_allclose(plain[1], whole[1], rtol=1e-6)
    for found, expected in zip(jax.tree.leaves(plain[0]), jax.tree.leaves(whole[0]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_goes_on_where_it_was_killed(tmp_path: Path, killed_after, whole) -> None:
    told: list[tuple[int, float]] = []
    for batches in (1, 3, 6):  # in the first epoch, after 1 and 4 batches, and at the end of the second
        killed_after(batches)
        with pytest.raises(Killed):
            _fit(_saves(tmp_path))
    killed_after(-1)
    _same(_fit(_saves(tmp_path), progress=lambda *now: told.append(now)), whole)
    assert told == [(2, whole[1][1]), (3, whole[1][2])]
    assert _saves(tmp_path).history() == whole[1]
    assert len(list(tmp_path.iterdir())) == 2
    _same(_fit(_saves(tmp_path)), whole)  # what is done is not done again


def test_goes_on_over_many_devices(tmp_path: Path, killed_after) -> None:
    mesh = {"data": 2, "model": 2}
    expected = _fit(_saves(tmp_path / "whole"), mesh=mesh)
    killed_after(7)
    with pytest.raises(Killed):
        _fit(_saves(tmp_path / "killed"), mesh=mesh)
    killed_after(-1)
    found = _fit(_saves(tmp_path / "killed"), mesh=mesh)
    _same(found, expected)
    same = lambda a, b: a.sharding.is_equivalent_to(b.sharding, a.ndim)
    assert jax.tree.all(jax.tree.map(same, *(eqx.filter(each[0], nn.trainable(each[0])) for each in (found, expected))))


@pytest.mark.parametrize("damaged", ["last", "both", "facts"])
def test_damaged_saves_are_not_used(tmp_path: Path, killed_after, whole, damaged: str) -> None:
    killed_after(4)
    with pytest.raises(Killed):
        _fit(_saves(tmp_path))
    killed_after(-1)
    first, second = sorted(tmp_path.iterdir())
    assert [path.name for path in (first, second)] == ["000000-000000003", "000000-000000004"]
    if damaged == "facts":
        (second / "save.json").write_text("{")
    for path in {"last": [second], "both": [first, second], "facts": []}[damaged]:
        largest = max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
        content = bytearray(largest.read_bytes())
        content[len(content) // 2] ^= 1  # one bit
        largest.write_bytes(content)
    lines: list[str] = []
    _same(_fit(_saves(tmp_path, lines)), whole)
    assert len(lines) == (2 if damaged == "both" else 1)
    assert all("is damaged and not used" in line and "\n" not in line for line in lines)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path, killed_after, whole) -> None:
    killed_after(2)
    with pytest.raises(Killed):
        _fit(_saves(tmp_path))
    killed_after(-1)
    shutil.copytree(max(tmp_path.iterdir()), tmp_path / "000002-000000000.new")
    _same(_fit(_saves(tmp_path)), whole)
    assert not list(tmp_path.glob("*.new"))


def test_saves_of_another_training_are_refused(tmp_path: Path, whole) -> None:
    _same(_fit(_saves(tmp_path)), whole)
    with pytest.raises(ValueError, match=r"holds another training \(key differs\)"):
        _fit(_saves(tmp_path), seed=3)


def test_a_folder_that_disappears_is_an_error(tmp_path: Path) -> None:
    vanish = lambda epoch, loss: shutil.rmtree(tmp_path / "saves")
    with pytest.raises(FileNotFoundError, match="disappeared while a training saved into it"):
        _fit(_saves(tmp_path / "saves"), progress=vanish)
    assert not (tmp_path / "saves").exists()


def test_parts_grow_to_the_interval_and_saves_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = [0.0], []
    saves = training.Saves(tmp_path, every=20.0, clock=lambda: now[0])
    monkeypatch.setattr(
        training.Saves, "_write", lambda self, done: (written.append(now[0]), now.__setitem__(0, now[0] + 0.5))
    )
    done, asked = saves.begin(training._saves.Done(None, None, None, 0, 0, []), dict), []
    for batch in range(1, 30):
        asked.append(saves.steps(0, 10_000))
        now[0] += asked[-1] * 0.25  # seconds of a batch
        saves.keep(done._replace(batch=batch))
    assert asked[:8] == [1, 2, 4, 8, 16, 32, 64, 80]
    assert set(asked[7:]) == {80}
    assert max(np.diff(written)) <= 41
    assert min(np.diff(written)) >= 20
