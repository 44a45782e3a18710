r"""Latency under load: many requests of the same kind share a machine.

`simulate_requests` replays the graph of one request for each, exactly. `estimate_requests` sees only the resource with
the most work per request and unit, D, behind a delay: a request takes $L_0$ alone and waits for its turn there, which
is what large graphs can afford, and is exact for a graph with one operation.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Float, Real

from ..._types import PRNGKey
from ._budget import Caps
from ._graph import JOIN, Graph
from ._resources import Resources
from ._schedule import Schedule, schedule


class RequestLatencies(eqx.Module):
    """`arrival_s` and `done_s` of each request, those of the warm-up left out."""

    arrival_s: Real[np.ndarray, " requests"]
    done_s: Real[np.ndarray, " requests"]

    @property
    def latency_s(self) -> Real[np.ndarray, " requests"]:
        """From arrival to done, of each request."""
        return self.done_s - self.arrival_s

    @property
    def p50_s(self) -> float:
        """Median latency."""
        return float(np.quantile(self.latency_s, 0.50))

    @property
    def p95_s(self) -> float:
        """Latency that 95 % of the requests stay below."""
        return float(np.quantile(self.latency_s, 0.95))

    @property
    def p99_s(self) -> float:
        """Latency that 99 % of the requests stay below."""
        return float(np.quantile(self.latency_s, 0.99))

    @property
    def throughput_per_s(self) -> float:
        """Requests done per second, from the first one's end to the last one's."""
        spread = float(self.done_s.max() - self.done_s.min())
        return (self.done_s.size - 1) / spread if spread > 0 else float("inf")


def poisson_arrivals(n: int, rate_per_s: float, *, key: PRNGKey) -> Float[np.ndarray, " n"]:
    r"""`n` times of a Poisson process of `rate_per_s` ($\lambda$): sums of exponential gaps $-\ln(u)/\lambda$."""
    if not rate_per_s > 0:
        raise ValueError(f"rate_per_s is {rate_per_s}; give a positive number of requests per second")
    gaps = np.asarray(jax.device_get(jr.exponential(key, (n,), jnp.float32)), float)
    return np.cumsum(gaps) / rate_per_s


def simulate_requests(
    graph: Graph,
    resources: Resources | None = None,
    *,
    n: int,
    clients: int | None = None,
    arrivals_s: Real[np.ndarray, " n"] | None = None,
    think_time_s: float = 0.0,
    scale: Real[np.ndarray, " n"] | None = None,
    warm_up: int = 0,
    caps: Caps | None = None,
) -> RequestLatencies:
    """Every operation of `n` requests, each a copy of `graph`, on shared resources; earlier requests go first.

    **Arguments:** either `clients`, which each send the next request `think_time_s` after their last is done (closed
    loop), or `arrivals_s` of all requests in order (open loop; `poisson_arrivals`); `scale`, factors on the durations
    of each request; `warm_up`, requests left out of the result.

    **Raises:** `ValueError` for both or neither way to arrive, or a warm-up that leaves nothing.
    """
    _check_load(n, clients, arrivals_s, warm_up)
    many = _copies(graph, n, scale)
    release = None
    if arrivals_s is not None:
        release = np.repeat(arrivals_s, graph.n_operations)
    if clients is not None:
        many = _chained(many, graph, n, clients, think_time_s)
    done = schedule(many, resources, release_s=release, caps=caps, fast=False)
    end = done.end_s[: n * graph.n_operations].reshape(n, -1).max(axis=1)
    start = np.asarray(arrivals_s) if arrivals_s is not None else np.zeros(n)
    if clients is not None:
        start[clients:] = end[: n - clients] + think_time_s
    return RequestLatencies(start[warm_up:], end[warm_up:])


def estimate_requests(
    alone: Schedule,
    *,
    n: int,
    clients: int | None = None,
    arrivals_s: Real[np.ndarray, " n"] | None = None,
    think_time_s: float = 0.0,
    warm_up: int = 0,
) -> RequestLatencies:
    r"""Requests that queue only for their busiest resource: `queue_requests` with its work $D = \max_r A_r / n_r$ for a
    request (active time over units).

    **Arguments:** `alone`, the schedule of one request; others as in `simulate_requests`.
    """
    units = dict(zip(alone.labels, alone.capacity.tolist(), strict=True))
    work = max((time / units[name] for name, time in alone.active_s().items()), default=0.0)
    return queue_requests(
        alone.latency_s, work, n=n, clients=clients, arrivals_s=arrivals_s, think_time_s=think_time_s, warm_up=warm_up
    )


def queue_requests(
    latency_s: float,
    work_s: float,
    *,
    n: int,
    clients: int | None = None,
    arrivals_s: Real[np.ndarray, " n"] | None = None,
    think_time_s: float = 0.0,
    warm_up: int = 0,
) -> RequestLatencies:
    r"""Requests that queue for one resource, first come first served.

    With work $D$ on that resource and latency $L_0$ alone, a request that arrives at $a_i$ starts at
    $s_i = \max(a_i, s_{i-1} + D)$ and is done at $s_i + L_0$; of K clients, $a_i$ is the end of request i - K. At
    Poisson arrivals it is the M/D/1 queue with mean wait $\rho D / (2 (1 - \rho))$; in a closed loop the throughput is
    $\min(K / (L_0 + Z), 1 / D)$ with think time Z.

    **Arguments:** `latency_s` ($L_0$), `work_s` (D); others as in `simulate_requests`.

    **Reference:** asymptotic bounds of closed queueing networks (Denning & Buzen, ACM Comput. Surv. 10:225, 1978). It
    is optimistic: waits for other resources are left out.
    """
    _check_load(n, clients, arrivals_s, warm_up)
    if arrivals_s is not None:
        arrival = np.asarray(arrivals_s, float)
        turns = work_s * np.arange(n)
        start = np.maximum.accumulate(arrival - turns) + turns
        return RequestLatencies(arrival[warm_up:], start[warm_up:] + latency_s)
    assert clients is not None
    arrival, start, last = np.zeros(n), np.zeros(n), -np.inf
    for i in range(n):
        arrival[i] = start[i - clients] + latency_s + think_time_s if i >= clients else 0.0
        start[i] = last = max(arrival[i], last + work_s)
    return RequestLatencies(arrival[warm_up:], start[warm_up:] + latency_s)


def _check_load(n: int, clients: Any, arrivals_s: Any, warm_up: int) -> None:
    if (clients is None) == (arrivals_s is None):
        raise ValueError("requests arrive either from clients or at arrivals_s; give one of the two")
    if clients is not None and not 1 <= clients <= n:
        raise ValueError(f"{clients} clients send {n} requests; give 1 to {n} clients")
    if arrivals_s is not None and (np.shape(arrivals_s) != (n,) or np.any(np.diff(arrivals_s) < 0)):
        raise ValueError(f"arrivals_s has shape {np.shape(arrivals_s)}; give {n} times in order")
    if not 0 <= warm_up < n - 1:
        raise ValueError(f"a warm-up of {warm_up} of {n} requests leaves nothing; give at most {n - 2}")


def _copies(graph: Graph, n: int, scale: np.ndarray | None) -> Graph:
    """`n` graphs side by side, whose sequences go in order of requests."""
    size, sequences = graph.n_operations, int(graph.sequence.max(initial=0)) + 1
    number = np.arange(n, dtype=np.int64)
    factors = np.ones(n) if scale is None else np.asarray(scale, float)
    if factors.shape != (n,) or np.any(factors < 0):
        raise ValueError(f"scale has shape {factors.shape}; give each of {n} requests a factor of at least 0")
    shift = np.repeat(number, graph.source.size) * size
    return Graph(
        kind=np.tile(graph.kind, n),
        duration_s=np.outer(factors, graph.duration_s).ravel(),
        energy_J=np.outer(factors, graph.energy_J).ravel(),
        unit=np.tile(graph.unit, n),
        sequence=(number[:, None] * sequences + graph.sequence).astype(np.int32).ravel(),
        token=np.tile(graph.token, n),
        stage=np.tile(graph.stage, n),
        epoch=np.tile(graph.epoch, n),
        source=np.tile(graph.source, n) + shift,
        target=np.tile(graph.target, n) + shift,
        stages=graph.stages,
        blocks=graph.blocks,
    )


def _chained(many: Graph, one: Graph, n: int, clients: int, think_time_s: float) -> Graph:
    """Request i + `clients` starts `think_time_s` after request i is done."""
    size, links = one.n_operations, n - clients
    sources = np.setdiff1d(np.arange(size), one.target)
    sinks = np.setdiff1d(np.arange(size), one.source)
    think = n * size + np.arange(links)
    request = np.arange(links, dtype=np.int64)[:, None] * size
    ends = [np.broadcast_to(think[:, None], (links, ids.size)).ravel() for ids in (sinks, sources)]

    def more(values: np.ndarray, value: Any) -> np.ndarray:
        return np.concatenate([values, np.full(links, value, values.dtype)])

    return Graph(
        kind=more(many.kind, JOIN),
        duration_s=more(many.duration_s, think_time_s),
        energy_J=more(many.energy_J, 0.0),
        unit=more(many.unit, -1),
        sequence=more(many.sequence, 0),
        token=more(many.token, 0),
        stage=more(many.stage, len(many.stages)),
        epoch=more(many.epoch, 0),
        source=np.concatenate([many.source, (request + sinks).ravel(), ends[1]]),
        target=np.concatenate([many.target, ends[0], (request + clients * size + sources).ravel()]),
        stages=(*many.stages, "think"),
        blocks=many.blocks,
    )
