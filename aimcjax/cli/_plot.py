"""`aimcjax plot RUN [RUN ...] --x time --y accuracy --hue device`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import reports
from ..components import shorten
from ..reports import curves
from . import _options as options, _output as output
from ._errors import one_line


_SUFFIXES = (".png", ".pdf", ".svg")


def plot(
    runs: options.Runs,
    out: Annotated[Path | None, typer.Option(help="A .png, .pdf or .svg file; default `NAME_Y.png`.")] = None,
    overwrite: options.Overwrite = False,
    x: Annotated[str | None, typer.Option(help="A dimension, a swept parameter or a config path.")] = None,
    y: Annotated[str | None, typer.Option(help="One of the results, such as `accuracy`.")] = None,
    hue: Annotated[str | None, typer.Option(help="A curve for each: `device`, `road`, `tile.adc.bits`, `run`.")] = None,
    col: Annotated[str | None, typer.Option(help="A panel for each.")] = None,
    where: Annotated[list[str] | None, typer.Option(help="Keep these values only.", metavar="NAME=VALUE")] = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Draw results of runs and sweeps: means with 95 % intervals over chips.

    Whatever has no axis, colour or panel is averaged over, and the picture says so.

    Examples:

    - `aimcjax plot runs/quickstart --x time --y accuracy --hue road --where compensation=compensated`

    - `aimcjax plot runs/pcm runs/rram --x time --y accuracy --hue device --col road`

    - `aimcjax plot runs/nu_sweep --x tile.device.nu_mean --hue time --out nu.pdf`

    - `aimcjax plot runs/six_bits runs/eight_bits --hue tile.adc.bits`
    """
    with one_line():
        conditions = _conditions(where or [])
        if out is not None:
            options.check_file(out, "--out", *_SUFFIXES, overwrite=overwrite)
        found = reports.read_runs(runs)
        drawing = curves.plot_runs(found, x=x, y=y, hue=hue, col=col, where=conditions)
        target = out or Path(f"{found[0].name}_{drawing.y}.png".replace("/", "_"))
        options.check_file(target, "--out", *_SUFFIXES, overwrite=overwrite)
        drawing.figure.savefig(target, dpi=200)
    if as_json:
        output.print_json({"drawing": str(target), "y": drawing.y, "notes": list(drawing.notes)})
    elif not quiet:
        for note in drawing.notes:
            sys.stderr.write(f"aimcjax: note: {note}\n")
        sys.stdout.write(f"drawing: {target}\n")


def _conditions(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (name, _, value) in zip(texts, pairs, strict=True):
        if not name or not value:
            raise ValueError(f"--where is NAME=VALUE, such as road=hwa, got {shorten(text)}")
    return {name.strip(): value.strip() for name, _, value in pairs}
