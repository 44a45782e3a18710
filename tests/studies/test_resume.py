"""Studies that are interrupted, or killed, end with the numbers of one that was not."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import forks
import jax
import numpy as np
import pytest
import xarray as xr

from aimcjax import checkpoint, studies
from aimcjax.config import load_config
from aimcjax.studies._networks import Kept, _roads, losses
from aimcjax.training import _saves


PATH = Path(__file__).parents[2] / "configs" / "mlp_digits.yaml"
TINY = ["model.widths=[]", "tile.rows=64", "tile.cols=16", "digital_training.epochs=3", "digital_training.settle=1",
        "hwa_training.epochs=2", "sweep.n_chips=2", "sweep.times=[20 s]"]  # fmt: skip
LONGER = [*TINY, "digital_training.epochs=24", "hwa_training.epochs=8"]
CONFIG = load_config(PATH, TINY)
# Saves after every part of an epoch, for runs too short for others.
COMMAND = """
from aimcjax.training import _saves
_saves.EVERY, _saves.WHOLE = {}, {}
from aimcjax.cli import main
main()
"""


@pytest.fixture(autouse=True)
def standard_promotion():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        yield


class Notes(studies.Progress):
    """Lines that a person would see; interrupts in the given epoch of a training."""

    def __init__(self, interrupt: tuple[str, int] = ("", 0)) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []
        self.trained: list[str] = []
        self._interrupt = interrupt

    def note(self, line: str) -> None:
        """Remembered."""
        self.lines.append(line)

    @contextlib.contextmanager
    def training(self, name: str, epochs: int):
        """Remembered, and interrupted."""
        self.trained.append(name)

        def step(epoch: int, loss: float) -> None:
            if (name, epoch) == self._interrupt:
                raise KeyboardInterrupt

        yield step


def _numbers(run: Path) -> dict[str, object]:
    """Everything that a run found but how long it took."""
    summary = json.loads((run / "summary.json").read_text())
    summary.pop("wall_s")
    return {
        "summary": summary,
        "losses": losses(run),
        "curves": _curves(run),
        "results": xr.load_dataset(run / "results.nc"),
    }


def _curves(run: Path) -> str:
    path = run / "training_curves.csv"
    return path.read_text() if path.is_file() else ""


def _arrays(run: Path, config=CONFIG) -> list[np.ndarray]:
    data = config.data.load()
    blank = _roads.prepare(config, data, jax.random.key(0))
    like = {"baseline": blank, "hwa": _roads.map_directly(config, blank, data)}
    return [np.asarray(leaf) for name, model in like.items()
            for leaf in jax.tree.leaves(checkpoint.load(run / "checkpoint", name, model))
            if isinstance(leaf, jax.Array)]  # fmt: skip


def _same(found: Path, expected: Path, config=CONFIG) -> None:
    one, other = _numbers(found), _numbers(expected)
    xr.testing.assert_identical(one.pop("results"), other.pop("results"))
    assert one == other
    for a, b in zip(_arrays(found, config), _arrays(expected, config), strict=True):
        np.testing.assert_array_equal(a, b)
    names = lambda run: sorted(str(path.relative_to(run)) for path in run.rglob("*") if "/d/" not in str(path))
    assert names(found) == names(expected)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        studies.score_over_time(CONFIG, out)
    return out


def test_an_interrupted_run_goes_on_to_the_same_numbers(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_saves, "EVERY", 0.0)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        studies.score_over_time(CONFIG, out, progress=Notes(("digital training", 2)))
    assert {path.name for path in (tmp_path / "run.partial").iterdir()} == {
        "config.yaml",
        "versions.json",
        "lock",
        "training",
    }
    second = Notes(("hardware-aware training", 1))
    with pytest.raises(KeyboardInterrupt):
        studies.score_over_time(CONFIG, out, progress=second)
    assert second.lines == [f"goes on in {tmp_path / 'run.partial'}: baseline after 2 epochs"]

    monkeypatch.setattr(Kept, "scores", _interrupted_scores(Kept.scores))
    third = Notes()
    with pytest.raises(KeyboardInterrupt):
        studies.score_over_time(CONFIG, out, progress=third)
    assert third.lines == [f"goes on in {tmp_path / 'run.partial'}: baseline trained, hwa after 1 epochs"]
    assert third.trained == ["hardware-aware training"]
    monkeypatch.undo()
    (tmp_path / "run.partial" / "scores" / "hwa.npz").write_bytes(b"damaged")
    last = Notes()
    studies.score_over_time(CONFIG, out, progress=last)
    assert last.trained == []
    assert len(last.lines) == 2
    assert last.lines[1].endswith("hwa.npz are damaged and computed again")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    _same(out, whole)


def _interrupted_scores(scores):
    def interrupted(self, road: str, compute):
        found = scores(self, road, compute)
        if road == "hwa":
            raise KeyboardInterrupt
        return found

    return interrupted


def test_networks_come_from_another_run(tmp_path: Path, whole: Path) -> None:
    notes = Notes()
    studies.score_over_time(CONFIG, tmp_path / "same", progress=notes, source=whole)
    assert notes.trained == notes.lines == []
    (tmp_path / "same" / "networks_from.json").unlink()
    _same(tmp_path / "same", whole)
    with pytest.raises(ValueError, match=r"whole are others: hwa_training\.learning_rate differs"):
        other = load_config(PATH, [*TINY, "hwa_training.learning_rate=1e-4"])
        studies.score_over_time(other, tmp_path / "other", source=whole)
    with pytest.raises(ValueError, match="has no trained networks"):
        studies.score_over_time(CONFIG, tmp_path / "other", source=tmp_path)
    assert not (tmp_path / "other").exists()


def test_training_alone_writes_networks_and_their_losses(tmp_path: Path, whole: Path) -> None:
    report = studies.train(CONFIG, tmp_path / "run", progress=Notes())
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "config.yaml", "versions.json", "summary.json", "results.nc", "report.md", "figures", "checkpoint",
        "training_curves.csv",
    }  # fmt: skip
    for a, b in zip(_arrays(tmp_path / "run"), _arrays(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    assert losses(tmp_path / "run") == losses(whole)
    lines = (tmp_path / "run" / "training_curves.csv").read_text().splitlines()
    assert lines[0] == "network,epoch,loss_nat"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["baseline", "1"], ["baseline", "2"], ["baseline", "3"], ["hwa", "1"], ["hwa", "2"],
    ]  # fmt: skip
    raw = xr.load_dataset(tmp_path / "run" / "results.nc")
    np.testing.assert_array_equal(raw.loss_baseline, losses(whole)["baseline"])
    scores = json.loads((whole / "summary.json").read_text())
    assert report.summary["baseline_accuracy"] == scores["baseline_accuracy"]


def test_a_damaged_network_is_trained_again(tmp_path: Path, whole: Path) -> None:
    with pytest.raises(RuntimeError), studies.new_run(tmp_path / "run", CONFIG.to_yaml(), overwrite=False) as run:
        for name in ("baseline", "hwa"):
            source = whole / "checkpoint"
            (run / "checkpoint").mkdir(exist_ok=True)
            (run / "checkpoint" / f"{name}.json").write_bytes((source / f"{name}.json").read_bytes())
            shutil.copytree(source / name, run / "checkpoint" / name)
        largest = max((run / "checkpoint" / "hwa").rglob("*"), key=lambda path: path.stat().st_size * path.is_file())
        content = bytearray(largest.read_bytes())
        content[len(content) // 2] ^= 1
        largest.write_bytes(content)
        raise RuntimeError
    notes = Notes()
    studies.train(CONFIG, tmp_path / "run", progress=notes)
    assert notes.trained == ["hardware-aware training"]
    assert "hwa is damaged" in notes.lines[1]
    assert notes.lines[1].endswith("it is trained again")
    for a, b in zip(_arrays(tmp_path / "run"), _arrays(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def _start(*arguments: str, **flags: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "JAX_PLATFORMS": "cpu", **flags}
    command = [sys.executable, "-c", COMMAND.format(0.05, 64), *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_killed_process_goes_on(tmp_path: Path, whole: Path) -> None:
    flags = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_NUM_CPU_DEVICES": "8"}  # those of the tests
    start = lambda: _start("train", str(PATH), *TINY, "--quiet", "--out", str(tmp_path / "killed"), **flags)
    partial = tmp_path / "killed.partial"
    for pattern in ("training/baseline/*-*", "checkpoint/baseline.json"):  # in the first training, and after it
        process = start()
        while not list(partial.glob(pattern)) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -9
        assert partial.is_dir()
    process = start()
    assert process.communicate() == (None, "")
    assert process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["killed"]
    assert losses(tmp_path / "killed") == losses(whole)
    for a, b in zip(_arrays(tmp_path / "killed"), _arrays(whole), strict=True):
        np.testing.assert_array_equal(a, b)


# A line in a file for every training that begins: which, and what is done of it.
NOTED = """
begin = _saves.Saves.begin
def noted(self, blank, identity):
    done = begin(self, blank, identity)
    with open(os.environ["BEGUN"], "a") as file:
        file.write(f"{self.folder.name} {done.epoch:06d}-{done.batch:09d}\\n")
    return done
