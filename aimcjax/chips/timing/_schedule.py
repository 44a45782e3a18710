"""When every operation starts: an exact schedule of a graph on shared resources."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int, Real, Shaped

from ...units import ps
from ._budget import Budget, Caps
from ._events import run_events
from ._graph import KINDS, Graph
from ._resources import Resources, assign
from ._waves import run_waves


class Schedule(eqx.Module):
    """Times of all operations of `graph`, in seconds.

    `ready_s`: all it waits for was done; `start_s`, `end_s`: it had its resource; `throttled_s`: how long caps on power
    delayed its start on a free tile. `resource` indexes `labels` (-1: none) and `capacity`, the units of each.
    `passive_power_W` is spent all the time.
    """

    graph: Graph
    ready_s: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    throttled_s: np.ndarray
    resource: np.ndarray
    capacity: np.ndarray
    labels: tuple[str, ...] = eqx.field(static=True)
    passive_power_W: float = eqx.field(static=True, default=0.0)

    @property
    def latency_s(self) -> float:
        """From 0 to the end of the last operation."""
        return float(self.end_s.max(initial=0.0))

    @property
    def energy_J(self) -> float:
        r"""$\sum_i E_i + P_{passive}\,t$."""
        return float(self.graph.energy_J.sum()) + self.passive_power_W * self.latency_s

    @property
    def wait_s(self) -> Float[np.ndarray, " operations"]:
        """Of each operation, from when it was ready to its start."""
        return self.start_s - self.ready_s

    def energy_by_kind(self) -> dict[str, float]:
        """Joules of the operations of each of `KINDS`, and "passive"."""
        sums = np.bincount(self.graph.kind, self.graph.energy_J, minlength=len(KINDS))
        return {**dict(zip(KINDS, map(float, sums), strict=True)), "passive": self.passive_power_W * self.latency_s}

    def active_s(self) -> dict[str, float]:
        """Time that each resource works, summed over its units, for those in use."""
        return self._sums(self.end_s - self.start_s)

    def busy_fraction(self) -> dict[str, float]:
        """Share of the latency that the units of each resource work, for those in use."""
        units = dict(zip(self.labels, self.capacity.tolist(), strict=True))
        return {name: time / (units[name] * self.latency_s) for name, time in self.active_s().items()}

    def conflicts(self) -> dict[str, int]:
        """Operations that found their resource taken, for the resources in use."""
        return {name: int(n) for name, n in self._sums((self.start_s > self.ready_s).astype(float)).items()}

    def _sums(self, values: np.ndarray) -> dict[str, float]:
        used = self.resource >= 0
        sums = np.bincount(self.resource[used], values[used], minlength=len(self.labels))
        return {self.labels[i]: float(sums[i]) for i in np.unique(self.resource[used])}

    def critical_path(self) -> Int[np.ndarray, " path"]:
        """Operations, first to last, each of which started when the one before ended: an input of its own, or what
        held its resource. Their durations add up to the latency, but for waits on power and releases."""
        order = np.argsort(self.end_s, kind="stable")
        ends, graph = self.end_s[order], self.graph
        by_target = np.argsort(graph.target, kind="stable")
        bounds = np.searchsorted(graph.target[by_target], np.arange(graph.n_operations + 1))
        path = [int(order[-1])] if order.size else []
        while path:
            op = path[-1]
            inputs = graph.source[by_target[bounds[op] : bounds[op + 1]]]
            if self.start_s[op] > self.ready_s[op]:
                low, high = (
                    np.searchsorted(ends, self.start_s[op], "left"),
                    np.searchsorted(ends, self.start_s[op], "right"),
                )
                inputs = order[low:high]
                inputs = inputs[(self.resource[inputs] == self.resource[op]) & (inputs != op)]
            inputs = inputs[self.end_s[inputs] == self.start_s[op]]
            if not inputs.size:
                break
            path.append(int(inputs[0]))
        return np.asarray(path[::-1], np.int64)

    def trace(self) -> dict[str, Shaped[np.ndarray, " operations"]]:
        """One row an operation in order of start, as columns: `name`, `kind`, `resource` ("" for none), `array` (-1
        for none), `sequence`, `token`, `ready_s`, `start_s`, `end_s`, `energy_J`."""
        graph, order = self.graph, np.lexsort((np.arange(self.start_s.size), self.end_s, self.start_s))
        columns: dict[str, Any] = {
            "name": np.asarray(graph.stages)[graph.stage],
            "kind": np.asarray(KINDS)[graph.kind],
            "resource": np.asarray([*self.labels, ""])[self.resource],
            "array": graph.unit,
            "sequence": graph.sequence,
            "token": graph.token,
            "ready_s": self.ready_s,
            "start_s": self.start_s,
            "end_s": self.end_s,
            "energy_J": graph.energy_J,
        }
        return {name: column[order] for name, column in columns.items()}


def schedule(
    graph: Graph,
    resources: Resources | None = None,
    *,
    caps: Caps | None = None,
    release_s: Real[np.ndarray, " operations"] | None = None,
    passive_power_W: float = 0.0,
    resolution: float = 1 * ps,
    fast: bool = True,
) -> Schedule:
    r"""List scheduling without preemption: a free resource takes, of the operations that are ready for it, the one of
    the smallest (sequence, token), then the first built.

    **Arguments:** `graph`; `resources` (those of the public 3D-CiM simulator by default); `caps` on power; `release_s`,
    before which an operation cannot start; `passive_power_W` (the public simulator has 1 W for each attention and
    digital unit, a placeholder); `resolution`, seconds that all durations are rounded to, which makes times exact
    integers and simultaneous events simultaneous; `fast`, whether to try whole stages at once (`_waves`), which gives
    the same schedule where it gives one, before the event queue.

    **Raises:** `ValueError` where operations wait for one another in a circle, or one alone exceeds a cap.

    **Reference:** the rules of the public 3D-CiM-LLM-Inference-Simulator (Buechel, Nat. Comput. Sci. 5, 2025).
    """
    assigned = assign(graph, resources or Resources(), resolution)
    release = None if release_s is None else np.rint(np.asarray(release_s) / resolution).astype(np.int64)
    if release is not None and (release.shape != graph.kind.shape or release.min(initial=0) < 0):
        raise ValueError(
            f"release_s has shape {release.shape}; give each of {graph.n_operations} operations 0 s or more"
        )
    found = None
    if fast and caps is None and release is None and graph.n_operations >= 64 * len(graph.stages):
        found = run_waves(graph, assigned)
    if found is None:
        budget = None if caps is None else Budget(caps, resolution)
        start, ready, blocked = run_events(graph, assigned, release, budget)
    else:
        (start, ready), blocked = found, np.zeros(graph.n_operations, np.int64)
    return Schedule(
        graph=graph,
        ready_s=ready * resolution,
        start_s=start * resolution,
        end_s=(start + assigned.ticks) * resolution,
        throttled_s=blocked * resolution,
        resource=assigned.resource,
        capacity=assigned.capacity,
        labels=tuple(assigned.labels),
        passive_power_W=passive_power_W,
    )
