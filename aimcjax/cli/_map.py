"""`aimcjax map CONFIG --out DIR`: a model on its chip, without training it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import chips, studies
from ..config import load_placed
from . import _options as options, _output as output
from ._errors import one_line


_MARKS = ("mapping_table.json", "runtime_policy.yaml")  # of what `--overwrite` replaces


def map_command(
    config: options.ConfigFile,
    overrides: options.Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Directory to write; default `maps/NAME`.")] = None,
    overwrite: options.Overwrite = False,
    show: options.Print = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Place the model of a config on its chip and write where every block lies.

    Writes `mapping_table.json`, `runtime_policy.yaml` and `per_tile_calibration/*.json`. Edit the first two and use
    them: `chip.mapping=DIR`; a study of service adds the policy to its own. Calibrations are empty, and refused if
    edited: scales and biases are made by programming trained weights, on every chip anew.

    Examples:

    - `aimcjax map configs/mlp_digits.yaml --out maps/mlp`

    - `aimcjax map configs/mlp_digits.yaml chip.design=hermes_2023 chip.strategy=communication_aware`

    - `aimcjax map configs/service_digits.yaml --out maps/service`, then
      `aimcjax run configs/service_digits.yaml chip.mapping=maps/service`
    """
    with one_line():
        resolved = load_placed(config, overrides or [])
        if show:
            output.print_config(resolved)
            return
        target = out or Path("maps") / resolved.name
        studies.check_target(target, overwrite=overwrite, marks=_MARKS)
        analog, placement = studies.place_shapes(resolved)
        with studies.new_run(target, overwrite=overwrite, marks=_MARKS) as folder:
            chips.write_artifacts(folder, analog, placement)
    used = {(item.slot.bank, item.slot.row, item.slot.col) for item in placement.items}
    if as_json:
        output.print_json(
            {"out": str(target), "blocks": len(placement.items), "layers": len(placement.layers), "tiles": len(used),
             "chip": placement.chip.name, "chip_tiles": placement.chip.count_tiles(),
             "strategy": placement.strategy}
        )  # fmt: skip
    elif not quiet:
        _show(placement, len(used), target)


def _show(placement: chips.Placement, used: int, target: Path) -> None:
    chip, console = placement.chip, Console()
    rows, cols = chip.grid or (0, 0)
    console.print(
        f"{len(placement.items):,} blocks of {len(placement.layers)} layers on {used:,} of {chip.count_tiles():,} "
        f"tiles of {chip.name} ({chip.banks} x {rows} x {cols}, {chip.tiers} tiers), {placement.strategy}",
        highlight=False,
    )
    console.print(f"mapping table: {target / 'mapping_table.json'}", highlight=False, soft_wrap=True)
