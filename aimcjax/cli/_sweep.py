"""`aimcjax sweep CONFIG [key.path=value ...]`."""

import sys
from pathlib import Path
from typing import Annotated

import jax
import typer

from .. import studies
from ..config import load_config
from ._distributed import join, team
from ._errors import one_line
from ._run import show_table


def sweep(
    config: Annotated[Path, typer.Argument(help="A YAML config; `configs/` has examples.", metavar="CONFIG")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the config, by path.", metavar="[KEY.PATH=VALUE ...]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the sweep; default `runs/NAME`.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run there.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the resolved config and stop.")] = False,
    source: Annotated[Path | None, typer.Option("--from", help="Networks of an earlier run or train.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    only_train: Annotated[bool, typer.Option("--only-train", help="Train its networks and stop.")] = False,
    coordinator: Annotated[str | None, typer.Option(help="HOST:PORT of process 0, for several processes.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="How many processes there are.")] = None,
    process_id: Annotated[int | None, typer.Option(min=0, help="Which of them this is.")] = None,
) -> None:
    """Put a network on many chips, over time and over values of the physics; goes on where it was stopped.

    Examples:

    - `aimcjax sweep configs/sweep_digits.yaml`

    - `aimcjax sweep configs/quickstart.yaml sweep.n_chips=1000 sweep.axes="{tile.adc.bits: [4, 6, 8]}"`

    - `srun -N 4 aimcjax sweep CONFIG`: one process a node, in a folder that all see

    - `aimcjax sweep CONFIG --coordinator localhost:1234 --processes 2 --process-id 0`, and in another shell 1
    """
    with one_line():
        # Before anything computes: a config holds arrays.
        arguments = [str(config), *(overrides or []), *(["--out", str(out)] if out else []),
                     *(["--from", str(source)] if source else []), *["--overwrite"] * overwrite,
                     *["--quiet"] * quiet]  # fmt: skip
        join(team(coordinator, processes, process_id), ["sweep", *arguments, "--only-train"])
        resolved = load_config(config, overrides or [])
        if show:
            sys.stdout.write(resolved.to_yaml())
            return
        quiet = quiet or jax.process_index() > 0
        target = out or Path("runs") / resolved.name
        if studies.is_finished_sweep(target, resolved):
            sys.stderr.write(f"aimcjax: {target} is a finished sweep of this config; nothing to do\n")
            return
        if jax.process_index() == 0:
            studies.check_target(target, overwrite=overwrite)
        told = studies.Progress(quiet=quiet)
        report = studies.sweep(
            resolved, target, overwrite=overwrite, progress=told, source=source, only_train=only_train
        )
        if report is None:
            return
    if not quiet:
        show_table(report, target)
