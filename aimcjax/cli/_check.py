"""`aimcjax check CONFIG [key.path=value ...]`."""

from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from .. import studies
from ..config import load_study
from . import _options as options, _output as output
from ._errors import one_line


_MOST_ROWS = 8


def check(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    fast: Annotated[bool, typer.Option("--fast", help="Check alone: no estimate of time.")] = False,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Check a config without running it, and estimate its time, memory and tiles.

    Data are there, the network converts and fits the chip, trainings and values of a sweep are possible. Tiles are
    exact. Time is an estimate: operations of the network over the speed of this machine, which is measured in a second;
    expect it to be right to within a factor of three or so.

    Examples:

    - `aimcjax check configs/quickstart.yaml`

    - `aimcjax check configs/sweep_digits.yaml sweep.n_chips=1000`

    - `aimcjax check configs/char_gpt.yaml --fast --json`
    """
    with one_line():
        resolved = load_study(config, overrides or [])
        if show:
            output.print_config(resolved)
            return
        found = studies.check(resolved, estimate=not fast)
    if as_json:
        output.print_json(found.tree())
    elif not quiet:
        _show(found)


def _show(found: studies.Outlook) -> None:
    console = Console()
    console.print(f"[bold green]{found.name}[/bold green]: a valid config of {found.study}", highlight=False)
    for what, value in found.facts:
        console.print(f"  {what:<9}{value}", highlight=False, markup=False)
    if found.parts:
        table = Table(
            "", "", "to compile", "to run", box=box.SIMPLE_HEAD, title="time, estimated", title_justify="left"
        )
        for part in found.shown(_MOST_ROWS):
            table.add_row(part.name, part.words, *map(studies.in_words, (part.compile_s, part.run_s)))
        console.print(table)
        console.print(f"  time     about {studies.in_words(found.seconds)} on this machine", highlight=False)
    if found.bytes is not None:
        console.print(f"  memory   about {_size(found.bytes)} on each device", highlight=False)
    for note in found.notes:
        console.print(f"  note     {note}", highlight=False, markup=False)


def _size(n_bytes: float) -> str:
    mebibytes = n_bytes / 2**20
    if mebibytes < 1:
        return "1 MiB or less"
    return f"{mebibytes / 1024:,.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:,.0f} MiB"
