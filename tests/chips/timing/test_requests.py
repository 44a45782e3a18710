"""Requests under load: against closed forms of queues."""

import math

import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax.chips import timing
from aimcjax.chips.timing import Decoder, OperationCosts, Resources


NS = 1e-9


def _one_operation(seconds: float = 1e-6) -> timing.Graph:
    none = np.zeros(1, int)
    builder = timing.GraphBuilder(none, none, none, rows=8, cols=8, costs=OperationCosts(add_time=seconds))
    builder.stage("work", timing.KINDS.index("digital"), builder.everyone, "add")
    return builder.build()


SERVER = Resources(n_digital=1)
TOKEN = timing.decoder_graph(Decoder(n_layers=2, dim=16, ff=16, vocab=16), rows=16, cols=16, decode=1)


def _of_mean(values: np.ndarray, blocks: int = 40) -> float:
    """Four standard errors of the mean of a correlated series, from the means of its blocks."""
    means = values[: values.size // blocks * blocks].reshape(blocks, -1).mean(axis=1)
    return 4 * means.std(ddof=1) / math.sqrt(blocks)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_constant_work_at_poisson_arrivals_is_the_m_d_1_queue(load: float) -> None:
    n, work = 20_000, 1e-6
    arrivals = timing.poisson_arrivals(n, load / work, key=jr.key(0))
    found = timing.simulate_requests(_one_operation(), SERVER, n=n, arrivals_s=arrivals, warm_up=500)
    wait = found.latency_s - work
    expected = load * work / (2 * (1 - load))
    assert abs(wait.mean() - expected) < _of_mean(wait)
    assert _of_mean(wait) < 0.3 * expected
    estimate = timing.estimate_requests(
        timing.schedule(_one_operation(), SERVER), n=n, arrivals_s=arrivals, warm_up=500
    )
    np.testing.assert_allclose(estimate.done_s, found.done_s, atol=2e-12)  # rounded to ticks of 1 ps


def test_exponential_work_is_the_m_m_1_queue() -> None:
    """Its sojourn is exponential with rate mu - lambda: every quantile is known."""
    n, mu, load = 40_000, 1e6, 0.5
    key_work, key_arrivals = jr.split(jr.key(1))
    scale = np.asarray(jr.exponential(key_work, (n,)), float)
    arrivals = timing.poisson_arrivals(n, load * mu, key=key_arrivals)
    found = timing.simulate_requests(
        _one_operation(1 / mu), SERVER, n=n, arrivals_s=arrivals, scale=scale, warm_up=1000
    )
    rate = mu - load * mu
    assert abs(found.latency_s.mean() - 1 / rate) < _of_mean(found.latency_s)
    for share, quantile in ((0.50, found.p50_s), (0.95, found.p95_s), (0.99, found.p99_s)):
        expected = -math.log(1 - share) / rate
        above = (found.latency_s > expected).astype(float)
        assert abs(above.mean() - (1 - share)) < _of_mean(above)
        assert quantile == pytest.approx(expected, rel=0.15)
    assert found.throughput_per_s == pytest.approx(load * mu, rel=tolerances.of_mean(n))


def test_one_client_never_waits() -> None:
    alone = timing.schedule(TOKEN)
    found = timing.simulate_requests(TOKEN, n=8, clients=1, think_time_s=70 * NS)
    np.testing.assert_allclose(found.latency_s, alone.latency_s, rtol=tolerances.FLOAT64 * 100)
    assert found.throughput_per_s == pytest.approx(1 / (alone.latency_s + 70 * NS))
    assert found.p50_s == pytest.approx(found.p99_s)


@pytest.mark.parametrize("clients", [2, 5, 12])
def test_clients_in_a_closed_loop(clients: int) -> None:
    """Little's law K = X (R + Z), and the bounds X <= K / (L0 + Z), X <= 1 / D which the estimate reaches."""
    n, think, warm_up = 40 * clients, 500 * NS, 4 * clients
    alone = timing.schedule(TOKEN)
    found = timing.simulate_requests(TOKEN, n=n, clients=clients, think_time_s=think, warm_up=warm_up)
    x = found.throughput_per_s
    assert x * (found.latency_s.mean() + think) == pytest.approx(clients, rel=2 / 40)
    work = max(alone.active_s()[name] / (4 if "digital" in name else 1) for name in alone.active_s())
    bound = min(clients / (alone.latency_s + think), 1 / work)
    assert x <= bound * (1 + 2 / 40)
    assert found.p50_s >= alone.latency_s * (1 - tolerances.FLOAT64)
    estimate = timing.estimate_requests(alone, n=n, clients=clients, think_time_s=think, warm_up=warm_up)
    assert estimate.throughput_per_s == pytest.approx(bound, rel=2 / 40)
    assert estimate.p50_s <= found.p50_s * (1 + tolerances.PRIMITIVE)


def test_latency_grows_with_clients_to_a_saturated_machine() -> None:
    graph = timing.decoder_graph(Decoder(n_layers=1, dim=16, ff=16, vocab=16), rows=16, cols=16)
    one_tile = Resources(tiles=np.zeros(graph.n_arrays, int))
    runs = [timing.simulate_requests(graph, one_tile, n=60, clients=k, warm_up=20) for k in (1, 2, 8)]
    assert runs[0].p99_s < runs[1].p99_s < runs[2].p99_s
    # One tile does all MVMs of a request one after another, so eight clients keep it busy all the time.
    busy = 100 * NS * graph.n_arrays
    assert runs[2].throughput_per_s == pytest.approx(1 / busy, rel=0.03)


def test_refuses_loads_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="give one of the two"):
        timing.simulate_requests(TOKEN, n=4)
    with pytest.raises(ValueError, match="5 clients send 4 requests"):
        timing.simulate_requests(TOKEN, n=4, clients=5)
    with pytest.raises(ValueError, match="give 3 times in order"):
        timing.estimate_requests(timing.schedule(TOKEN), n=3, arrivals_s=np.asarray([0.0, 2.0, 1.0]))
    with pytest.raises(ValueError, match="warm-up of 3 of 4"):
        timing.simulate_requests(TOKEN, n=4, clients=1, warm_up=3)
    with pytest.raises(ValueError, match="rate_per_s is 0"):
        timing.poisson_arrivals(3, 0.0, key=jr.key(0))
