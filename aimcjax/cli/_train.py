"""`aimcjax train CONFIG [key.path=value ...]`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import studies
from ..config import load_config
from ._errors import one_line
from ._run import show_table


def train(
    config: Annotated[Path, typer.Argument(help="A YAML config of the main job.", metavar="CONFIG")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the config, by path.", metavar="[KEY.PATH=VALUE ...]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the networks; default `trained/NAME`.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier ones there.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print the resolved config and stop.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Train the networks of a config, and nothing else: digital, for hardware, adapters.

    Writes `checkpoint/`, the resolved config, versions, the losses of every epoch (`training_curves.csv`, `results.nc`,
    a picture) and `summary.json`. If it is interrupted, the same command goes on where it was.

    Examples:

    - `aimcjax train configs/quickstart.yaml`

    - `aimcjax train configs/quickstart.yaml hwa_training.epochs=60 --out trained/longer`

    - `aimcjax run configs/quickstart.yaml tile.adc.bits=6 --from trained/quickstart`: on chips, without training again
    """
    with one_line():
        resolved = load_config(config, overrides or [])
        if show:
            sys.stdout.write(resolved.to_yaml())
            return
        target = out or Path("trained") / resolved.name
        studies.check_target(target, overwrite=overwrite)
        report = studies.train(resolved, target, overwrite=overwrite, progress=studies.Progress(quiet=quiet))
    if not quiet:
        show_table(report, target)
