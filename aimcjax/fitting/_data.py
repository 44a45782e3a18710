"""Measured data from CSV files: three formats, with units in the header, or one line that says what is wrong."""

import csv
import dataclasses
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..units import UNITS, parse_quantity


_UNITS = {"t": "s", "v": "V", "i": "A", "g": "S", "w": "1", "pulse": "1", "cell": "1"}
_WORDS = {"iv_sweep": "an IV sweep", "pulse_train": "a pulse train", "drift_trace": "a drift trace"}
_COLUMNS = {
    "iv_sweep": [("t", "v", "i")],
    "pulse_train": [("pulse", "w"), ("pulse", "g")],
    "drift_trace": [("t", "g"), ("t", "g", "cell")],
}
FORMATS = {
    "iv_sweep": "t [s], v [V], i [A]",
    "pulse_train": "pulse [1], w [1] or pulse [1], g [S]",
    "drift_trace": "t [s], g [S] or t [s], g [S], cell [1]",
}


@dataclasses.dataclass(frozen=True)
class Data:
    """One measurement: its `format` (a key of `FORMATS`), `columns` in SI by name, the `name` of its file and the
    `sha256` of its bytes."""

    format: str
    columns: Mapping[str, np.ndarray]
    name: str = "data"
    sha256: str = ""

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def words(self) -> str:
        """What it is, with an article."""
        return _WORDS[self.format]


def unit_of(column: str) -> str:
    """The SI unit of the column called `column`."""
    return _UNITS[column]


def words_of(name: str) -> str:
    """What the format called `name` is, with an article."""
    return _WORDS[name]


def read_csv(path: str | Path) -> Data:
    """Reads a measurement; which of the formats it has follows from its columns.

    - IV sweep: `t [s], v [V], i [A]`, the voltage across the cell and the current through it, by time.
    - pulse train: `pulse [1]` and `w [1]` or `g [S]`: the direction (+1, -1, 0 for none) of the pulse that was applied
      *before* the reading of the weight or conductance in the same row.
    - drift trace: `t [s], g [S]`, the conductance at `t` after programming; with `cell [1]`, a number, several traces.

    The first line names the columns, in any order, with their units: any that `aimcjax.units` knows, such as `t [ms]`.
    Lines that start with `#` and empty lines are skipped.

    **Raises:** `ValueError`, one line: a file that is missing, empty or not text, columns or units that are missing
    or unknown, a cell that is not a finite number, times that do not increase, too few rows.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file (UTF-8); export the data as CSV") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from None
    lines = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValueError(f"{path} is empty; expected a header such as '{FORMATS['iv_sweep']}' and one line per sample")
    try:
        header = [_column(field) for field in next(csv.reader([lines[0][1]]))]
        format = _format([name for name, _ in header])
        rows = [_row(number, line, header) for number, line in lines[1:]]
        values = np.array(rows, dtype=np.float64).reshape(len(rows), len(header))
        columns = {name: values[:, k] for k, (name, _) in enumerate(header)}
        return Data(format, columns, path.name, hashlib.sha256(raw).hexdigest())
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None


def _column(field: str) -> tuple[str, float]:
    """Name and multiplier of one field of the header, `name [unit]`."""
    name, bracket, rest = field.strip().partition("[")
    name, rest = name.strip(), rest.strip()
    known = ", ".join(_UNITS)
    if name not in _UNITS:
        raise ValueError(f"unknown column {field.strip()[:40]!r} in the header; known: {known}, each with [unit]")
    unit = _UNITS[name]
    if not bracket or not rest.endswith("]"):
        raise ValueError(f"column {name} has no unit; write '{name} [{unit}]' in the header")
    spelling = rest[:-1].strip()
    if spelling == "1" and unit == "1":
        return name, 1.0
    try:
        return name, parse_quantity(f"1 {spelling}", unit) if spelling else _no_unit(name, unit)
    except ValueError:
        spellings = "1, %" if unit == "1" else ", ".join(UNITS[unit])
        raise ValueError(f"column {name} has the unit [{spelling}]; expected one of {spellings}") from None


def _no_unit(name: str, unit: str) -> float:
    raise ValueError(f"column {name} has no unit in [{unit}]")


def _format(names: list[str]) -> str:
    for format, choices in _COLUMNS.items():
        if any(sorted(names) == sorted(choice) for choice in choices):
            return format
    formats = "; ".join(f"{_WORDS[name]} has {columns}" for name, columns in FORMATS.items())
    raise ValueError(f"the columns {', '.join(names)} are no known format: {formats}")


def _row(number: int, line: str, header: list[tuple[str, float]]) -> list[float]:
    cells = next(csv.reader([line]))
    if len(cells) != len(header):
        raise ValueError(f"line {number} has {len(cells)} values, the header has {len(header)} columns")
    row = []
    for text, (name, factor) in zip(cells, header, strict=True):
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"line {number}, column {name}: expected a number, got {text.strip()[:40]!r}") from None
        if not math.isfinite(value * factor):
            raise ValueError(f"line {number}, column {name}: expected a finite number, got {text.strip()[:40]!r}")
        row.append(value * factor)
    return row


def _check(data: Data) -> None:
    if len({len(column) for column in data.columns.values()}) != 1:
        raise ValueError("columns of one length are needed")
    if len(data) < 3:
        raise ValueError(f"{data.words} of {len(data)} row(s) cannot be fitted; give at least 3")
    for name, column in data.columns.items():
        if not np.all(np.isfinite(column)):
            raise ValueError(f"column {name} holds NaN or infinity at sample {int(np.argmin(np.isfinite(column))) + 1}")
    if data.format == "drift_trace" and np.any(data.columns["t"] < 0):
        raise ValueError(f"column t, since programming, must not be negative, got {data.columns['t'].min():g} s")
    if "t" in data.columns:
        _check_time(data.columns["t"], data.columns.get("cell"))
    if "pulse" in data.columns and not np.all(np.isin(data.columns["pulse"], (-1.0, 0.0, 1.0))):
        wrong = int(np.argmin(np.isin(data.columns["pulse"], (-1.0, 0.0, 1.0))))
        found = data.columns["pulse"][wrong]
        raise ValueError(f"column pulse is a direction, +1, -1 or 0, got {found:g} at sample {wrong + 1}")
    if data.format == "drift_trace" and not np.all(data.columns["g"] > 0):
        wrong = int(np.argmin(data.columns["g"] > 0))
        raise ValueError(f"column g must be above zero, got {data.columns['g'][wrong]:g} S at sample {wrong + 1}")


def _check_time(t: np.ndarray, cell: np.ndarray | None) -> None:
    for which in [None] if cell is None else np.unique(cell):
        trace = t if which is None else t[cell == which]
        wrong = np.flatnonzero(np.diff(trace) <= 0)
        if len(wrong):
            of = "" if which is None else f" of cell {which:g}"
            before, after = trace[wrong[0]], trace[wrong[0] + 1]
            raise ValueError(f"column t{of} must increase, got {after:g} s after {before:g} s; sort the samples")
