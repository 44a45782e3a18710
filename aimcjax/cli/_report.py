"""`aimcjax report RUN [RUN ...] --out DIR`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import reports
from ..reports import page
from . import _options as options, _output as output
from ._errors import one_line


def report(
    runs: options.Runs,
    out: Annotated[Path | None, typer.Option(help="Directory to write; default `reports/NAME`.")] = None,
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """One page about runs: setup, plots, tables in the field's form, methods with citations, how to repeat it.

    Writes `report.html`, all in one file, and the same as `report.md` with its figures; `references.bib`,
    `results_table.csv`, and the configs. Several runs are compared, chip by chip where chips are common.

    Examples:

    - `aimcjax report runs/quickstart`

    - `aimcjax report runs/six_bits runs/eight_bits --out reports/bits`
    """
    with one_line():
        found = reports.read_runs(runs)
        name = found[0].name + ("" if len(found) == 1 else f"_and_{len(found) - 1}_more")
        target = out or Path("reports") / name.replace("/", "_")
        page.check_page_target(target, overwrite=overwrite)
        page.write_page(page.make_page(found), target, overwrite=overwrite)
    if as_json:
        output.print_json(
            {"out": str(target), "report": str(target / "report.html"), "runs": [str(run) for run in runs]}
        )
    elif not quiet:
        sys.stdout.write(f"report: {target / 'report.html'}\n")
