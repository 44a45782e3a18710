"""The command line: `aimcjax run CONFIG [key.path=value ...]`."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from jax.errors import JaxRuntimeError
from rich.console import Console
from rich.table import Table

from . import reports, studies
from .config import ConfigError, load_config


_UsageError: Any = typer.BadParameter.__base__  # Typer exports no name for it

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback()
def _describe() -> None:
    """Analog in-memory computing in JAX: does *your* network survive on *that* device, and what does it cost?

    Example: `aimcjax run configs/quickstart.yaml`
    """


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="A YAML config; `configs/` has examples.", metavar="CONFIG")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the config, by path.", metavar="[KEY.PATH=VALUE ...]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the run; default `runs/NAME`.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run there.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the resolved config and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Train a network, program it on chips, age them, report accuracy and cost.

    Examples:

    - `aimcjax run configs/quickstart.yaml`

    - `aimcjax run configs/quickstart.yaml tile.device.g_max="30 uS" sweep.n_chips=50 --out runs/30uS`

    - `aimcjax run configs/mlp_digits.yaml --print`
    """
    try:
        resolved = load_config(config, overrides or [])
        if show:
            sys.stdout.write(resolved.to_yaml())
            return
        target = out or Path("runs") / resolved.name
        studies.check_target(target, overwrite=overwrite)
        results = studies.accuracy_over_time(
            resolved, target, overwrite=overwrite, progress=studies.Progress(quiet=quiet)
        )
    except (ConfigError, ValueError, FloatingPointError, MemoryError, JaxRuntimeError) as error:
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # which JAX raises as several types
            raise _refuse(f"out of memory, try fewer chips or a smaller model: {error}") from None
        if isinstance(error, JaxRuntimeError):
            raise
        raise _refuse(str(error)) from None
    if not quiet:
        _show(results, target)


def main() -> None:
    """Entry point of the `aimcjax` command."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through `finally`: nothing half-written stays
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except _UsageError as error:
        sys.exit(_refuse(f"{error.format_message()} See `aimcjax run --help`.").exit_code)


def _refuse(message: str) -> typer.Exit:
    line = " ".join(message.split())
    sys.stderr.write(f"aimcjax: {line}\n")
    return typer.Exit(2)


def _show(results: reports.Results, target: Path) -> None:
    console = Console()
    header, rows = reports.accuracy_table(results)
    n_chips = results.accuracy["hwa"].shape[1]
    table = Table(
        title=f"test accuracy (%) over {n_chips} chips; digital baseline {100 * results.baseline_accuracy:.1f} %"
    )
    for name in header:
        table.add_column(name.replace(", ", "\n"), justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in reports.cost_lines(results):
        console.print(line, highlight=False)
    console.print(f"report: {target / 'report.md'}", highlight=False, soft_wrap=True)
