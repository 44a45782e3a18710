"""`aimcjax map CONFIG --out DIR` and `aimcjax cost CONFIG`: a model on its chip, without training it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .. import chips, reports, studies
from ..config import load_config
from ._errors import one_line


_CONFIG = Annotated[Path, typer.Argument(help="A YAML config; `configs/` has examples.", metavar="CONFIG")]
_OVERRIDES = Annotated[
    list[str] | None, typer.Argument(help="Changes to the config, by path.", metavar="[KEY.PATH=VALUE ...]")
]


def map_command(
    config: _CONFIG,
    overrides: _OVERRIDES = None,
    out: Annotated[Path | None, typer.Option(help="Directory to write; default `maps/NAME`.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier one there.")] = False,
) -> None:
    """Place the model of a config on its chip and write where every block lies.

    Writes `mapping_table.json`, `per_tile_calibration/*.json` (empty until something is programmed) and
    `runtime_policy.yaml`. Edit the table and use it: `chip.mapping=DIR/mapping_table.json`.

    Examples:

    - `aimcjax map configs/mlp_digits.yaml --out maps/mlp`

    - `aimcjax map configs/mlp_digits.yaml chip.design=hermes_2023 chip.strategy=communication_aware`
    """
    with one_line():
        resolved = load_config(config, overrides or [])
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


def cost(
    config: _CONFIG,
    overrides: _OVERRIDES = None,
    batch: Annotated[int, typer.Option(help="Sequences at once.")] = 1,
    seq_len: Annotated[int | None, typer.Option(help="Tokens of a sequence; default, as in the data.")] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="The differentiable forms instead of the exact ones.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Chart to write; default `NAME_cost.png`.")] = None,
) -> None:
    """Say what an inference of the model of a config costs on its chip, without training it.

    Weights and inputs are not known: conductances and voltages are assumed (`aimcjax run` measures them).

    Examples:

    - `aimcjax cost configs/quickstart.yaml`

    - `aimcjax cost configs/llama_7b_plan.yaml chip.design=aimc3d_2025 --batch 4`
    """
    with one_line():
        resolved = load_config(config, overrides or [])
        target = out or Path(f"{resolved.name}_cost.png")
        if target.suffix != ".png" or not target.resolve().parent.is_dir():
            raise ValueError(f"--out takes the name of a .png file in a folder that is there, got {target}")
        _, placement = studies.place_shapes(resolved)
        found = chips.cost(placement, batch=batch, seq_len=seq_len, mode="smooth" if smooth else "exact")
        reports.plot_cost(found, target, title=f"{resolved.name} on {placement.chip.name}")
    _show(resolved.name, placement, found, target)


def _show(name: str, placement: chips.Placement, found: chips.Cost, target: Path) -> None:
    console, table = Console(), Table(title=f"{name} on {placement.chip.name}")
    for column in ("component", "energy", "share", "fJ per MAC"):
        table.add_column(column, justify="left" if column == "component" else "right")
    for row in reports.cost_rows(found):
        table.add_row(*row)
    console.print(table)
    for line in (*reports.headline_lines(found), *(f"assumed: {note}" for note in found.notes)):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"chart: {target}", highlight=False, soft_wrap=True)
