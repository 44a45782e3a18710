"""Values of runs in one table: a row a value, a column a dimension, a swept parameter or a part of the config."""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool

from ...components import shorten, suggest
from ...units import parse_quantity
from .._saved_run import SavedRun, at_path, flat, unit_of
from ..bibliography import device_name


REPLICATES = ("chip", "seed")  # what intervals are over, the first one that there is
_POINTS = "point"  # of a sweep: what varies along them are coordinates


@dataclasses.dataclass(frozen=True)
class LongTable:
    """`values` of `y` and the `columns` beside them, all of one length; `units` of columns that have one; `replicate`,
    which piece of hardware or seed a value is of, and `over`, what these are (empty where there are none); `left`, what
    has neither a column nor is a replicate, with its number of values."""

    y: str
    values: np.ndarray
    columns: dict[str, np.ndarray]
    units: dict[str, str]
    replicate: np.ndarray
    over: str
    left: dict[str, int]

    def keep(self, kept: Bool[np.ndarray, " rows"]) -> "LongTable":
        """The rows where `kept` holds."""
        columns = {name: column[kept] for name, column in self.columns.items()}
        return dataclasses.replace(self, values=self.values[kept], columns=columns, replicate=self.replicate[kept])


def long_table(runs: Sequence[SavedRun], y: str, names: Sequence[str]) -> LongTable:
    """`y` of all runs, with a column for each of `names`: a dimension, a coordinate or the end of its path (`nu_mean`),
    a path of the config, `device` or `run`. Values that are not finite, such as unfinished ones, are left out.

    **Raises:** `ValueError` of one line for a name that is not there, with what there is.
    """
    parts = [_rows(run, y, names) for run in runs]
    columns = {name: _joined([part["columns"][name] for part in parts]) for name in names}
    values = np.concatenate([part["values"] for part in parts])
    replicate = np.concatenate([np.char.add(f"{i}:", part["replicate"]) for i, part in enumerate(parts)])
    left: dict[str, int] = {}
    for part in parts:
        left = {**left, **part["left"]}
    over = {part["over"] for part in parts}
    table = LongTable(
        y=y, values=values, columns=columns, units={key: u for part in parts for key, u in part["units"].items()},
        replicate=replicate, over=over.pop() if len(over) == 1 else "runs", left=left,
    )  # fmt: skip
    return table.keep(np.isfinite(values))


def measured(run: SavedRun) -> xr.Dataset:
    """The values of a run. **Raises:** `ValueError` where it has none."""
    if run.data is None or not run.data.data_vars:
        raise ValueError(f"the run {run.folder} has no results.nc or results.zarr, so there is nothing to plot")
    return run.data


def differing(runs: Sequence[SavedRun]) -> list[str]:
    """Paths at which the configs differ, but for the name of the run."""
    trees = [flat(run.config) for run in runs]
    paths = dict.fromkeys(path for tree in trees for path in tree)
    missing = object()
    same = lambda path: all(tree.get(path, missing) == trees[0].get(path, missing) for tree in trees)
    return [path for path in paths if path != "name" and not same(path)]


def select(table: LongTable, conditions: Mapping[str, str]) -> LongTable:
    """The rows in which every column named by `conditions` has the value given, as text or as a quantity (`1 day`).

    **Raises:** `ValueError` where no row has it, with the values that there are.
    """
    for name, text in conditions.items():
        column, unit = table.columns[name], table.units.get(name, "1")
        different = list(dict.fromkeys(column.tolist()))
        wanted = {value for value in different if _equal(value, text, unit)}
        kept = np.fromiter((value in wanted for value in column.tolist()), bool, len(column))
        if not wanted:
            known = [str(value) for value in different][:20]
            raise ValueError(f"no {name} is {shorten(text)}; {suggest(text, known, always_list=True)}")
        table = table.keep(kept)
    return table


def _equal(value: Any, text: str, unit: str) -> bool:
    if str(value) == text:
        return True
    try:
        return math.isclose(float(value), parse_quantity(text, unit), rel_tol=1e-5)
    except ValueError:
        try:
            return math.isclose(float(value), float(text), rel_tol=1e-5)
        except ValueError:
            return False


