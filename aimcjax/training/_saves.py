"""Trainings that are killed and go on: what was done, kept in a folder, to the same numbers as if it had not been."""

import json
import shutil
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax.random as jr
import numpy as np

from .. import checkpoint
from .._types import PRNGKey


EVERY = 20.0  # seconds: work that a killed process loses, beside a part of an epoch
WHOLE = 64  # batches of an epoch that is not cut
_FACTS = "save.json"
_KEPT = 2  # the last, and the one before it in case the last is damaged


class Done(NamedTuple):
    """How far a training is: `params` and the optimiser's `state`, the `losses` of the batches of the present epoch,
    how many epochs are done and how many batches of the present one, and the mean losses of the epochs."""

    params: Any
    state: Any
    losses: Any
    epoch: int
    batch: int
    history: list[float]


class Saves:
    """Where `fit` keeps what it has done, and looks for it when it begins.

    A save is written beside the others and then renamed, about every `every` seconds of wall time (seldom enough to
    take no more than a tenth of it; 0: after every batch), also within long epochs, and at the end; the last two stay.
    One that is damaged is removed with a word to `tell`, and the one before it is used.

    **Arguments:** `folder`, of this training alone, made if it is not there (`None`: nothing is kept); `every` [s], 20
    unless given; `whole`, 64 unless given: longer epochs are computed in parts, by a program that rounds otherwise
    than that of a whole epoch, and always the same; `tell(line)`, what a person should know; `clock()` [s].

    **Raises:** `OSError`, when used, if the folder cannot be written or disappears meanwhile.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        every: float | None = None,
        whole: int | None = None,
        tell: Callable[[str], None] = lambda line: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = None if folder is None else Path(folder).absolute()
        self._every = EVERY if every is None else every
        self._whole = WHOLE if whole is None else whole
        self._tell, self._clock = tell, clock
        self._identity: dict[str, Any] = {}
        self._pace, self._asked = 1, 1
        self._began = self._saved = clock()
        self._cost, self._last = 0.0, (0, 0)

    def history(self) -> list[float]:
        """The mean losses of the epochs that the last save has seen."""
        return [] if (found := self._newest()) is None else found[1]["history"]

    def begin(self, blank: Done, identity: Callable[[], dict[str, Any]]) -> Done:
        """What was done when the last save was written, like `blank`, or `blank`.

        **Raises:** `ValueError` if the save is of a training with another `identity()`, which is told by its first key.
        """
        if self.folder is None:
            return blank
        self._identity = json.loads(json.dumps(identity()))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._began = self._saved = self._clock()
        found = self._newest()
        if found is None:
            return blank
        path, facts = found
        other = [name for name, value in self._identity.items() if facts["identity"].get(name) != value]
        if other:
            raise ValueError(f"{self.folder} holds another training ({other[0]} differs); remove it or take another")
        read = lambda name: checkpoint.load(path / "arrays", name, getattr(blank, name))
        self._last = (facts["epoch"], facts["batch"])
        return Done(read("params"), read("state"), read("losses"), *self._last, facts["history"])

    def steps(self, done: int, n_batches: int) -> int | None:
        """How many batches to compute in one go after so many of an epoch; `None` for the whole of it. Which program
        that is never depends on time."""
        if self.folder is None or n_batches <= self._whole:
            return None
        self._began, self._asked = self._clock(), min(self._pace, n_batches - done)
        return self._asked

    def keep(self, done: Done, *, last: bool = False) -> None:
        """Writes a save if it is time to, or if it is the `last`."""
        if self.folder is None or self._last == (done.epoch, done.batch):
            return
        now = self._clock()
        took = max(now - self._began, 1e-9)
        self._pace = max(1, min(2 * self._pace, int(self._every * self._asked / took)))
        wait = max(self._every, 10 * self._cost) if self._every else 0.0
        if last or now - self._saved >= wait:
            self._write(done)
            self._saved, self._last = self._clock(), (done.epoch, done.batch)
            self._cost = self._saved - now

    def _write(self, done: Done) -> None:
        assert self.folder is not None
        if not self.folder.is_dir():
            raise FileNotFoundError(2, "disappeared while a training saved into it", str(self.folder))
        for left in set(self.folder.iterdir()) - set(self._paths()):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        path = self.folder / f"{done.epoch:06d}-{done.batch:09d}"
        new = path.with_suffix(".new")
        checkpoint.save(new / "arrays", params=done.params, state=done.state, losses=done.losses)
        facts = {"identity": self._identity, "epoch": done.epoch, "batch": done.batch, "history": done.history,
                 "files": checkpoint.checksums(new / "arrays")}  # fmt: skip
        (new / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        new.rename(path)
        for old in self._paths()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def _paths(self) -> list[Path]:
        """All saves, the oldest first."""
        folder = self.folder
        found = [] if folder is None or not folder.is_dir() else folder.iterdir()
        return sorted(path for path in found if path.name.replace("-", "").isdigit())

    def _newest(self) -> tuple[Path, dict[str, Any]] | None:
        """The last save that is whole; those that are not are removed."""
        for path in reversed(self._paths()):
            try:
                facts = json.loads((path / _FACTS).read_text(encoding="utf-8"))
                if checkpoint.checksums(path / "arrays") == facts["files"]:
                    return path, facts
            except (OSError, ValueError, KeyError, TypeError):
                pass
            self._tell(f"the save {path} is damaged and not used")
            shutil.rmtree(path, ignore_errors=True)
        return None


def key_words(key: PRNGKey) -> list[int]:
    """The numbers that make a key."""
    return np.asarray(jr.key_data(key)).tolist()


def checksum(*arrays: Any) -> list[Any]:
    """Shapes and a checksum of arrays."""
    whole = [np.ascontiguousarray(array) for array in arrays]
    return [[array.shape, zlib.crc32(array.data.cast("B") if array.size else b"")] for array in whole]
