"""`aimcjax run CONFIG [key.path=value ...]`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from .. import reports, studies
from ..config import Config, load_study
from . import _options as options, _output as output
from ._errors import one_line
from ._following import following


def run(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the run; default `runs/NAME`.")] = None,
    overwrite: options.Overwrite = False,
    source: options.Source = None,
    track: options.Track = None,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train a network, program it on chips, age them, report what is left and what it costs.

    Unfinished work lies in `OUT.partial`; if it is interrupted, the same command goes on where it was.

    Examples:

    - `aimcjax run configs/quickstart.yaml`

    - `aimcjax run configs/quickstart.yaml tile.device.g_max="30 uS" sweep.n_chips=50 --out runs/30uS`

    - `aimcjax run configs/mlp_digits.yaml --print`

    - `aimcjax run configs/quickstart.yaml tile.adc.bits=6 --from trained/quickstart`: networks of an earlier run

    - `aimcjax run configs/insitu_digits.yaml`: a config names another study by its key `study`
    """
    with one_line():
        resolved = load_study(config, overrides or [])
        if show:
            output.print_config(resolved)
            return
        target = out or Path("runs") / resolved.name
        studies.check_target(target, overwrite=overwrite)
        for line in studies.cautions(resolved) if isinstance(resolved, Config) else []:
            sys.stderr.write(f"aimcjax: note: {line}\n")
        with following(track, target, resolved, quiet=quiet or as_json) as progress:
            results = studies.run(resolved, target, overwrite=overwrite, progress=progress, source=source)
    if as_json:
        output.print_summary(target)
    elif not quiet:
        if isinstance(results, reports.Results):
            _show_scores(results, target)
        else:
            show_table(results, target)


def show_table(report: reports.StudyReport, target: Path) -> None:
    """The table and the findings of a study."""
    console = output.console()
    table = Table(title=report.title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, entries in zip(report.header, zip(*report.rows, strict=True), strict=True):
        words = not any(entry[:1].isdigit() for entry in entries)
        table.add_column(name, justify="left" if words else "right", no_wrap=words, overflow="fold")
    for row in report.rows:
        table.add_row(*row)
    console.print(table)
    for line in report.findings:
        console.print(line, highlight=False)
    console.print(f"report: {target / 'report.md'}", highlight=False, soft_wrap=True)


def _show_scores(results: reports.Results, target: Path) -> None:
    console, metric = output.console(), results.metric
    header, rows = reports.score_table(results)
    n_chips = results.scores["hwa"].shape[1]
    table = Table(
        title=f"{metric.name} ({metric.unit}) over {n_chips} chips; "
        f"digital baseline {metric.format(results.baseline)} {metric.unit}"
    )
    for name in header:
        table.add_column(name.replace(", ", "\n"), justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in reports.cost_lines(results):
        console.print(line, highlight=False)
    console.print(f"report: {target / 'report.md'}", highlight=False, soft_wrap=True)
