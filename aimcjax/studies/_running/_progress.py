"""What a person sees while a run works."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress as Bars,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from ... import reports


class _Rate(ProgressColumn):
    """Steps a second since the first, which compiles."""

    def render(self, task: Task) -> Text:
        """Empty until there is one."""
        return Text(f"{task.speed:.3g}/s" if task.speed else "")


class Progress:
    """Bars for training and spinners for everything else, on standard error; silent if `quiet`. Losses also go to a
    `tracker`."""

    def __init__(self, *, quiet: bool = False, tracker: reports.AbstractTracker | None = None) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._tracker = tracker or reports.NoTracker()

    def note(self, line: str) -> None:
        """A line that a person should see."""
        self._console.print(f"aimcjax: {line}", highlight=False, markup=False, soft_wrap=True)

    @contextlib.contextmanager
    def training(self, name: str, epochs: int) -> Iterator[Callable[[int, float], None]]:
        """A bar over epochs, with their rate and the time left; yields the function to call with `(epoch, loss)`."""
        columns = (
            TextColumn("{task.description:<26}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} epochs"),
            _Rate(),
        )
        times = (TextColumn("loss {task.fields[loss]:.4f}"), TimeElapsedColumn(), TimeRemainingColumn())
        with Bars(*columns, *times, console=self._console) as bars:
            task = bars.add_task(name, total=epochs, loss=float("nan"))

            def step(epoch: int, loss: float) -> None:
                bars.update(task, completed=epoch, loss=loss)
                self._tracker.scalar(f"{name}/loss", float(loss), epoch)

            yield step

    @contextlib.contextmanager
    def working(self, name: str) -> Iterator[None]:
        """A spinner with the elapsed time."""
        columns = (TextColumn("{task.description:<26}"), SpinnerColumn(finished_text="done"), TimeElapsedColumn())
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(name, total=1)
            yield
            bars.update(task, completed=1)

    @contextlib.contextmanager
    def counting(self, name: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """A bar with the rate and the time left; yields the function to call with `(done, total)`."""
        columns = (
            TextColumn("{task.description:<26}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            _Rate(),
        )
        with Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self._console) as bars:
            task = bars.add_task(name, total=total)
            yield lambda done, total: bars.update(task, completed=done, total=total)
