"""The event queue: exact list scheduling of any graph, one operation after another."""

from heapq import heappop, heappush, heapreplace

import numpy as np

from ._budget import Budget
from ._graph import MVM, Graph
from ._resources import Assigned


def priorities(graph: Graph) -> np.ndarray:
    """Operations in the order in which they are served where they compete: by sequence, token, then as built."""
    return np.lexsort((np.arange(graph.n_operations), graph.token, graph.sequence))


def run_events(
    graph: Graph, assigned: Assigned, release: np.ndarray | None, budget: Budget | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, ready and blocked ticks of every operation, by a queue of arrivals and of resources that get free.

    Operations are numbered by priority inside, so that the smallest of those that wait is next.
    """
    order = priorities(graph)
    queue = _Queue(graph, assigned, order, release, budget)
    queue.run()
    start, ready, blocked = (np.empty(order.size, np.int64) for _ in range(3))
    start[order], ready[order], blocked[order] = queue.start, queue.ready, queue.blocked
    if queue.left:
        stuck = int(order[int(np.argmax(np.asarray(queue.start) < 0))])
        raise ValueError(f"{graph.name(stuck)} never starts; its operations wait for one another in a circle")
    return start, ready, blocked


class _Queue:
    def __init__(
        self, graph: Graph, assigned: Assigned, order: np.ndarray, release: np.ndarray | None, budget: Budget | None
    ) -> None:
        n = graph.n_operations
        rank = np.empty(n, np.int64)
        rank[order] = np.arange(n)
        source, target = rank[graph.source], rank[graph.target]
        by_source = np.argsort(source, kind="stable")
        self.first = np.searchsorted(source[by_source], np.arange(n + 1)).tolist()
        self.next = target[by_source].tolist()
        self.waits = np.bincount(target, minlength=n).tolist()
        self.ticks, self.resource = assigned.ticks[order].tolist(), assigned.resource[order].tolist()
        self.ready = [0] * n if release is None else release[order].tolist()
        self.start, self.blocked, self.left = [-1] * n, [0] * n, n
        self.free = [[0] * int(c) for c in assigned.capacity]  # heaps of when each server gets free
        self.waiting: list[list[int]] = [[] for _ in assigned.capacity]
        self.wake = [-1] * len(self.free)
        self.events: list[tuple[int, int]] = []  # (tick, operation that arrives), or (tick, -1 - resource)
        self.budget = budget
        self.mvms = set(np.unique(assigned.resource[graph.kind == MVM]).tolist()) - {-1}
        self.held: dict[int, int] = {}  # tiles whose next MVM waits for power, since when
        self.power: list[float] = []
        if budget:
            seconds = assigned.ticks[order] * budget.resolution
            power = np.divide(graph.energy_J[order], seconds, out=np.zeros(n), where=seconds > 0)
            self.power = power.tolist()

    def run(self) -> None:
        events, waiting = self.events, self.waiting
        for op in [op for op, waits in enumerate(self.waits) if not waits]:
            self._arrive(op)
        while events:
            now = events[0][0]
            touched = set()
            while events and events[0][0] == now:
                _, code = heappop(events)
                if code >= 0:
                    resource = self.resource[code]
                    heappush(waiting[resource], code)
                else:
                    resource = -1 - code
                touched.add(resource)
            if self.budget is None:
                for resource in touched:
                    self._serve(resource, now)
            else:
                self._serve_within(self.budget, touched, now)

    def _serve(self, resource: int, now: int) -> None:
        waiting, free = self.waiting[resource], self.free[resource]
        while waiting and free[0] <= now:
            op = heappop(waiting)
            end = now + self.ticks[op]
            heapreplace(free, end)
            self.start[op] = now
            self._finish(op, end)
        if waiting and self.wake[resource] != free[0]:
            self.wake[resource] = free[0]
            heappush(self.events, (free[0], -1 - resource))

    def _finish(self, op: int, end: int) -> None:
        """What waits for `op` gets ready; what needs no resource is done at once."""
        self.left -= 1
        waits, ready, following = self.waits, self.ready, self.next
        for i in range(self.first[op], self.first[op + 1]):
            after = following[i]
            if ready[after] < end:
                ready[after] = end
            waits[after] -= 1
            if not waits[after]:
                self._arrive(after)

    def _arrive(self, op: int) -> None:
        pending = [op]
        while pending:
            op = pending.pop()
            now = self.ready[op]
            if self.resource[op] >= 0:
                heappush(self.events, (now, op))
                continue
            self.start[op], self.left, end = now, self.left - 1, now + self.ticks[op]
            for i in range(self.first[op], self.first[op + 1]):
                after = self.next[i]
                self.ready[after] = max(self.ready[after], end)
                self.waits[after] -= 1
                if not self.waits[after]:
                    pending.append(after)

    def _serve_within(self, budget: Budget, touched: set[int], now: int) -> None:
        """As `_serve`, where MVMs also wait for power, those of highest priority first."""
        touched.discard(len(self.free))  # nobody's: the alarm of the budget
        budget.advance(now)
        heads: list[tuple[int, int]] = []
        for resource in touched | self.held.keys():
            if resource in self.mvms and self.waiting[resource] and self.free[resource][0] <= now:
                heappush(heads, (self.waiting[resource][0], resource))
            else:
                self._serve(resource, now)
        while heads and budget.admits(self.power[heads[0][0]], self.ticks[heads[0][0]]):
            op, resource = heappop(heads)
            self.blocked[op] = now - self.held.pop(resource, now)
            budget.start(self.power[op], now + self.ticks[op])
            self._serve(resource, now)
        for _, resource in heads:
            self.held.setdefault(resource, now)
        if heads:
            heappush(self.events, (budget.retry(), -1 - len(self.free)))
