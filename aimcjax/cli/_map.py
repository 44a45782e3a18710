"""`aimcjax map CONFIG --out DIR`: a model on its chip, without training it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import chips, studies
from ..config import load_placed
from ._errors import one_line


def map_command(
    config: Annotated[Path, typer.Argument(help="A YAML config; `configs/` has examples.", metavar="CONFIG")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to the config, by path.", metavar="[KEY.PATH=VALUE ...]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to write; default `maps/NAME`.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier one there.")] = False,
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
        target = out or Path("maps") / resolved.name
        studies.check_target(target, overwrite=overwrite)
        analog, placement = studies.place_shapes(resolved)
        with studies.new_run(target, overwrite=overwrite) as folder:
            chips.write_artifacts(folder, analog, placement)
    chip, console = placement.chip, Console()
    used = {(item.slot.bank, item.slot.row, item.slot.col) for item in placement.items}
    rows, cols = chip.grid or (0, 0)
    console.print(
        f"{len(placement.items):,} blocks of {len(placement.layers)} layers on {len(used):,} of {chip.count_tiles():,} "
        f"tiles of {chip.name} ({chip.banks} x {rows} x {cols}, {chip.tiers} tiers), {placement.strategy}",
        highlight=False,
    )
    console.print(f"mapping table: {target / 'mapping_table.json'}", highlight=False, soft_wrap=True)
