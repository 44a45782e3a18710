"""What runs were of, as a table: a row for each thing that one would ask first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._saved_run import SavedRun, at_path
from ..bibliography import device_name
from ._markup import UNKNOWN, escape
from ._words import STUDY_NAMES


def setup_rows(runs: Sequence[SavedRun]) -> list[list[str]]:
    """Rows of Markdown, one cell for each run; what no run has is left out."""
    rows = [[name, *(_cell(find, run) for run in runs)] for name, find in _ROWS.items()]
    return [row for row in rows if any(cell != UNKNOWN for cell in row[1:])]


def _cell(find: Callable[[SavedRun], Any], run: SavedRun) -> str:
    try:
        found = find(run)
    except (KeyError, TypeError):
        return UNKNOWN
    return UNKNOWN if found in (None, "", {}) else escape(found)


def _described(path: str) -> Callable[[SavedRun], str]:
    def find(run: SavedRun) -> str:
        part = at_path(run.config, path)
        if not isinstance(part, Mapping):
            return str(part)
        values = {key: value for key, value in part.items() if key != "type" and not isinstance(value, Mapping)}
        listed = ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)
        return f"{part.get('type', '')} ({listed})".strip() if listed else str(part.get("type", ""))

    return find


def _device(run: SavedRun) -> str:
    part = at_path(run.config, "tile.device")
    ends = [str(part[name]) for name in ("g_min", "g_max") if isinstance(part, Mapping) and name in part]
    return device_name(part) + (f", {' to '.join(ends)}" if ends else "")


def _cells(run: SavedRun) -> str:
    cells = at_path(run.config, "cells")
    many = {"": cells} if "cell" in cells else cells
    return "; ".join(f"{name} {device_name(part['cell'])}".strip() for name, part in many.items())


def _tile(run: SavedRun) -> str:
    tile = at_path(run.config, "tile")
    inside = [tile[name].get("type") for name in ("encoding", "crossbar") if isinstance(tile.get(name), Mapping)]
    return f"{tile['rows']} x {tile['cols']}, {', '.join(map(str, inside))}".rstrip(", ")


def _chip(run: SavedRun) -> str:
    design = at_path(run.config, "chip.design")
    tiles = run.summary.get("n_tiles")
    return f"{design['name']} ({design.get('source', 'no source')})" + (f", {tiles} tiles used" if tiles else "")


def _times(run: SavedRun) -> str:
    times = at_path(run.config, "sweep.times")
    return ", ".join(map(str, times)) if isinstance(times, list) else str(times)


def _wall(run: SavedRun) -> str:
    return f"{run.summary['wall_s']:.0f} s on {', '.join(map(str, run.versions.get('devices', ['unknown devices'])))}"


_ROWS: dict[str, Callable[[SavedRun], Any]] = {
    "study": lambda run: STUDY_NAMES.get(run.study, run.study),
    "data": _described("data"),
    "network": lambda run: _described("model" if "model" in run.config else "network")(run),
    "device": _device,
    "cells": _cells,
    "tile": _tile,
    "DAC": _described("tile.dac"),
    "ADC": _described("tile.adc"),
    "chip": _chip,
    "drift compensation": _described("chip.compensation"),
    "chips": lambda run: run.n_chips,
    "seeds": lambda run: at_path(run.config, "n_seeds"),
    "times": _times,
    "seed": lambda run: at_path(run.config, "seed"),
    "wall time": _wall,
    "aimcjax": lambda run: run.versions["packages"]["aimcjax"],
}
