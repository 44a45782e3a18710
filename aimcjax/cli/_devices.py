"""`aimcjax devices [NAME] [--plot]`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from .. import devices as library, reports
from ._errors import one_line


def devices(
    name: Annotated[str | None, typer.Argument(help="A preset, or a preset file.", metavar="[NAME]")] = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw its programming error, drift and read noise.")] = False,
    out: Annotated[Path | None, typer.Option(help="File of the drawing; default `NAME.png`.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
) -> None:
    """Compare the devices that come with aimcjax, or look at one of them.

    Examples:

    - `aimcjax devices`

    - `aimcjax devices pcm_joshi2020 --plot`
    """
    with one_line():
        if name is None:
            if plot:
                raise ValueError("--plot needs the NAME of a device; `aimcjax devices` lists them")
            _compare()
            return
        device, sheet = library.preset(name), library.datasheet(name)
        table = Table(title=name)
        for column in ("quantity", "value", "source"):
            table.add_column(column)
        for line in reports.datasheet_lines(sheet):
            table.add_row(*line)
        Console().print(table)
        if plot:
            target = out or Path(f"{Path(name).stem}.png")
            if target.exists() and not overwrite:
                raise ValueError(f"{target} exists already; choose another --out, or replace it with --overwrite")
            reports.plot_device(device, target, title=name)
            Console().print(f"drawing: {target}", highlight=False, soft_wrap=True)


def _compare() -> None:
    # Eleven columns are wider than a terminal: two tables, and the sources as lines.
    console, rows = Console(), reports.device_table(library.preset_names())
    for title, columns in (("one cell, simulated", slice(1, 6)), ("as published", slice(6, 10))):
        table = Table(Column("name", no_wrap=True), *reports.DEVICE_COLUMNS[columns], title=title)
        for row in rows:
            table.add_row(row[0], *row[columns])
        console.print(table)
    for row in rows:
        console.print(f"{row[0]}: {row[-1]}", highlight=False, soft_wrap=True)
