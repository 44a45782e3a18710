"""The trace: a table of all events, and a file that a browser shows."""

import json
import pathlib

import numpy as np
import pytest

from aimcjax.chips import timing


def _done() -> timing.Schedule:
    graph = timing.decoder_graph(
        timing.Decoder(n_layers=1, dim=16, ff=32, vocab=16), rows=16, cols=16, prefill=4, batch=2
    )
    return timing.schedule(graph, timing.Resources(tiles=np.arange(graph.n_arrays) // 2, n_digital=2))


def test_table_has_every_operation_in_order_of_start() -> None:
    done = _done()
    table = done.trace()
    assert {len(column) for column in table.values()} == {done.graph.n_operations}
    assert np.all(np.diff(table["start_s"]) >= 0)
    assert table["end_s"].max() == done.latency_s
    mvm = table["kind"] == "mvm"
    assert all(str(name).startswith("tile ") for name in table["resource"][mvm])
    assert set(table["resource"][table["kind"] == "communication"]) == {""}
    assert set(table["array"][mvm]) == set(range(done.graph.n_arrays))
    for kind, energy in done.energy_by_kind().items():
        assert table["energy_J"][table["kind"] == kind].sum() == pytest.approx(energy, abs=0.0)


def test_chrome_trace_is_what_browsers_read(tmp_path: pathlib.Path) -> None:
    done = _done()
    path = tmp_path / "trace.json"
    timing.write_chrome_trace(done, path)
    trace = json.loads(path.read_text())
    assert trace["displayTimeUnit"] == "ns"
    events = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    names = [event for event in trace["traceEvents"] if event["ph"] == "M"]
    assert len(events) + len(names) == len(trace["traceEvents"])
    assert len(events) == done.graph.n_operations  # all of them take time
    for event in events:
        assert set(event) == {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"}
        assert event["ts"] >= 0
        assert event["dur"] > 0
        assert event["args"]["waited_ns"] >= -1e-6
    assert max(event["ts"] + event["dur"] for event in events) == pytest.approx(done.latency_s * 1e6)
    assert sum(event["dur"] for event in events) == pytest.approx(done.graph.duration_s.sum() * 1e6, rel=1e-5, abs=0.0)
    rows = {(event["pid"], event["tid"]) for event in events}
    assert rows == {(n["pid"], n["tid"]) for n in names if n["name"] == "thread_name"}
    assert {pid for pid, _ in rows} == {n["pid"] for n in names if n["name"] == "process_name"}


def test_rows_of_a_chrome_trace_hold_one_event_at_a_time() -> None:
    done = _done()
    by_row: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for event in timing.chrome_events(done):
        if event["ph"] == "X":
            by_row.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in by_row.values():
        spans.sort()
        for (_, end), (start, _) in zip(spans, spans[1:], strict=False):
            assert start >= end - 1e-9
    named = {e["args"]["name"] for e in timing.chrome_events(done) if e["name"] == "thread_name"}
    assert {"tile 0 #0", "digital units #0", "digital units #1", "attention units #0", "links #0"} <= named
    assert "digital units #2" not in named
