"""A stream of requests to a model on a chip: by events where they are few enough, else by its busiest resource."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Real

from .._place import Placement
from .._price import priced
from ._placed import count_operations, placement_graph, placement_resources, sequence_length
from ._requests import RequestLatencies, estimate_requests, queue_requests, simulate_requests
from ._schedule import schedule


EXACT, ALONE = 400_000, 1_000_000  # operations that are simulated of all requests together, or of one


class Stream(NamedTuple):
    """`latencies` of requests, and `how` they were found, in words."""

    latencies: RequestLatencies
    how: str


def placement_requests(
    placement: Placement,
    *,
    n: int,
    clients: int | None = None,
    arrivals_s: Real[np.ndarray, " n"] | None = None,
    batch: int = 1,
    seq_len: int | None = None,
) -> Stream:
    """`n` requests, each a batch of its own, on a placed model, as `simulate_requests`. With more than `EXACT`
    operations in all it is `estimate_requests` (waits for the busiest resource only); with more than `ALONE` in one
    request, the same from the closed form of its latency."""
    load: dict[str, Any] = {"n": n, "clients": clients, "arrivals_s": arrivals_s}
    operations = count_operations(placement, batch=batch, seq_len=seq_len)
    if operations > ALONE:
        length = sequence_length(placement, seq_len)
        bill = priced(placement.counts, placement.chip, batch=batch, length=length)
        stages = bill.stages
        work = batch * max(
            float(t) for t in (stages.tiles, stages.links, stages.digital, stages.attention, stages.dram)
        )
        found = queue_requests(float(bill.latency_s), work, **load)
        return Stream(found, "estimated from the closed form and its busiest resource")
    graph, resources = placement_graph(placement, batch=batch, seq_len=seq_len), placement_resources(placement)
    if n * operations > EXACT:
        return Stream(estimate_requests(schedule(graph, resources), **load), "estimated from the busiest resource")
    return Stream(simulate_requests(graph, resources, **load), f"{n * graph.n_operations:,} operations scheduled")
