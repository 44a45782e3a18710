"""What a person sees while a run works."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress as Bars, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Progress:
    """Bars for training and spinners for everything else, on standard error; silent if `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)

    @contextlib.contextmanager
    def training(self, name: str, epochs: int) -> Iterator[Callable[[int, float], None]]:
        """A bar over epochs; yields the function to call with `(epoch, loss)`."""
        columns = (
            TextColumn("{task.description:<26}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} epochs"),
        )
        times = (TextColumn("loss {task.fields[loss]:.4f}"), TimeElapsedColumn(), TimeRemainingColumn())
        with Bars(*columns, *times, console=self._console) as bars:
            task = bars.add_task(name, total=epochs, loss=float("nan"))
            yield lambda epoch, loss: bars.update(task, completed=epoch, loss=loss)

    @contextlib.contextmanager
    def working(self, name: str) -> Iterator[None]:
        """A spinner with the elapsed time."""
        columns = (TextColumn("{task.description:<26}"), SpinnerColumn(finished_text="done"), TimeElapsedColumn())
        with Bars(*columns, console=self._console) as bars:
            task = bars.add_task(name, total=1)
            yield
            bars.update(task, completed=1)
