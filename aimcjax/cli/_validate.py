"""`aimcjax validate [--out DIR] [--only PATTERN] [--list] [--slow]`."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from .. import validation
from . import _options as options, _output as output
from ._errors import one_line


_COLOURS = {
    validation.Verdict.PASS: "green",
    validation.Verdict.FAIL: "bold red",
    validation.Verdict.KNOWN: "yellow",
    validation.Verdict.FITTED: "cyan",
}


def validate(
    out: Annotated[Path | None, typer.Option(help="Directory for `validation.md` and `validation.json`.")] = None,
    only: Annotated[
        str | None, typer.Option(help="A part of a name, or a pattern with `*`.", metavar="PATTERN")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="Say what would be checked and stop.")] = False,
    slow: Annotated[bool, typer.Option("--slow", help="Also what takes minutes.")] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Recompute published results and say which are reproduced.

    Ends with 0 if all are, or are known not to be, with 1 if any is not. `fitted` are those for which a constant was
    chosen, so that they agree by construction.

    Examples:

    - `aimcjax validate`

    - `aimcjax validate --only joshi2020 --out validation`

    - `aimcjax validate --list --slow`
    """
    with one_line():
        if out is not None:
            _check_folder(out)
        chosen = validation.select(validation.all_checks(), only=only, slow=slow or show)
        if show:
            if as_json:
                output.print_json([validation.described(check) for check in chosen])
            elif not quiet:
                _list(chosen)
            return
        rows = _compute(chosen, quiet=quiet or as_json)
        if out is not None:
            validation.write(rows, out)
    if as_json:
        sys.stdout.write(validation.as_json(rows))
    elif not quiet:
        _show(rows, out)
    if not validation.all_good(rows):
        raise typer.Exit(1)


def _check_folder(out: Path) -> None:
    """Before any work: makes the directory, and sees that it can be written to."""
    there = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"--out takes the name of a directory, and {there} is a file; choose another")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ValueError(f"nothing can be written to {out} ({error.strerror}); choose another --out") from None


def _compute(checks: Sequence[validation.Check], *, quiet: bool) -> list[validation.Row]:
    columns = (TextColumn("{task.description:<44}"), BarColumn(), TextColumn("{task.fields[done]}/{task.fields[n]}"))
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *times, console=Console(stderr=True, quiet=quiet)) as bars:
        task = bars.add_task("", total=sum(check.seconds for check in checks), done=0, n=len(checks))
        spent, done = 0.0, 0

        def report(check: validation.Check) -> None:
            nonlocal spent, done
            bars.update(task, description=check.id, completed=spent, done=done)
            spent, done = spent + check.seconds, done + 1

        rows = validation.run(checks, report)
        bars.update(task, description="", completed=spent, done=done)
    return rows


def _list(checks: Sequence[validation.Check]) -> None:
    table = Table("check", "source", "quantity", "published", "tolerance", "origin", "", box=box.SIMPLE_HEAD)
    for check in checks:
        published = validation.compared_with(check)
        words = (check.id, check.paper.citation, check.quantity, published, str(check.tolerance), str(check.origin))
        table.add_row(*words, "slow" if check.slow else "")
    output.console().print(table)


def _show(rows: Sequence[validation.Row], out: Path | None) -> None:
    console, table = (
        output.console(),
        Table("check", "quantity", "published", "ours", "tolerance", "", box=box.SIMPLE_HEAD),
    )
    for row in rows:
        check, colour = row.check, _COLOURS[row.verdict]
        published, ours = validation.compared_with(check), validation.shown(row.ours, check.unit)
        verdict = f"[{colour}]{row.verdict}[/{colour}]"
        table.add_row(check.id, check.quantity, published, ours if row.ours else "", str(check.tolerance), verdict)
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"{row.check.id} ({row.verdict}): {row.note}", highlight=False, markup=False)
    counts = ", ".join(f"{sum(row.verdict is verdict for row in rows)} {verdict}" for verdict in validation.Verdict)
    spent = sum(row.elapsed for row in rows)
    console.print(f"{len(rows)} checks in {spent:.0f} s: {counts}", highlight=False)
    if out is not None:
        console.print(f"report: {out / 'validation.md'}", highlight=False, soft_wrap=True)
