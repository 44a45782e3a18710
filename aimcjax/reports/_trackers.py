"""Numbers of a run, as it goes, to programs that draw them: one small interface."""

import abc
import importlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..components import suggest


class AbstractTracker(abc.ABC):
    """Something that takes numbers by name while a run works."""

    @abc.abstractmethod
    def scalar(self, name: str, value: float, step: int) -> None:
        """One number; `name` is a path such as `digital training/loss`, `step` counts from 0."""

    @abc.abstractmethod
    def close(self) -> None:
        """Writes what is not written yet."""


class NoTracker(AbstractTracker):
    """Takes everything and keeps nothing."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class TensorBoardTracker(AbstractTracker):
    """Event files in `folder`, for `tensorboard --logdir`; the folder is made with the first number."""

    def __init__(self, folder: Path) -> None:
        self._make = _imported("tensorboardX", "tensorboard").SummaryWriter
        self._folder, self._writer = folder, None

    def scalar(self, name: str, value: float, step: int) -> None:
        """One number, on disk within about a second: a run may be killed."""
        if self._writer is None:
            self._writer = self._make(str(self._folder), flush_secs=1)
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Ends the event file."""
        if self._writer is not None:
            self._writer.close()


class WandbTracker(AbstractTracker):
    """A run of Weights & Biases, begun with the first number, in the project `aimcjax` unless the environment names
    another; `config` goes with it."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._wandb, self._run = _imported("wandb", "wandb"), None
        self._folder, self._config = folder, dict(config)

    def scalar(self, name: str, value: float, step: int) -> None:
        """One number, against its own step: every training counts from its beginning."""
        if self._run is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._run = self._wandb.init(dir=str(self._folder), name=self._folder.name, config=self._config)
        group = name.rpartition("/")[0] or "run"
        self._run.define_metric(f"{group}/*", step_metric=f"{group}/step")
        self._run.log({name: value, f"{group}/step": step})

    def close(self) -> None:
        """Ends the run."""
        if self._run is not None:
            self._run.finish()


_TRACKERS: dict[str, Callable[[Path, Mapping[str, Any]], AbstractTracker]] = {
    "tensorboard": lambda folder, config: TensorBoardTracker(folder),
    "wandb": WandbTracker,
}
TRACKERS = tuple(_TRACKERS)


def open_tracker(name: str | None, folder: Path, config: Mapping[str, Any]) -> AbstractTracker:
    """The tracker called `name` (one of `TRACKERS`; `None` keeps nothing), which writes to `folder`; `config` goes with
    it where the program takes one.

    **Raises:** `ValueError` of one line for an unknown name, and where its package is not installed.
    """
    if name is None:
        return NoTracker()
    if name not in _TRACKERS:
        raise ValueError(f"--track: got {name!r}; {suggest(name, TRACKERS, always_list=True)}")
    return _TRACKERS[name](folder, config)


def track_summary(tracker: AbstractTracker, summary: Mapping[str, Any], prefix: str = "summary") -> None:
    """All finite numbers of a `summary`, by their paths below `prefix`; lists are counted by the step."""
    for name, value in summary.items():
        here = f"{prefix}/{name}"
        if isinstance(value, Mapping):
            track_summary(tracker, value, here)
            continue
        for step, number in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
                tracker.scalar(here, float(number), step)


def _imported(package: str, extra: str) -> Any:
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ValueError(f"--track {extra} needs {package}: pip install 'aimcjax[{extra}]'") from None