def _rows(run: SavedRun, y: str, names: Sequence[str]) -> dict[str, Any]:
    data = measured(run)
    if y not in data.data_vars:
        known = [str(name) for name in data.data_vars]
        raise ValueError(f"{run.label} has no values {shorten(y)}; {suggest(y, known, always_list=True)}")
    array = data[y]
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{y} of {run.label} is no number, so it cannot be plotted")
    found = {name: _column(run, array, name) for name in names}
    beside = [column for column in found.values() if isinstance(column, xr.DataArray)]
    dims = {str(dim) for column in beside for dim in column.dims}
    over = next((dim for dim in REPLICATES if dim in array.dims and dim not in dims), "")
    index = xr.DataArray(np.arange(array.sizes[over]), dims=over) if over else xr.DataArray(0)
    full = xr.broadcast(array.drop_vars(list(array.coords)), index, *(_bare(column) for column in beside))
    ready = {name: column for name, column in found.items() if isinstance(column, xr.DataArray)}
    spread = dict(zip(ready, (item.values.ravel() for item in full[2:]), strict=True))
    columns = {name: spread[name] if name in spread else np.full(full[0].size, found[name]) for name in found}
    return {
        "values": full[0].values.ravel().astype(np.float64), "columns": columns,
        "replicate": full[1].values.ravel().astype(str), "over": over, "units": _units(run, found),
        "left": _left(array, over, found),
    }  # fmt: skip


def _left(array: xr.DataArray, over: str, columns: Mapping[str, Any]) -> dict[str, int]:
    """What is averaged over, with its number of values: dimensions without a column, and of those that have one the
    coordinates that vary within a value of it."""
    found: dict[str, int] = {}
    for dim in map(str, array.dims):
        taken = [
            column.values for column in columns.values() if isinstance(column, xr.DataArray) and dim in column.dims
        ]
        if dim == over or array.sizes[dim] < 2:
            continue
        beside = {str(name): coord.values.astype(str) for name, coord in array.coords.items() if coord.dims == (dim,)}
        varying = {name: values for name, values in beside.items() if _pieces([*taken, values]) > _pieces(taken)}
        if len(varying) > 1:
            varying.pop(dim, None)  # a number of the point, which its axes explain
        if varying and (taken or dim == _POINTS):
            found |= {name: len(np.unique(values)) for name, values in varying.items()}
        elif not taken:
            found[dim] = array.sizes[dim]
    return found


def _pieces(columns: Sequence[np.ndarray]) -> int:
    return len(set(zip(*(column.tolist() for column in columns), strict=True))) if columns else 1


def _bare(column: xr.DataArray) -> xr.DataArray:
    return column.drop_vars(list(column.coords))


def _column(run: SavedRun, array: xr.DataArray, name: str) -> Any:
    """An array over dimensions of `array`, or one value."""
    if name == "run":
        return run.label
    if name in array.coords:
        return array.coords[name]
    if name in array.dims:
        return xr.DataArray(np.arange(array.sizes[name]), dims=name)
    ends = [str(coord) for coord in array.coords if str(coord).endswith(f".{name}")]
    if len(ends) == 1:
        return array.coords[ends[0]]
    if name == "device":
        return _device(run)
    try:
        return _plain(at_path(run.config, name), name)
    except KeyError:
        raise ValueError(_unknown(run, array, name, ends)) from None


def _unknown(run: SavedRun, array: xr.DataArray, name: str, ends: Iterable[str]) -> str:
    known = [*map(str, array.dims), *map(str, array.coords), "device", "run"]
    several = list(ends)
    if several:
        return f"{shorten(name)} may be {' or '.join(several)}; give its whole path"
    last = name.split(".")[-1]
    paths = list(flat(run.config))
    near = [path for path in paths if path.split(".")[-1] == last] or difflib.get_close_matches(name, paths, n=1)
    in_config = f" (such as {', '.join(near[:6])})" if near else ""
    hint = suggest(name, dict.fromkeys(known), always_list=True)
    return f"{run.label} has nothing called {shorten(name)}; {hint}, or a path of the config{in_config}"


def _device(run: SavedRun) -> str:
    for path in ("tile.device", "cells.cell"):
        try:
            return device_name(at_path(run.config, path))
        except KeyError:
            continue
    raise ValueError(f"the config of {run.label} has no tile.device")


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if set(value) == {"value", "source"}:
            return _plain(value["value"], name)
        if "type" in value:
            return device_name(value) if name.endswith("device") else str(value["type"])
        keys = ", ".join(map(str, value))
        raise ValueError(f"{name} is a section of the config, not a value; give one of its keys: {keys}")
    if isinstance(value, (list, tuple)) or value is None:
        return str(value)
    unit = unit_of(value)
    return parse_quantity(value, unit) if unit != "1" else value


def _units(run: SavedRun, found: Mapping[str, Any]) -> dict[str, str]:
    units = {}
    for name, column in found.items():
        unit = "1"
        if isinstance(column, xr.DataArray):
            path = str(column.name or name)
            unit = str(column.attrs.get("units", "s" if path in ("time", "time_s") else "1"))
            name_in_config = path
        else:
            name_in_config = name
        if unit == "1":
            try:
                unit = unit_of(at_path(run.config, name_in_config))
            except KeyError:
                unit = "1"
        units[name] = unit
    return units


def _joined(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One column; of text where not all of it is numbers."""
    if all(column.dtype.kind in "fiub" for column in columns):
        return np.concatenate(columns)
    return np.concatenate([column.astype(str) for column in columns]).astype(object)
