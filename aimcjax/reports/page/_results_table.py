"""Results in the form of the field's tables: one row for each thing that was scored, a dash where nothing is known."""

import contextlib
import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...units import day, format_quantity, parse_quantity
from .._saved_run import SavedRun, at_path, section
from ..bibliography import device_name
from ..curves import baseline_of, first_values, scale_of, tick_text
from ._markup import UNKNOWN


RESULT_COLUMNS = (
    "work", "device", "chip and tile configuration", "tile size", "ADC bits", "batch", "baseline accuracy",
    "mapped accuracy (t0)", "mapped accuracy (24 h), mean ± std over ≥ 5 chips", "total energy", "energy/MAC", "core",
    "ADC", "DAC", "interconnect", "digital", "writes per epoch", "projected lifetime", "notes",
)  # fmt: skip
_T0, _DAY = RESULT_COLUMNS[7], RESULT_COLUMNS[8]
_COMPONENTS = {"core": "core", "ADC": "adc", "DAC": "dac", "interconnect": "interconnect", "digital": "digital"}
_ROADS = {"direct": "direct mapping", "hwa": "HWA", "hwa_lora": "HWA-LoRA"}
_FEW = 5  # chips, below which a spread says little
_MOST_POINTS = 50


def result_rows(run: SavedRun) -> list[list[str]]:
    """A row of `RESULT_COLUMNS` for every road, algorithm, policy, design or swept point of a run. What is not known is
    a dash, and the notes say why."""
    make = _ROWS.get(run.study, _other_rows)
    return [_row(run, **found) for found in make(run)]


def _row(run: SavedRun, *, notes: list[str], **known: str) -> list[str]:
    cells = {**_setup(run.config), "work": run.label, **known}
    missing = [column for column in RESULT_COLUMNS if column not in cells and column != "notes"]
    if missing:
        listed = ", ".join(column.split(",")[0] for column in missing) if len(missing) < 7 else "all others"
        notes = [*notes, f"{listed}: not measured in this kind of run"]
    cells["notes"] = "; ".join(notes)
    return [cells.get(column, UNKNOWN) for column in RESULT_COLUMNS]


