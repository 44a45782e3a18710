"""Trackers: what was given to them is in the event file, and a run gives its losses."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from aimcjax import cli, reports, studies


pytest.importorskip("tensorboardX")

CONFIG = str(Path(__file__).parents[2] / "configs" / "mlp_digits.yaml")


def _read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every scalar of the event files in `folder`, as TFRecords hold them."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(folder.glob("events.*")):
        data, start = path.read_bytes(), 0
        while start + 8 <= len(data):
            size = int(np.frombuffer(data[start : start + 8], np.uint64)[0])
            event = Event.FromString(data[start + 12 : start + 12 + size])
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
            start += size + 16
    return found


def test_tensorboard_holds_every_number_before_it_is_closed(tmp_path: Path) -> None:
    tracker = reports.open_tracker("tensorboard", tmp_path / "run", {})
    assert not (tmp_path / "run").exists()
    for step, value in enumerate((2.5, 1.25, 0.5)):
        tracker.scalar("digital training/loss", value, step)
    wanted = {"digital_training/loss": [(0, 2.5), (1, 1.25), (2, 0.5)]}
    for _ in range(100):  # as a run that is killed a little later leaves it
        if _read(tmp_path / "run") == wanted:
            break
        time.sleep(0.1)
    assert _read(tmp_path / "run") == wanted
    tracker.close()


def test_a_summary_is_tracked_number_by_number(tmp_path: Path) -> None:
    tracker = reports.open_tracker("tensorboard", tmp_path, {})
    reports.track_summary(tracker, {"a": 1, "b": {"c": [0.5, float("nan"), 2.0]}, "word": "x", "yes": True})
    tracker.close()
    assert _read(tmp_path) == {"summary/a": [(0, 1.0)], "summary/b/c": [(0, 0.5), (2, 2.0)]}


def test_no_tracker_keeps_nothing(tmp_path: Path) -> None:
    tracker = reports.open_tracker(None, tmp_path / "run", {})
    tracker.scalar("loss", 1.0, 0)
    tracker.close()
    assert list(tmp_path.iterdir()) == []


def test_a_command_tracks_losses_and_its_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretended(config: Any, out: Path, *, progress: studies.Progress, **_: Any) -> Any:
        with progress.training("digital training", 2) as step:
            step(1, 0.75)
            step(2, 0.25)
        out.mkdir(parents=True)
        (out / "summary.json").write_text('{"accuracy": 0.5}')

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(studies, "run", pretended)
    result = CliRunner().invoke(cli.app, ["run", CONFIG, "--track", "tensorboard", "--quiet"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert _read(tmp_path / "runs" / "tensorboard" / "mlp_digits") == {
        "digital_training/loss": [(1, 0.75), (2, 0.25)],
        "summary/accuracy": [(0, 0.5)],
    }


@pytest.mark.parametrize("name", ["tensorbord", "wandb"])
def test_an_unknown_or_missing_tracker_is_refused_before_any_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)  # as where it is not installed
    result = CliRunner().invoke(cli.app, ["train", CONFIG, "--track", name])
    assert result.exit_code == 2
    assert ("did you mean 'tensorboard'" if name == "tensorbord" else "pip install 'aimcjax[wandb]'") in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


class _Wandb:
    """Stands for the package `wandb`, and remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def init(self, **how: Any) -> "_Wandb":
        assert Path(how["dir"]).is_dir()  # without it, wandb writes elsewhere
        self.told.append(("init", how["name"], how["config"]["name"]))
        return self

    def define_metric(self, name: str, *, step_metric: str) -> None:
        self.told.append(("metric", name, step_metric))

    def log(self, numbers: dict[str, float]) -> None:
        self.told.append(("log", numbers))

    def finish(self) -> None:
        self.told.append(("finish",))


def test_wandb_holds_every_number_against_its_own_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", wandb := _Wandb())
    tracker = reports.open_tracker("wandb", tmp_path / "tiny", {"name": "tiny"})
    assert wandb.told == []  # begun with the first number
    tracker.scalar("digital training/loss", 0.75, 3)
    reports.track_summary(tracker, {"scores": [0.5, 0.25]})
    tracker.close()
    assert wandb.told == [
        ("init", "tiny", "tiny"),
        ("metric", "digital training/*", "digital training/step"),
        ("log", {"digital training/loss": 0.75, "digital training/step": 3}),
        ("metric", "summary/*", "summary/step"),
        ("log", {"summary/scores": 0.5, "summary/step": 0}),
        ("metric", "summary/*", "summary/step"),
        ("log", {"summary/scores": 0.25, "summary/step": 1}),
        ("finish",),
    ]
