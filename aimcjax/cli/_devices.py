"""`aimcjax devices [NAME] [--plot] [--verilog-a FILE]`."""

import os
import re
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
    verilog_a: Annotated[
        Path | None, typer.Option("--verilog-a", help="File to write a compact model to, for circuit simulators.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
) -> None:
    """Compare the devices that come with aimcjax, or look at one of them.

    Examples:

    - `aimcjax devices`

    - `aimcjax devices pcm_joshi2020 --plot`

    - `aimcjax devices vteam_technion --verilog-a vteam.va`
    """
    with one_line():
        if name is None:
            if plot or verilog_a is not None:
                option = "--plot" if plot else "--verilog-a"
                raise ValueError(f"{option} needs the NAME of a device; `aimcjax devices` lists them")
            _compare()
            return
        if plot and verilog_a is not None:
            raise ValueError("--plot and --verilog-a are two commands; give one of them")
        if verilog_a is not None:
            _export(name, verilog_a, overwrite=overwrite)
            return
        target = out or Path(f"{Path(name).stem}.png")
        if plot:
            _check_target(target, overwrite=overwrite, option="--out", suffix=".png")
        _show(name)
        if plot:
            _draw(name, target)


def _show(name: str) -> None:
    console, device = Console(), library.preset(name)
    for title, columns, lines in (
        (name, ("quantity", "value", "source"), reports.datasheet_lines(library.datasheet(name))),
        ("parameters", ("parameter", "value", "source"), reports.parameter_lines(device)),
    ):
        table = Table(*columns, title=title)
        for line in lines:
            table.add_row(*line)
        console.print(table)


def _check_target(target: Path, *, overwrite: bool, option: str, suffix: str) -> None:
    """Before any work: whether the file can be written there."""
    if target.suffix != suffix or target.is_dir():
        raise ValueError(f"{option} takes the name of a {suffix} file, got {target}")
    if not target.resolve().parent.is_dir():
        raise ValueError(f"there is no folder {target.parent} to write {target.name} to; make it, or choose another")
    if target.exists() and not overwrite:
        raise ValueError(f"{target} exists already; choose another {option}, or replace it with --overwrite")


def _draw(name: str, target: Path) -> None:
    device = library.preset(name)
    if not isinstance(device, library.AbstractDevice):
        raise ValueError(
            f"--plot draws programming, drift and reads, which {name} does not have; "
            "`aimcjax.reports.plot_hysteresis` draws memristors"
        )
    reports.plot_device(device, target, title=name)
    Console().print(f"drawing: {target}", highlight=False, soft_wrap=True)


def _export(name: str, target: Path, *, overwrite: bool) -> None:
    _check_target(target, overwrite=overwrite, option="--verilog-a", suffix=".va")
    text = reports.verilog_a(library.preset(name), name=re.sub(r"\W", "_", Path(name).stem, flags=re.ASCII))
    target = target.resolve()
    staged = target.with_name(f".{target.name[:100]}.{os.getpid()}.partial")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
    Console().print(f"Verilog-A: {target}", highlight=False, soft_wrap=True)


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
    for kind, names in (
        ("memristors (differential equations)", library.memristors.preset_names()),
        ("pulsed (trained in place)", library.pulsed.preset_names()),
    ):
        console.print(f"{kind}: {', '.join(names)}", highlight=False)
