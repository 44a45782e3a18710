"""The command line: `aimcjax run`, `train`, `sweep`, `check`, `plan`, `map`, `cost`, `devices`, `fit`, `plot`,
`report`, `cite`, `validate`, `schema`."""

import importlib.metadata
import signal
import sys
from typing import Annotated, Any

import typer

from ._check import check
from ._cite import cite
from ._cost import cost
from ._devices import devices
from ._errors import refuse
from ._fit import fit
from ._map import map_command
from ._plan import plan
from ._plot import plot
from ._report import report
from ._run import run
from ._schema import schema
from ._sweep import sweep
from ._train import train
from ._validate import validate


_UsageError: Any = typer.BadParameter.__base__  # Typer exports no name for it

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> bool:
    if asked:
        sys.stdout.write(f"aimcjax {importlib.metadata.version('aimcjax')}\n")
        raise typer.Exit
    return asked


@app.callback()
def _describe(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Analog in-memory computing in JAX: does *your* network survive on *that* device, and what does it cost?

    Example: `aimcjax run configs/quickstart.yaml`
    """


for _command in (run, train, sweep, check, plan, cost, devices, fit, plot, report, cite, validate, schema):
    app.command()(_command)
app.command("map")(map_command)


def _path(error: Any) -> str:
    return error.ctx.command_path if getattr(error, "ctx", None) else "aimcjax"


def _stop(*_: Any) -> None:
    # Leaves through `finally`: nothing half-written stays. Where a callback of the garbage collector swallows the exit,
    # the timer asks again, without a word.
    sys.unraisablehook = lambda _: None
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    sys.exit(143)


def main() -> None:
    """Entry point of the `aimcjax` command."""
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _stop)
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], standalone_mode=False))
    except _UsageError as error:
        sys.exit(refuse(f"{error.format_message()} See `{_path(error)} --help`.").exit_code)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
