"""The page of a run of the benchmarks: goals and what was measured, peers, and how cost grows.

python -m experiments.benchmarks.page runs/benchmarks/summary.json [--out experiments/benchmarks]
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

from aimcjax.reports import COLOURS, MARKERS

from . import peers
from ._measure import FASTER, Row, seconds_text


TITLES = {
    "tile": "Products on tiles", "devices": "Cells", "arrays": "Arrays with wires",
    "hwa": "Training on simulated chips",
    "in_memory": "Training in the memory", "sweep": "Many chips", "cost": "What a chip costs",
    "compile": "Compilation", "growth": "Growth",
}  # fmt: skip
CURVES = {
    "batch": "vectors of a product on one tile, 512x512", "tile size": "rows and columns of one tile, batch 128",
    "tiles": "tiles that 2048x512 weights are cut into", "chips": "chips of a perceptron, at six times",
    "sequence length": "tokens of a sequence, step of a GPT", "parameters": "parameters of a GPT, its step",
}  # fmt: skip


def write(summary: Mapping[str, Any], folder: Path) -> None:
    """`README.md` and, if there are curves, `growth.png` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {name: [Row(**fields) for fields in found.get("rows", [])] for name, found in summary["benchmarks"].items()}
    curves = _curves([row for found in rows.values() for row in found])
    if curves:
        _draw(curves).savefig(folder / "growth.png", dpi=110)
    lines = [*_head(summary), *_goals(rows), *_peers(rows), *_growth(curves), *_others(rows), *_foot(summary)]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _head(summary: Mapping[str, Any]) -> Iterator[str]:
    machine = dict(summary["machine"])
    yield "# Benchmarks"
    yield ""
    yield "    python -m experiments.benchmarks --page experiments/benchmarks    # all of them, and this page"
    yield "    python -m experiments.benchmarks tile hwa                         # some; `--quick` to see that they run"
    yield ""
    yield "Both sides of a ratio do the same work, are compiled before, and run in turn in one process. Numbers are"
    yield "medians over rounds, in brackets the quartiles of the ratio. *Plain JAX* is the same without hardware."
    yield "The C library keeps memory between calls (`MALLOC_TRIM_THRESHOLD_`), for all sides."
    yield ""
    yield f"This run: {', '.join(f'{name} {value}' for name, value in machine.items())}."
    if summary.get("quick"):
        yield ""
        yield "**A quick run, at the smallest sizes: its numbers mean nothing.**"


