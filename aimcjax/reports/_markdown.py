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


def accuracy_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Header and rows of accuracy in percent, `mean ± std` over chips: a row a time, a column a road."""
    header = ["after"] + [f"{_SHORT[road]}, {name}" for road in ROADS for name in COMPENSATIONS]
    columns = [results.summarize(road, name) for road in ROADS for name in COMPENSATIONS]
    rows = [
        [format_time(float(t)), *(f"{100 * row.mean:.1f} ± {100 * row.std:.1f}" for row in cells)]
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
    lines = []
    for label, index in _moments(results):
        mean = {(r, c): 100 * results.summarize(r, c)[index].mean for r in ROADS for c in COMPENSATIONS}
        base = 100 * results.baseline_accuracy
        neither, both = mean["direct", "uncompensated"], mean["hwa", "compensated"]
        lines.append(
            f"After {label}, neither measure leaves {neither:.1f} % ({neither - base:+.1f} points from the baseline of "
            f"{base:.1f} %). Drift compensation alone brings {mean['direct', 'compensated'] - neither:+.1f} points, "
            f"hardware-aware training alone {mean['hwa', 'uncompensated'] - neither:+.1f}, both together "
            f"{both - neither:+.1f}: {both:.1f} %, {both - base:+.1f} from the baseline."
        )
    lines.append(
        f"Hardware-aware training is also more training: without any hardware the network it leaves scores "
        f"{100 * results.retrained_accuracy:.1f} %, "
        f"{100 * (results.retrained_accuracy - results.baseline_accuracy):+.1f} points from the baseline."
    )
    return lines


def markdown(results: Results, config_yaml: str, captions: dict[str, str]) -> str:
    """The text of `report.md`."""
    header, rows = accuracy_table(results)
    n_chips = results.accuracy["hwa"].shape[1]
    sections = [
        f"# {results.name}: accuracy and cost of a network on analog chips",
        f"A network trained to **{100 * results.baseline_accuracy:.1f} %** test accuracy, "
        f"programmed on {n_chips} simulated chips, each programmed once and aged. *Direct mapping* programs the "
        "trained weights as they are; *hardware-aware training* (HWA) fine-tunes them first on a fresh "
        "simulated chip in every step. *Compensated* chips rescale each tile digitally by what drift took from it.",
        "## What each measure bought",
        *(f"- {line}" for line in findings(results)),
        f"## Test accuracy (%), mean ± standard deviation over {n_chips} chips",
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
        "every chip's accuracy in `results.nc`. "
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
