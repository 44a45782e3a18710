"""`aimcjax sweep CONFIG [key.path=value ...]`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import jax
import typer

from .. import studies, sweeps
from ..config import load_config
from . import _options as options, _output as output
from ._distributed import join, parting, team
from ._errors import one_line
from ._following import following
from ._run import show_table


def sweep(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the sweep; default `runs/NAME`.")] = None,
    overwrite: options.Overwrite = False,
    source: options.Source = None,
    track: options.Track = None,
    only_train: Annotated[bool, typer.Option("--only-train", help="Train its networks and stop.")] = False,
    coordinator: Annotated[str | None, typer.Option(help="HOST:PORT of process 0, for several processes.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="How many processes there are.")] = None,
    process_id: Annotated[int | None, typer.Option(min=0, help="Which of them this is.")] = None,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Put a network on many chips, over time and over values of the physics; goes on where it was stopped.

    Examples:

    - `aimcjax sweep configs/sweep_digits.yaml`

    - `aimcjax sweep configs/quickstart.yaml sweep.n_chips=1000 sweep.axes="{tile.adc.bits: [4, 6, 8]}"`

    - `srun --ntasks-per-node=8 --gpus-per-node=8 aimcjax sweep CONFIG`: a task for each GPU, in a folder that all see

    - `aimcjax sweep CONFIG --coordinator localhost:1234 --processes 2 --process-id 0`, and in another shell 1
    """
    with one_line(), parting():
        # Before anything computes: a config holds arrays.
        options_given = {"--out": out, "--from": source, "--track": track}
        flags_given = {"--overwrite": overwrite, "--quiet": quiet or as_json, "--only-train": True}
        join(team(coordinator, processes, process_id),
             ["sweep", str(config), *(overrides or []), *_written(options_given, flags_given)])  # fmt: skip
        with sweeps.agreeing():
            resolved = load_config(config, overrides or [])
            if show:
                output.print_config(resolved)
                return
            first = jax.process_index() == 0
            quiet, as_json, track = quiet or as_json or not first, as_json and first, track if first else None
            target = out or Path("runs") / resolved.name
            if not overwrite and studies.is_finished_sweep(target, resolved):
                studies.check_noted(target, source)
                _nothing_to_do(target, as_json=as_json)
                return
            if first and (overwrite or not studies.is_damaged_sweep(target, resolved)):
                studies.check_target(target, overwrite=overwrite)
            how = {"overwrite": overwrite, "source": source, "only_train": only_train}
            with following(track, target, resolved, quiet=quiet) as told:
                report = studies.sweep(resolved, target, progress=told, **how)
    if report is None:
        return
    if as_json:
        output.print_summary(target)
    elif not quiet:
        show_table(report, target)


def _nothing_to_do(target: Path, *, as_json: bool) -> None:
    if jax.process_count() == 1:  # of several, the preparation of the first has said so
        sys.stderr.write(f"aimcjax: {target} is a finished sweep of this config; nothing to do\n")
    if as_json:
        output.print_summary(target)


def _written(given: Mapping[str, Any], flags: Mapping[str, bool]) -> list[str]:
    """Options as another command is given them."""
    named = [word for name, value in given.items() if value for word in (name, str(value))]
    return named + [name for name, is_set in flags.items() if is_set]
