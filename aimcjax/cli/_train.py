"""`aimcjax train CONFIG [key.path=value ...]`."""

from pathlib import Path
from typing import Annotated

import typer

from .. import studies
from ..config import load_config
from . import _options as options, _output as output
from ._errors import one_line
from ._following import following
from ._run import show_table


def train(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the networks; default `trained/NAME`.")] = None,
    overwrite: options.Overwrite = False,
    track: options.Track = None,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
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
            output.print_config(resolved)
            return
        target = out or Path("trained") / resolved.name
        studies.check_target(target, overwrite=overwrite)
        with following(track, target, resolved, quiet=quiet or as_json) as progress:
            report = studies.train(resolved, target, overwrite=overwrite, progress=progress)
    if as_json:
        output.print_summary(target)
    elif not quiet:
        show_table(report, target)
