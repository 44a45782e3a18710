r"""The fast way to the same schedule: stage by stage, all tokens of a stage at once.

A resource that serves one operation after another in order of arrival ends them at
$e_i = \max(r_i, e_{i-1}) + d_i$, with ready times r and durations d, which in max-plus algebra is a running maximum:
$e_i - D_i = \max_{j \le i}(r_j - D_{j-1})$ with $D_i = \sum_{j \le i} d_j$. It is what the event queue does where

- stages that share a resource do not compete for it: the later one's operations get ready when the earlier one's have
  all started,
- none that waits has a higher priority than one served before it (else that resource's queue is done one by one),
- pools (units of which there are several) are never asked for more than they have,
- passes of the model (epochs) start when all of the last one is done; then they are all done at once.

All this is checked on the result, and where it does not hold there is none.
"""

from heapq import heappop, heappush

import numpy as np

from ._events import priorities
from ._graph import Graph
from ._resources import Assigned


def run_waves(graph: Graph, assigned: Assigned) -> tuple[np.ndarray, np.ndarray] | None:
    """Start and ready ticks of every operation, or `None` where the conditions of this way are not met."""
    epoch, stage = graph.epoch, graph.stage
    crossing = epoch[graph.source] != epoch[graph.target]
    inside = (graph.source[~crossing], graph.target[~crossing])
    if np.any(np.diff(stage) < 0) or np.any(stage[inside[0]] >= stage[inside[1]]):
        return None
    waves = _Waves(graph, assigned, inside)
    for index in range(len(graph.stages)):
        if not waves.advance(index):
            return None
    offset = _offsets(graph, waves.start + assigned.ticks, crossing)
    if offset is None:
        return None
    shift = offset[epoch]
    start, ready = waves.start + shift, waves.ready + shift
    return (start, ready) if _pools_suffice(assigned, start) else None


class _Waves:
    """Ready and start ticks, from the start of each epoch."""

    def __init__(self, graph: Graph, assigned: Assigned, inside: tuple[np.ndarray, np.ndarray]) -> None:
        n = graph.n_operations
        self.assigned = assigned
        self.bounds = np.searchsorted(graph.stage, np.arange(len(graph.stages) + 1))
        by_target = np.argsort(inside[1], kind="stable")
        self.source, self.target = inside[0][by_target], inside[1][by_target]
        self.edges = np.searchsorted(self.target, self.bounds)
        self.start, self.ready = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.priority = np.empty(n, np.int64)
        self.priority[priorities(graph)] = np.arange(n)
        alone = (assigned.resource >= 0) & (assigned.capacity[assigned.resource] == 1)
        keys = assigned.resource * (int(graph.epoch.max(initial=0)) + 1) + graph.epoch
        self.key = np.full(n, -1, np.int64)
        found, self.key[alone] = np.unique(keys[alone], return_inverse=True)
        self.free, self.last_start = np.zeros(found.size, np.int64), np.full(found.size, -1, np.int64)

    def advance(self, stage: int) -> bool:
        """One stage; `False` if it competes with one before it."""
        ops = slice(self.bounds[stage], self.bounds[stage + 1])
        edges = slice(self.edges[stage], self.edges[stage + 1])
        ready = self.ready[ops]  # a view
        source, target = self.source[edges], self.target[edges]
        if target.size:
            heads = np.flatnonzero(np.diff(target, prepend=-1))
            ready[target[heads] - ops.start] = np.maximum.reduceat(
                self.start[source] + self.assigned.ticks[source], heads
            )
        self.start[ops] = ready
        mine = np.flatnonzero(self.key[ops] >= 0)
        if not mine.size:
            return True
        key, ready, priority = self.key[ops][mine], ready[mine], self.priority[ops][mine]
        if np.any(ready <= self.last_start[key]):
            return False
        order = np.lexsort((priority, ready, key))
        start = self._serve(key[order], ready[order], self.assigned.ticks[ops][mine][order], priority[order])
        self.start[ops.start + mine[order]] = start
        return True

    def _serve(self, key: np.ndarray, ready: np.ndarray, ticks: np.ndarray, priority: np.ndarray) -> np.ndarray:
        """Starts of operations sorted by resource, arrival and priority."""
        ready = np.maximum(ready, self.free[key])
        new = np.diff(key, prepend=-1) != 0
        firsts = np.flatnonzero(new)
        lengths = np.diff(firsts, append=key.size)
        total = np.cumsum(ticks) - ticks
        before = total - np.repeat(total[firsts], lengths)  # ticks of those served before, of the same resource
        segment = np.repeat(np.arange(firsts.size), lengths) * (int(ready.max() + before.max()) + 1)
        start = (
            np.maximum.accumulate(ready - before + int(before.max()) + segment) - segment - int(before.max()) + before
        )
        overtaken = ~new[1:] & (priority[1:] < priority[:-1]) & (ready[1:] <= start[:-1])
        for index in np.unique(np.searchsorted(firsts, np.flatnonzero(overtaken), side="right") - 1):
            one = slice(firsts[index], firsts[index] + lengths[index])
            start[one] = _one_by_one(ready[one], ticks[one], priority[one])
        self.free[key[firsts]] = np.maximum.reduceat(start + ticks, firsts)
        self.last_start[key[firsts]] = np.maximum.reduceat(start, firsts)
        return start


def _one_by_one(ready: np.ndarray, ticks: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """Starts at one resource that serves, of those which wait, the one of smallest `priority`."""
    start = np.empty(ready.size, np.int64)
    waiting: list[tuple[int, int]] = []
    arrivals, now, following = ready.tolist(), 0, 0
    for _ in range(ready.size):
        if not waiting:
            now = max(now, arrivals[following])
        while following < len(arrivals) and arrivals[following] <= now:
            heappush(waiting, (int(priority[following]), following))
            following += 1
        _, served = heappop(waiting)
        start[served] = now
        now += int(ticks[served])
    return start


def _offsets(graph: Graph, end: np.ndarray, crossing: np.ndarray) -> np.ndarray | None:
    """Start of each epoch, if all its operations wait for the very end of the one before."""
    epochs = int(graph.epoch.max(initial=0)) + 1
    if epochs == 1:
        return np.zeros(1, np.int64)
    latest = np.zeros(epochs, np.int64)
    np.maximum.at(latest, graph.epoch, end)
    source, target = graph.source[crossing], graph.target[crossing]
    if np.any(graph.epoch[target] != graph.epoch[source] + 1) or np.any(end[source] != latest[graph.epoch[source]]):
        return None
    waits = graph.epoch == 0
    waits[graph.target] = True  # for something inside, or else for the end of the epoch before
    if not np.all(waits):
        return None
    return np.cumsum(latest) - latest


def _pools_suffice(assigned: Assigned, start: np.ndarray) -> bool:
    """Whether no more operations of a pool overlap than it has units, if none had waited for one."""
    for pool in np.flatnonzero(assigned.capacity > 1):
        ops = np.flatnonzero(assigned.resource == pool)
        starts, ends = np.sort(start[ops]), np.sort(start[ops] + assigned.ticks[ops])
        busy = np.arange(1, ops.size + 1) - np.searchsorted(ends, starts, side="right")
        if busy.max(initial=0) > assigned.capacity[pool]:
            return False
    return True
