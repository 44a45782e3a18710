"""The log of a chip in service, event by event: JSON lines, or a table."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ._policy import TRIGGERS


# What the simulation does not know is null, unless it is given by layer
_GIVEN = ("adc_calls", "adc_latency_s", "peak_current_A", "verify_count")
_WORDS = ("policy", "layer", "op_type", "action", "reason")
FIELDS = (
    "time_s", *_WORDS, "temperature_K", "age_s", "version", "writes", "failed_share", "canary_error", "energy_J",
    "program_pulses", "program_latency_s", "availability", *_GIVEN,
)  # fmt: skip


def telemetry(
    data: xr.Dataset, *, per_request: Mapping[str, Mapping[str, float]] | None = None
) -> list[dict[str, Any]]:
    """What happened, in order: of every step the `inference` of each layer, the `digital` answers, `leakage`, the
    reading of canaries (`read`), and every action: `write` for each layer that was written, `read` for what reads
    canaries and calibrates, `control` for the rest.

    Energies of all records add up to `energy_J` of the data. Tiles of a layer share one record; `program_pulses` is one
    for each cell written.

    **Arguments:** `data`, from `serve`; `per_request`, by layer, what a request takes: `adc_calls`, which are
    multiplied by the requests on the chip, and `adc_latency_s`, `peak_current_A`, `verify_count`, as they are.

    **Returns:** records with `FIELDS`; what is not known is `None`.
    """
    return [
        dict.fromkeys(FIELDS) | {"policy": str(policy)} | record
        for policy in data.policy.values
        for record in _of_policy(data.sel(policy=policy), per_request or {})
    ]


def write_telemetry(records: list[dict[str, Any]], path: str | Path) -> None:
    """Records as JSON lines."""
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
    """Records as columns of the dimension `record`: words empty, numbers NaN where they are not known."""
    words = {name: [record[name] or "" for record in records] for name in _WORDS}
    numbers = {name: np.array([record[name] for record in records], float) for name in FIELDS if name not in _WORDS}
    return xr.Dataset({name: ("record", values) for name, values in {**words, **numbers}.items()})


def _of_policy(data: xr.Dataset, given: Mapping[str, Mapping[str, float]]) -> Iterator[dict[str, Any]]:
    table = {name: variable.values for name, variable in data.variables.items()}
    for i, time in enumerate(table["time_s"]):
        now = {str(name): values[i] for name, values in table.items() if data[name].dims[:1] == ("step",)}
        base = {"time_s": float(time), "availability": float(now["availability"])}
        base["canary_error"] = float(now["canary_error"])
        layers = [str(name) for name in table["layer"]]
        for j, name in enumerate(layers):
            energy = {"op_type": "inference", "energy_J": float(now["layer_energy_J"][j])}
            yield base | _layer(now, j, name) | energy | _given(now, given.get(name, {}))
        for kind, words in (("digital", {}), ("leakage", {}), ("monitor", {"op_type": "read", "action": "canary"})):
            if now[f"{kind}_energy_J"] > 0:
                yield base | {"op_type": kind, "energy_J": float(now[f"{kind}_energy_J"])} | words
        for j, action in enumerate(table["action_name"]):
            if now["action"][j]:
                yield from (base | record for record in _of_action(now, j, str(action), layers, table["cells"]))


def _of_action(
    now: dict[str, Any], index: int, action: str, layers: list[str], cells: np.ndarray
) -> Iterator[dict[str, Any]]:
    words = {"action": action, "reason": TRIGGERS[int(now["action"][index]) - 1]}
    energy, time = (float(now[f"action_{name}"][index]) for name in ("energy_J", "time_s"))
    if action not in ("remap", "refresh"):
        op_type = "read" if action in ("recalibrate", "retry") else "control"
        yield words | {"op_type": op_type, "energy_J": energy}
        return
    written = now["moved"] if action == "remap" else now["written"] & ~now["moved"]
    total = cells[written].sum()
    for j in np.flatnonzero(written):
        pulses = {"program_pulses": int(cells[j]), "program_latency_s": time}
        spent = {"op_type": "write", "energy_J": energy * float(cells[j] / total)}
        yield words | _layer(now, int(j), layers[j]) | spent | pulses
    if not total:  # all the layers that were due had moved
        yield words | {"op_type": "write", "energy_J": energy}


def _layer(now: dict[str, Any], j: int, name: str) -> dict[str, Any]:
    facts = {key: float(now[key][j]) for key in ("temperature_K", "age_s", "failed_share")}
    return {"layer": name, **facts, **{key: int(now[key][j]) for key in ("version", "writes")}}


def _given(now: dict[str, Any], given: Mapping[str, float]) -> dict[str, float]:
    unknown = set(given) - set(_GIVEN)
    if unknown:
        raise ValueError(f"per_request knows {', '.join(_GIVEN)}, got {sorted(unknown)[0]!r}")
    on_chip = float(now["served_on_chip"])
    return {name: value * on_chip if name == "adc_calls" else value for name, value in given.items()}
