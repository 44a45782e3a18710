"""`aimcjax devices [NAME] [--plot] [--verilog-a FILE]`."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from .. import devices as library, reports
from . import _options as options, _output as output
from ._errors import one_line


def devices(
    name: Annotated[str | None, typer.Argument(help="A preset, or a preset file.", metavar="[NAME]")] = None,
    out: Annotated[Path | None, typer.Option(help="File of the drawing; default `NAME.png`.")] = None,
    overwrite: options.Overwrite = False,
    plot: Annotated[bool, typer.Option("--plot", help="Draw its programming error, drift and read noise.")] = False,
    verilog_a: Annotated[
        Path | None, typer.Option("--verilog-a", help="File to write a compact model to, for circuit simulators.")
    ] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
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
            _compare(quiet=quiet, as_json=as_json)
            return
        if plot and verilog_a is not None:
            raise ValueError("--plot and --verilog-a are two commands; give one of them")
        if verilog_a is not None:
            _export(name, verilog_a, overwrite=overwrite)
            _tell({"Verilog-A": str(verilog_a)}, quiet=quiet, as_json=as_json)
            return
        target = out or Path(f"{Path(name).stem}.png")
        if plot:
            options.check_file(target, "--out", ".png", overwrite=overwrite)
        facts = reports.datasheet_lines(library.datasheet(name)), reports.parameter_lines(library.preset(name))
        if plot:
            _draw(name, target)
        if not quiet and not as_json:
            _show(name, facts)
    if as_json:
        datasheet, parameters = ({line[0]: {"value": line[1], "source": line[2]} for line in part} for part in facts)
        drawing = {"drawing": str(target)} if plot else {}
        output.print_json({"name": name, "datasheet": datasheet, "parameters": parameters, **drawing})
    elif plot:
        _tell({"drawing": str(target)}, quiet=quiet, as_json=False)


def _tell(written: dict[str, str], *, quiet: bool, as_json: bool) -> None:
    """Which file was written."""
    if as_json:
        output.print_json(written)
    elif not quiet:
        for what, where in written.items():
            Console().print(f"{what}: {where}", highlight=False, soft_wrap=True)


def _show(name: str, facts: tuple[Any, Any]) -> None:
    console = Console()
    for title, columns, lines in (
        (name, ("quantity", "value", "source"), facts[0]),
        ("parameters", ("parameter", "value", "source"), facts[1]),
    ):
        table = Table(*columns, title=title)
        for line in lines:
            table.add_row(*line)
        console.print(table)


def _draw(name: str, target: Path) -> None:
    device = library.preset(name)
    if not isinstance(device, library.AbstractDevice):
        raise ValueError(
            f"--plot draws programming, drift and reads, which {name} does not have; "
            "`aimcjax.reports.plot_hysteresis` draws memristors"
        )
    reports.plot_device(device, target, title=name)


def _export(name: str, target: Path, *, overwrite: bool) -> None:
    options.check_file(target, "--verilog-a", ".va", overwrite=overwrite)
    text = reports.verilog_a(library.preset(name), name=re.sub(r"\W", "_", Path(name).stem, flags=re.ASCII))
    target = target.resolve()
    staged = target.with_name(f".{target.name[:100]}.{os.getpid()}.partial")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)


def _compare(*, quiet: bool, as_json: bool) -> None:
    kinds = (
        ("memristors (differential equations)", library.memristors.preset_names()),
        ("pulsed (trained in place)", library.pulsed.preset_names()),
    )
    rows = reports.device_table(library.preset_names())
    if as_json:
        table = [dict(zip(reports.DEVICE_COLUMNS, row, strict=True)) for row in rows]
        output.print_json({"devices": table, "memristors": list(kinds[0][1]), "pulsed": list(kinds[1][1])})
    elif not quiet:
        _show_all(rows, kinds)


def _show_all(rows: Sequence[Sequence[str]], kinds: Sequence[tuple[str, Sequence[str]]]) -> None:
    console = Console()
    # Eleven columns are wider than a terminal: two tables, and the sources as lines.
    for title, columns in (("one cell, simulated", slice(1, 6)), ("as published", slice(6, 10))):
        table = Table(Column("name", no_wrap=True), *reports.DEVICE_COLUMNS[columns], title=title)
        for row in rows:
            table.add_row(row[0], *row[columns])
        console.print(table)
    for row in rows:
        console.print(f"{row[0]}: {row[-1]}", highlight=False, soft_wrap=True)
    for kind, names in kinds:
        console.print(f"{kind}: {', '.join(names)}", highlight=False)
