"""A schedule to look at: the trace format of chrome://tracing and Perfetto."""

import json
import pathlib
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ...units import us
from ._schedule import Schedule


def write_chrome_trace(schedule: Schedule, path: str | pathlib.Path) -> None:
    """Writes `chrome_events(schedule)` as JSON to `path`."""
    trace = {"traceEvents": chrome_events(schedule), "displayTimeUnit": "ns"}
    pathlib.Path(path).write_text(json.dumps(trace))


def chrome_events(schedule: Schedule) -> list[dict[str, Any]]:
    """One complete event ("X", times in microseconds) for each operation that takes time, and the names of the rows.

    A process is a kind of resource (all that need none share "links"), a thread one unit of it: where a resource has
    several, or no limit, an operation goes to the first row that is free.

    **Reference:** the Trace Event Format of the Chromium project.
    """
    table = schedule.trace()
    process = np.where(table["resource"] == "", "links", table["resource"])
    rows: dict[tuple[str, int], int] = {}  # of a resource and its lane
    free: dict[str, list[int]] = {}
    until: dict[str, list[tuple[float, int]]] = {}
    events: list[dict[str, Any]] = []
    for i in np.flatnonzero(table["end_s"] > table["start_s"]):
        where, start, end = str(process[i]), float(table["start_s"][i]), float(table["end_s"][i])
        busy, lanes = until.setdefault(where, []), free.setdefault(where, [])
        while busy and busy[0][0] <= start:
            heappush(lanes, heappop(busy)[1])
        lane = heappop(lanes) if lanes else len(busy)
        heappush(busy, (end, lane))
        rows.setdefault((where, lane), len(rows))
        events.append(
            {
                "name": str(table["name"][i]),
                "cat": str(table["kind"][i]),
                "ph": "X",
                "ts": start / us,
                "dur": (end - start) / us,
                "pid": _process(where),
                "tid": rows[where, lane],
                "args": {
                    "sequence": int(table["sequence"][i]),
                    "token": int(table["token"][i]),
                    "array": int(table["array"][i]),
                    "waited_ns": float((table["start_s"][i] - table["ready_s"][i]) * 1e9),
                    "energy_pJ": float(table["energy_J"][i] * 1e12),
                },
            }
        )
    return _names(rows) + events


PROCESSES = ("tile", "array", "converters", "digital", "attention", "channels", "links")


def _process(resource: str) -> int:
    return PROCESSES.index(resource.split()[0])


def _names(rows: dict[tuple[str, int], int]) -> list[dict[str, Any]]:
    named = [
        {"name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": {"name": PROCESSES[pid]}}
        for pid in sorted({_process(where) for where, _ in rows})
    ]
    threads = [
        {"name": "thread_name", "ph": "M", "pid": _process(where), "tid": tid, "args": {"name": f"{where} #{lane}"}}
        for (where, lane), tid in rows.items()
    ]
    return named + threads