_saves.Saves.begin = noted
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[forks.Server]:
    with forks.server(tmp_path_factory.mktemp("forks")) as one:
        yield one


def _newest(run: Path) -> dict[str, str]:
    """The last save of every training at work in a run that is not complete."""
    found = sorted(path for path in run.with_name(f"{run.name}.partial").glob("training/*/*") if path.suffix != ".new")
    return {path.parent.name: path.name for path in found}


@pytest.mark.parametrize(("piece", "every"), [(8, 0.05), (64, 0.0)], ids=["epochs in parts", "whole epochs"])
def test_a_training_run_survives_kills_at_random(
    tmp_path: Path, server: forks.Server, piece: int, every: float
) -> None:
    config, before = load_config(PATH, LONGER), COMMAND.format(every, piece).partition("from aimcjax.cli")[0] + NOTED
    begun, killed, whole = (tmp_path / name for name in ("begun", "killed", "whole"))
    start = lambda name, keep: server.start(
        "train", str(PATH), *LONGER, "-q", "--out", str(tmp_path / name), before=before, keep=keep, BEGUN=str(begun)
    )
    for name in ("whole", "again"):  # the first also compiles
        began, command = time.monotonic(), start(name, True)
        assert command.wait() == 0
    duration, chance, kills, resumed = time.monotonic() - began, random.Random(piece), 0, 0
    while kills < 10 or not killed.exists():
        if killed.exists():
            _same(killed, whole, config)
            shutil.rmtree(killed)
        saved = _newest(killed)
        begun.write_text("")
        command = start("killed", False)
        if kills < 10:
            while kills > 2 and not begun.read_text() and command.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.02, 0.5) * duration)
            command.kill()
        assert command.wait() in ((0, -9) if kills < 10 else (0,))
        assert command.told == ""
        kills += command.returncode == -9
        for name, done in map(str.split, begun.read_text().splitlines()):  # what was saved is not computed again
            assert done == saved.get(name, "000000-000000000")
            resumed += name in saved
    assert resumed > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "begun", "killed", "whole"]
    _same(killed, whole, config)