def _goals(rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    wanted = [row for found in rows.values() for row in found if row.goal is not None]
    if not wanted:
        return
    met = sum(bool(row.met) for row in wanted)
    yield from ("", "## Goals", "", f"{met} of {len(wanted)} are met.", "")
    yield "| work | beside | measured | goal | |"
    yield "|---|---|---|---|---|"
    for row in wanted:
        goal = row.goal_text.split(":")[0]
        verdict = "met" if row.met else f"**missed**: {row.bound or 'see below'}"
        yield f"| {row.work} | {row.beside} | {_measured(row)} | {goal} | {verdict} |"


def _peers(rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    beside = [row for found in rows.values() for row in found if row.unit == FASTER and row.beside in peers.NAMES]
    yield from ("", "## Beside other simulators", "")
    if not beside:
        yield "No row in this run: none was installed, or those benchmarks were not run."
        return
    yield "AIHWKit with 8-bit inputs, ranges that learn, 8-bit outputs; no bound or noise management, which repeats"
    yield "products. How they are installed is in `peers/__init__.py`."
    yield ""
    yield from _table(beside)


def _others(rows: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    for name, found in rows.items():
        plain = [row for row in found if row.beside not in peers.NAMES and not row.curve]
        if plain:
            yield from ("", f"## {TITLES.get(name, name)}", "", *_table(plain))


def _growth(curves: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    if not curves:
        return
    yield from ("", "## How cost grows", "", "![Time and ratio to plain JAX over sizes](growth.png)")
    yield from ("", "Medians of the time; the band is the quartiles of the ratio, times plain JAX's median.")
    for name, points in curves.items():
        yield from ("", f"**{name}**: {CURVES.get(name, '')}", "")
        yield f"| {name} | {' | '.join(_number(row.at) for row in points)} |"
        yield f"|---|{'---|' * len(points)}"
        yield f"| ours | {' | '.join(seconds_text(row.ours_s) for row in points)} |"
        yield f"| plain JAX | {' | '.join(seconds_text(row.beside_s) for row in points)} |"
        yield f"| ratio | {' | '.join(f'{row.median:.2f}' for row in points)} |"


def _foot(summary: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## The run", "", "| benchmark | time | peak memory |", "|---|---|---|")
    for name, found in summary["benchmarks"].items():
        failed = "" if found["exit_code"] == 0 else " (failed)"
        yield f"| `{name}`{failed} | {found['wall_s']:.0f} s | {found['peak_GiB']:.2f} GiB |"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| work | beside | measured | ours | theirs | compile | |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        compiled = "" if (row.compile_s or 0.0) < 0.05 else f"{row.compile_s:.1f} s"
        times = f"{seconds_text(row.ours_s)} | {seconds_text(row.beside_s)}"
        yield f"| {row.work} | {row.beside} | {_measured(row)} | {times} | {compiled} | {row.note} |"


def _measured(row: Row) -> str:
    quartiles = f" [{_number(row.low)}, {_number(row.high)}]" if row.low != row.high else ""
    return f"{_number(row.median)}{quartiles} {row.unit}"


def _number(x: float | None) -> str:
    if x is None:
        return ""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"


def _curves(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found = {name: sorted((row for row in rows if row.curve == name), key=lambda row: row.at or 0.0) for name in CURVES}
    return {name: points for name, points in found.items() if points}


def _draw(curves: Mapping[str, Sequence[Row]]) -> Figure:
    """Times of both sides, on logarithmic axes, and their ratio, by curve; the band, its quartiles."""
    figure = Figure(figsize=(12.5, 6.8), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    for axis, (name, points) in zip(axes, curves.items(), strict=False):
        x = [row.at for row in points]
        for k, (label, ys) in enumerate(
            (("ours", [row.ours_s for row in points]), ("plain JAX", [row.beside_s for row in points]))
        ):
            axis.loglog(x, ys, color=COLOURS[k], marker=MARKERS[k], linestyle="-" if k == 0 else "--", label=label)
        low, high = ([getattr(row, end) * (row.beside_s or 0.0) for row in points] for end in ("low", "high"))
        axis.fill_between(x, low, high, color=COLOURS[0], alpha=0.25, linewidth=0)
        for row in points:
            where = (row.at, row.ours_s)
            axis.annotate(f"{row.median:.2g}x", where, (0, 6), textcoords="offset points", ha="center", fontsize=8)
        axis.set_xlabel(CURVES[name], fontsize="small")
        axis.set_ylabel("time" if name != "chips" else "time for one of them")
        axis.set_title(name, fontsize="medium")
        axis.set_xticks(x, [_short(value) for value in x])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(EngFormatter(unit="s", sep=" "))
        axis.margins(x=0.1, y=0.18)
        low, high = axis.get_ylim()
        axis.yaxis.set_major_locator(LogLocator(10, (1.0,) if high >= 100 * low else (1.0, 2.0, 5.0), numticks=12))
        axis.grid(alpha=0.3)
    for axis in axes[len(curves) :]:
        axis.set_visible(False)
    axes[0].legend()
    return figure


def _short(x: float | None) -> str:
    return "" if x is None else f"{x / 1e6:.2g} M" if x >= 1e6 else f"{x / 1e3:.0f} k" if x >= 1e4 else f"{x:.0f}"


def main() -> int:
    """Reads a summary, writes its page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("summary", type=Path)
    parser.add_argument("--out", type=Path, help="folder to write to, default that of the summary")
    asked = parser.parse_args()
    write(json.loads(asked.summary.read_text(encoding="utf-8")), asked.out or asked.summary.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