def _setup(config: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    tile = section(config, "tile")
    if "device" in tile:
        found["device"] = device_name(tile["device"])
    if tile:
        design = section(section(config, "chip"), "design")
        named = design.get("name") not in (None, "chip")
        parts = [f"chip {design['name']}"] if named else ["chip as in the config"] if design else []
        for name in ("encoding", "crossbar", "dac", "adc"):
            if isinstance(tile.get(name), Mapping):
                bits = f" {tile[name]['bits']} bits" if name == "dac" and "bits" in tile[name] else ""
                parts.append(f"{tile[name].get('type')}{bits}")
        found["chip and tile configuration"] = ", ".join(parts) or str(tile.get("type"))
        found["tile size"] = f"{tile.get('rows', '?')} x {tile.get('cols', '?')}"
    with contextlib.suppress(KeyError):
        found["ADC bits"] = f"{at_path(config, 'tile.adc.bits')}"
    return found


def _score(run: SavedRun, y: str, values: Any) -> str:
    """`mean ± std unit`; without a spread where there is one value."""
    scale, label = scale_of(run, y)
    unit = label.rpartition("(")[2].rstrip(")") if label.endswith(")") else ""
    digits = 1 if scale == 100.0 else 3
    values = scale * np.asarray(values, np.float64).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        return UNKNOWN
    spread = f" ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread} {unit}".strip()


def _over_time(run: SavedRun, y: str, array: Any) -> tuple[dict[str, str], list[str]]:
    """Cells and notes of scores over `chip` and `time`."""
    times = np.asarray(array.time.values, np.float64)
    n = int(array.sizes.get("chip", 1))
    cells, notes = {_T0: _score(run, y, array.isel(time=0).values)}, [f"t0 is {tick_text(float(times[0]), 's')}"]
    near = np.flatnonzero(np.isclose(times, day, rtol=1e-3))
    if near.size:
        cells[_DAY] = _score(run, y, array.isel(time=int(near[0])).values)
        notes.append(f"{n} chips" + (f", fewer than {_FEW}" if n < _FEW else ""))
    else:
        cells[_DAY] = UNKNOWN
        notes.append("24 h is none of the times")
    if "accuracy" not in y:
        notes.append(f"scores are {scale_of(run, y)[1]}")
    return cells, notes


def _main_rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    y = str(run.summary.get("metric", "accuracy"))
    if run.data is None or y not in run.data:
        yield from _other_rows(run)
        return
    baseline = baseline_of(run, y)
    for road in run.data.road.values.tolist():
        scores = run.data[y].sel(road=road, compensation="compensated")
        cells, notes = _over_time(run, y, scores)
        notes.append("drift compensated")
        if baseline is not None:
            cells["baseline accuracy"] = _score(run, y, baseline)
        energy, about = _energy(run) if road == "hwa" else ({}, ["energy: counted on the chip of HWA"])
        wear = {"writes per epoch": UNKNOWN, "projected lifetime": UNKNOWN}
        blank = dict.fromkeys(("batch", "total energy", "energy/MAC", *_COMPONENTS), UNKNOWN)
        notes += [*about, "writes and lifetime: trained outside of the memory, cells are written once a chip"]
        yield {"work": f"{run.label}, {_ROADS.get(road, road)}", **blank, **wear, **cells, **energy, "notes": notes}


def _energy(run: SavedRun) -> tuple[dict[str, str], list[str]]:
    per_mac, n_macs = run.summary.get("energy_per_mac_J"), run.summary.get("n_macs")
    if not isinstance(per_mac, Mapping) or "total" not in per_mac or not n_macs:
        return {}, ["energy: not in summary.json"]
    show = lambda value: format_quantity(float(f"{value:.3g}"), "J")
    cells = {"batch": "1", "total energy": show(per_mac["total"] * n_macs), "energy/MAC": show(per_mac["total"])}
    cells |= {column: show(per_mac[key]) for column, key in _COMPONENTS.items() if key in per_mac}
    known = {"total", *_COMPONENTS.values()}
    others = [f"{name} {show(value)}" for name, value in per_mac.items() if name not in known and value]
    notes = ["energies of components are per MAC, one multiply and one add"]
    notes += [f"besides {', '.join(others)} per MAC"] if others else []
    supply = _supply(run)
    return cells, [*notes, *supply, "one inference at a time"]


def _supply(run: SavedRun) -> list[str]:
    try:
        technology = at_path(run.config, "chip.design.technology")
        return [f"{technology['node']}, {technology['vdd']}, {technology['temperature']}"]
    except (KeyError, TypeError):
        return ["supply and temperature: not in the config"]


def _in_memory_rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    found = run.summary.get("results")
    rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
    digital = {row.get("what"): row["accuracy_mean"] for row in rows
               if row.get("algorithm") == "digital" and "accuracy_mean" in row}  # fmt: skip
    for row in rows:
        if row.get("algorithm") == "digital" or "accuracy_mean" not in row:
            continue
        where = [str(row[key]) for key in ("what", "cells") if row.get(key) not in (None, "none")]
        cells = {
            "work": ", ".join([run.label, str(row.get("algorithm")), *where]),
            "device": _cells_of(run, str(row.get("cells"))),
            _T0: f"{100 * row['accuracy_mean']:.1f} ± {100 * row.get('accuracy_std', math.nan):.1f} %",
        }
        notes = [f"trained in the memory: accuracy at the end of training, over {run.config.get('n_seeds')} seeds"]
        if row.get("what") in digital:
            cells["baseline accuracy"] = f"{100 * digital[row.get('what')]:.1f} %"
        epochs = run.config.get("epochs")
        if row.get("pulses") and isinstance(epochs, int) and epochs:
            cells["writes per epoch"] = f"{row['pulses'] / epochs:.3g} pulses"
        if row.get("lifetime_epochs"):
            cells["projected lifetime"] = f"{row['lifetime_epochs']:.3g} epochs"
        yield {**cells, "notes": notes}
    if not rows:
        yield from _other_rows(run)


def _cells_of(run: SavedRun, name: str) -> str:
    for path in (f"cells.{name}.cell", "cells.cell"):
        try:
            return device_name(at_path(run.config, path))
        except KeyError:
            continue
    return UNKNOWN if name in ("None", "none") else name


def _service_rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    policies = run.summary.get("policies")
    for name, total in policies.items() if isinstance(policies, Mapping) else ():
        cells = {"work": f"{run.label}, policy {name}"}
        notes = ["one chip in service, no spread over chips"]
        if "digital_accuracy" in run.summary:
            cells["baseline accuracy"] = f"{100 * run.summary['digital_accuracy']:.1f} %"
        if run.data is not None and "policy" in run.data.coords and "accuracy" in run.data:
            served = run.data.accuracy.sel(policy=name).values
            at = np.flatnonzero(np.isclose(run.data.time_s.values, day, rtol=1e-3))
            cells[_T0] = f"{100 * served[0]:.1f} %"
            cells |= {_DAY: f"{100 * served[at[0]]:.1f} %"} if at.size else {}
            notes.append("t0 is the first step of service")
        if "model_energy_J" in run.summary:
            cells["total energy"] = format_quantity(float(f"{run.summary['model_energy_J']:.3g}"), "J")
            notes.append("energy of one inference by the cost model")
        notes.append(f"{total.get('cells_written', 0):,.0f} cells written in {run.summary.get('days', 0):g} days")
        yield {**cells, "notes": notes}


def _codesign_rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    data = run.data
    if data is None or not {"score", "bits", "energy"} <= set(data.data_vars):
        yield from _other_rows(run)
        return
    key = str(run.summary.get("metric", "accuracy"))
    scale, unit = (100.0, " %") if key == "accuracy" else (1.0, f" ({key})")
    times = at_path(run.config, "sweep.times")
    is_day = abs(parse_quantity(times[-1], "s") - day) < 1.0
    for k in range(data.sizes["design"]):
        values = scale * data["score"].values[k]
        text = f"{values.mean():.1f} ± {values.std(ddof=1):.1f}{unit}"
        cells = {
            "work": f"{run.label}, {data.family.values[k]} {data.label.values[k]}",
            "ADC bits": " ".join(f"{bits:g}" for bits in np.atleast_1d(data["bits"].values[k])),
            "total energy": format_quantity(float(f"{float(data['energy'].values[k]):.3g}"), "J"),
        }
        if "baseline" in run.summary:
            cells["baseline accuracy"] = f"{scale * run.summary['baseline']:.1f}{unit}"
        cells |= {_DAY: text} if is_day else {}
        said = [] if is_day else [f"{text} after {times[-1]}"]
        yield {**cells, "notes": [*said, f"{len(values)} chips; ADC bits by layer; energy of one inference"]}


def _sweep_rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    if run.data is None or "point" not in run.data.dims:
        yield from _other_rows(run)
        return
    y = first_values(run)
    array, n = run.data[y], run.data.sizes["point"]
    names = [str(name) for name, coord in array.coords.items() if coord.dims == ("point",) and name != "point"]
    for k in range(min(n, _MOST_POINTS)):
        at = ", ".join(f"{name} = {array.coords[name].values[k]:.4g}" if array.coords[name].dtype.kind in "fiu"
                       else f"{name} = {array.coords[name].values[k]}" for name in names)  # fmt: skip
        cells, notes = _over_time(run, y, array.isel(point=k)) if "time" in array.dims else ({}, [])
        if not cells:
            notes = [f"{_score(run, y, array.isel(point=k).values)}"]
        baseline = baseline_of(run, y)
        cells |= {} if baseline is None else {"baseline accuracy": _score(run, y, baseline)}
        cells |= _setup(_at_point(run.config, {name: array.coords[name].values[k] for name in names}))
        more = [f"the first {_MOST_POINTS} of {n} points"] if n > _MOST_POINTS and k == 0 else []
        yield {"work": f"{run.label}, {at or f'point {k}'}", **cells, "notes": [*notes, *more, "values in SI"]}


def _at_point(config: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The config with the `values` of one swept point at their paths; paths that it does not have are left out."""
    config = copy.deepcopy(config)
    for path, value in values.items():
        *parents, last = path.split(".")
        with contextlib.suppress(KeyError):
            node = at_path(config, ".".join(parents)) if parents else config
            if isinstance(node, dict) and last in node:
                node[last] = value.item() if isinstance(value, np.generic) else value
    return config


def _other_rows(run: SavedRun) -> Iterator[dict[str, Any]]:
    yield {"notes": ["what was found is in the run's own tables"]}


_ROWS: dict[str, Any] = {
    "score_over_time": _main_rows,
    "in_memory_training": _in_memory_rows,
    "in_memory_lora": _in_memory_rows,
    "service": _service_rows,
    "codesign": _codesign_rows,
    "sweep": _sweep_rows,
}
