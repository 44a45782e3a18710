"""The report that a person reads, and the table that the run ends with."""

from pathlib import Path
from typing import Any

import yaml

from ..chips import COMPONENTS
from ..units import format_quantity, format_time
from ._figures import write_figures
from ._results import COMPENSATIONS, ROADS, Results, write_netcdf


_DAY = 86400.0
_SHORT = {"direct": "direct", "hwa": "HWA"}


def write(results: Results, config_yaml: str, folder: Path) -> None:
    """Writes `report.md`, `figures/*.png` and `results.nc` of a run into `folder`."""
    captions = write_figures(results, folder / "figures")
    write_netcdf(results, folder / "results.nc")
    (folder / "report.md").write_text(markdown(results, config_yaml, captions), encoding="utf-8")


def score_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Header and rows of scores, `mean ± std` over chips: a row a time, a column a road."""
    metric = results.metric
    header = ["after"] + [f"{_SHORT[road]}, {name}" for road in ROADS for name in COMPENSATIONS]
    columns = [results.summarize(road, name) for road in ROADS for name in COMPENSATIONS]
    rows = [
        [format_time(float(t)), *(f"{metric.format(row.mean)} ± {metric.format(row.std)}" for row in cells)]
        for t, *cells in zip(results.times, *columns, strict=True)
    ]
    return header, rows


def cost_lines(results: Results) -> list[str]:
    """The cost of one inference in readable units."""
    cost, per_mac = results.cost, results.cost.energy_per_mac_J()
    return [
        f"energy per MAC: {float(per_mac['total']) * 1e15:.0f} fJ "
        + "(" + ", ".join(f"{name} {float(per_mac[name]) * 1e15:.1f}" for name in COMPONENTS) + ")",
        f"energy per inference: {_readable(cost.total_J, 'J')} for {cost.n_macs:,} MACs ("
        + ", ".join(f"{name} {_readable(cost.energy_J[name], 'J')}" for name in COMPONENTS)
        + ")",
        f"latency: {_readable(cost.latency_s, 's')}, batch 1, layers one after another",
        f"area: {_readable(cost.area_m2, 'm2')} for {cost.n_tiles} tiles; {cost.n_cells:,} cells hold weights",
    ]  # fmt: skip


def findings(results: Results) -> list[str]:
    """What each measure bought, in sentences with their numbers, at a day and at the end."""
    metric, base, lines = results.metric, results.baseline, []
    unit, points = metric.unit, "points" if metric.unit == "%" else metric.unit
    show, change = metric.format, lambda difference: metric.format(difference, sign=True)
    for label, index in _moments(results):
        mean = {(r, c): results.summarize(r, c)[index].mean for r in ROADS for c in COMPENSATIONS}
        neither, both = mean["direct", "uncompensated"], mean["hwa", "compensated"]
        lines.append(
            f"After {label}, neither measure leaves {show(neither)} {unit} ({change(neither - base)} {points} from the "
            f"baseline of {show(base)} {unit}). Drift compensation alone brings "
            f"{change(mean['direct', 'compensated'] - neither)} {points}, hardware-aware training alone "
            f"{change(mean['hwa', 'uncompensated'] - neither)}, both together {change(both - neither)}: "
            f"{show(both)} {unit}, {change(both - base)} from the baseline. Of what the network "
            f"learned beyond guessing, {100 * results.retained(mean['direct', 'compensated']):.1f} % are left by "
            f"direct mapping and {100 * results.retained(both):.1f} % after hardware-aware training, both compensated."
        )
    lines.append(
        f"Hardware-aware training is also more training: without any hardware the network it leaves scores "
        f"{show(results.retrained)} {unit}, {change(results.retrained - base)} {points} from the baseline."
    )
    return lines


def markdown(results: Results, config_yaml: str, captions: dict[str, str]) -> str:
    """The text of `report.md`."""
    header, rows = score_table(results)
    metric = results.metric
    n_chips = results.scores["hwa"].shape[1]
    sections = [
        f"# {results.name}: what a network scores and costs on analog chips",
        f"A network trained to **{metric.format(results.baseline)} {metric.unit}** ({metric.name}), "
        f"programmed on {n_chips} simulated chips, each programmed once and aged. *Direct mapping* programs the "
        "trained weights as they are; *hardware-aware training* (HWA) fine-tunes them first on a fresh "
        "simulated chip in every step. *Compensated* chips rescale each tile digitally by what drift took from it.",
        "## What each measure bought",
        *(f"- {line}" for line in findings(results)),
        f"## {metric.name.capitalize()} ({metric.unit}), mean ± standard deviation over {n_chips} chips",
        _table(header, rows),
        *(f"![{caption}](figures/{name})\n\n*{caption}*" for name, caption in captions.items()),
        "## Cost of one inference",
        "\n".join(f"- {line}" for line in cost_lines(results)),
        "Operations are counted as MACs (one multiply and one add). The tiles of a layer work in parallel, "
        "vectors and layers follow one another; no buffers, DRAM or leakage. The constants:",
        _cost_table(config_yaml),
        "## Models",
        "".join(f"- {line}\n" for line in results.references)
        + "- Drift compensation reads its calibration vectors on every tile, averaged until their noise is negligible "
        "(assumed).\n"
        "- Intervals: Student's t over chips, test set fixed; they say nothing of other test sets or training seeds.",
        f"## Setup\n\nWall time {results.wall_s:.0f} s. Versions are in `versions.json`, "
        "every chip's score in `results.nc`. "
        "`aimcjax run config.yaml` repeats the run.",
        f"```yaml\n{config_yaml}```",
    ]
    return "\n\n".join(sections) + "\n"


def _moments(results: Results) -> list[tuple[str, int]]:
    times = [float(t) for t in results.times]
    wanted = {times.index(_DAY)} if _DAY in times else set()
    return [(format_time(times[index]), index) for index in sorted(wanted | {len(times) - 1})]


def _readable(value: Any, unit: str) -> str:
    return format_quantity(float(f"{float(value):.3g}"), unit)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cost_table(config_yaml: str) -> str:
    constants = yaml.safe_load(config_yaml)["cost"]
    rows = [[f"`{name}`", str(each["value"]), _cell(each["source"])] for name, each in constants.items()]
    return _table(["constant", "value", "source"], rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
