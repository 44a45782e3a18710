"""The log of a chip in service, event by event: JSON lines, or a table."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from ._policy import TRIGGERS


_OF_REQUESTS, _OF_WRITES = (
    ("adc_calls", "adc_latency", "peak_current"),
    ("program_pulses", "verify_count", "program_latency"),
)
_WORDS = ("policy", "tile_id", "layer", "op_type", "action", "reason")
FIELDS = (
    "timestamp", *_WORDS, *_OF_REQUESTS, "tile_temperature", *_OF_WRITES, "tile_state_version", "short_validation_loss",
    "age", "writes", "failed_share", "energy_J", "availability",
)  # fmt: skip


def telemetry(
    data: xr.Dataset,
    *,
    per_request: Mapping[str, Mapping[str, float]] | None = None,
    per_write: Mapping[str, Mapping[str, float]] | None = None,
) -> list[dict[str, Any]]:
    """What happened, in order: of every step the `inference` of each tile, the `digital` answers, `leakage`, the
    reading of canaries (`read`), and every action: `write` for each tile that was written, `read` for what reads
    canaries and calibrates, `control` for the rest.

    Energies of all records add up to `energy_J` of the data. Tiles of a layer share its requests, energy, pulses and
    share of failed cells equally (assumed); temperatures are their own. Times are in seconds, temperatures in kelvin,
    currents in ampere; `short_validation_loss` is the relative error of the answers to the canaries.

    **Arguments:** `data`, from `serve`; by layer, `per_request`, from `request_facts`, and `per_write`, from
    `write_facts`, without which there is a pulse for each cell, and an action takes as long as the policy says.

    **Returns:** records with `FIELDS`; what is not known is `None`. `tile_id` is that of `mapping_table` (first copy).
    """
    check_facts("per_request", per_request or {}, _OF_REQUESTS)
    check_facts("per_write", per_write or {}, _OF_WRITES)
    return [
        dict.fromkeys(FIELDS) | {"policy": str(policy)} | record
        for policy in data.policy.values
        for record in _of_policy(data.sel(policy=policy), per_request or {}, per_write or {})
    ]


def check_facts(name: str, facts: Mapping[str, Mapping[str, float]], known: tuple[str, ...]) -> None:
    """Raises `ValueError` for what is not known of a request or a write."""
    for layer, given in facts.items():
        if unknown := sorted(set(given) - set(known)):
            raise ValueError(f"{name} of layer {layer} knows {', '.join(known)}, got {unknown[0]!r}")


def write_telemetry(records: list[dict[str, Any]], path: str | Path) -> None:
    """`records` as JSON lines."""
    lines = (json.dumps(record, allow_nan=False) + "\n" for record in records)
    Path(path).write_text("".join(lines), encoding="utf-8")


def read_telemetry(path: str | Path) -> list[dict[str, Any]]:
    """Records from JSON lines. **Raises:** `ValueError` (one line) naming the line that is none."""
    records = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number} is no JSON: {error}") from None
        if not isinstance(record, dict) or set(record) != set(FIELDS):
            raise ValueError(f"{path}, line {number} is no record of telemetry: it has the fields {', '.join(FIELDS)}")
        records.append(record)
    return records


def telemetry_table(records: list[dict[str, Any]]) -> xr.Dataset:
    """`records` as columns of the dimension `record`: words empty, numbers NaN where they are not known."""
    words = {name: [record[name] or "" for record in records] for name in _WORDS}
    numbers = {name: np.array([record[name] for record in records], float) for name in FIELDS if name not in _WORDS}
    return xr.Dataset({name: ("record", values) for name, values in {**words, **numbers}.items()})


class _Layer(NamedTuple):
    """A layer, its place in the data, its number of cells and the numbers of its tiles."""

    name: str
    index: int
    cells: int
    tiles: range

    def records(self, now: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What is known of each of its tiles at the end of a step."""
        names = {"age": "age_s", "failed_share": "failed_share", "writes": "writes", "tile_state_version": "version"}
        facts = {field: float(now[name][self.index]) for field, name in names.items()}
        whole = {field: int(facts[field]) for field in ("writes", "tile_state_version")}
        for tile in self.tiles:
            own = {"tile_id": f"tile_{tile:04d}", "tile_temperature": float(now["node_temperature_K"][tile])}
            yield {"layer": self.name, **own, **facts, **whole}


def _of_policy(data: xr.Dataset, per_request: Any, per_write: Any) -> Iterator[dict[str, Any]]:
    table = {name: variable.values for name, variable in data.variables.items()}
    layers = _layers(table)
    for i, time in enumerate(table["time_s"]):
        now = {str(name): values[i] for name, values in table.items() if data[name].dims[:1] == ("step",)}
        base = {"timestamp": float(time), "availability": float(now["availability"])}
        base["short_validation_loss"] = float(now["canary_error"])
        for layer in layers:
            share = 1.0 / len(layer.tiles)
            found = dict(per_request.get(layer.name, {}))
            if "adc_calls" in found:
                found["adc_calls"] *= float(now["served_on_chip"]) * share
            energy = {"op_type": "inference", "energy_J": share * float(now["layer_energy_J"][layer.index])}
            yield from (base | record | energy | found for record in layer.records(now))
        for kind, words in (("digital", {}), ("leakage", {}), ("monitor", {"op_type": "read", "action": "canary"})):
            if now[f"{kind}_energy_J"] > 0:
                yield base | {"op_type": kind, "energy_J": float(now[f"{kind}_energy_J"])} | words
        for j, action in enumerate(table["action_name"]):
            if now["action"][j]:
                yield from (base | record for record in _of_action(now, j, str(action), layers, per_write))


def _layers(table: Mapping[Any, np.ndarray]) -> list[_Layer]:
    ends = np.cumsum(table["tiles"])
    spans = [range(end - n, end) for n, end in zip(table["tiles"].tolist(), ends.tolist(), strict=True)]
    rows = zip(table["layer"], table["cells"], spans, strict=True)
    return [_Layer(str(name), index, int(cells), span) for index, (name, cells, span) in enumerate(rows)]


def _of_action(
    now: dict[str, Any], index: int, action: str, layers: list[_Layer], per_write: Any
) -> Iterator[dict[str, Any]]:
    words = {"action": action, "reason": TRIGGERS[int(now["action"][index]) - 1]}
    energy, time = (float(now[f"action_{name}"][index]) for name in ("energy_J", "time_s"))
    if action not in ("remap", "refresh"):
        op_type = "read" if action in ("recalibrate", "retry") else "control"
        yield words | {"op_type": op_type, "energy_J": energy}
        return
    flags = now["moved"] if action == "remap" else now["written"] & ~now["moved"]
    written = [layer for layer in layers if flags[layer.index]]
    total = sum(layer.cells for layer in written)
    for layer in written:
        share = 1.0 / len(layer.tiles)
        found = {"program_pulses": layer.cells, "program_latency": time, **per_write.get(layer.name, {})}
        found |= {name: found[name] * share for name in ("program_pulses", "verify_count") if name in found}
        spent = {"op_type": "write", "energy_J": energy * layer.cells / total * share}
        yield from (words | record | spent | found for record in layer.records(now))
    if not written:  # all the layers that were due had moved
        yield words | {"op_type": "write", "energy_J": energy}
