"""Schedules: against times by hand, a clock that looks at every instant, and each way against the other."""

import time
from typing import Any

import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax.chips import timing
from aimcjax.chips.timing import Decoder, Experts, OperationCosts, Resources
from aimcjax.chips.timing._events import run_events
from aimcjax.chips.timing._resources import assign
from aimcjax.chips.timing._waves import run_waves


PUBLIC = Decoder(n_layers=1, dim=512, ff=2048, vocab=1024)
NS = 1e-9


def _two_layers(**more: Any) -> Decoder:
    return Decoder(n_layers=2, dim=512, ff=1024, vocab=512, **more)


def _mixture(positions: int, n_layers: int = 2, k: int = 2, **more: Any) -> Decoder:
    choices = timing.draw_experts(np.ones(4), n_layers=n_layers, batch=1, positions=positions, k=k, key=jr.key(1))
    return Decoder(n_layers=n_layers, dim=512, ff=1024, vocab=512, experts=Experts(4, choices, **more))


def test_one_decoder_layer_and_one_token_take_883_ns() -> None:
    done = timing.schedule(timing.decoder_graph(PUBLIC))
    assert done.latency_s == pytest.approx(883 * NS, rel=tolerances.FLOAT64)
    assert sum(done.conflicts().values()) == 0


def test_all_tiers_of_one_tile_work_one_after_another() -> None:
    """By hand: two lookups 200, link 10, sum 10, link 10; q k v 300, links and attention 22; out 100, link 10, sum 10,
    norm 50, link 10; ffn1 400, links and ReLU 21; ffn2 400, link 10, and only the last of the sums of blocks, 10; sum
    10, norm 50, link 10; head 200, link 10, sample 10."""
    graph = timing.decoder_graph(PUBLIC)
    done = timing.schedule(graph, Resources(tiles=np.zeros(graph.n_arrays, int)))
    by_hand = 230 + 322 + 180 + 421 + 400 + 20 + 70 + 220
    assert done.latency_s == pytest.approx(by_hand * NS, rel=tolerances.FLOAT64)
    assert done.conflicts()["tile 0"] == 1 + 2 + 3 + 3 + 1
    assert done.active_s()["tile 0"] == pytest.approx(1600 * NS)
    apart = timing.schedule(graph, Resources(tiles=np.zeros(graph.n_arrays, int), one_tier_at_a_time=False))
    assert apart.latency_s == pytest.approx(883 * NS, rel=tolerances.FLOAT64)


@pytest.mark.parametrize("tokens", [1, 7, 64])
def test_tokens_in_a_pipeline(tokens: int) -> None:
    """Each array is the slowest step of its pipeline; attention waits for the last token, and starts the second."""
    done = timing.schedule(timing.decoder_graph(PUBLIC, prefill=tokens))
    assert done.latency_s == pytest.approx((883 + 2 * (tokens - 1) * 100) * NS, rel=tolerances.FLOAT64)


@pytest.mark.parametrize("steps", [0, 1, 70])
def test_decoding_with_a_growing_context(steps: int) -> None:
    costs = OperationCosts(attention_time_per_context=3 * NS)
    done = timing.schedule(timing.decoder_graph(PUBLIC, decode=steps, costs=costs))
    contexts = np.arange(1, steps + 2)
    assert done.latency_s == pytest.approx((883 * (steps + 1) + 3 * contexts.sum()) * NS, rel=tolerances.FLOAT64)


def test_router_is_on_the_critical_path() -> None:
    dense = timing.schedule(timing.decoder_graph(_two_layers())).latency_s
    router = 10 + 100 + 10 + 10  # link, MVM, link, choice; of each layer
    for k, combine in ((1, 0), (2, 10)):
        latency = timing.schedule(timing.decoder_graph(_mixture(1, k=k))).latency_s
        assert latency - dense == pytest.approx(2 * (router + combine) * NS)
        hidden = timing.schedule(timing.decoder_graph(_mixture(1, k=k, router_on_critical_path=False))).latency_s
        assert hidden - dense == pytest.approx(2 * combine * NS, abs=1e-15)


def test_shared_converters_serve_one_array_at_a_time() -> None:
    none = np.zeros(1, int)
    builder = timing.GraphBuilder(none, none, none, rows=8, cols=8, costs=OperationCosts(convert_time=50 * NS))
    builder.linear(["a"], 8, [16], [])
    graph = builder.build()
    both = np.zeros(2, int)
    for resources, expected in (
        (Resources(), 10 + 100 + 50 + 10),
        (Resources(tiles=both, one_tier_at_a_time=False), 10 + 100 + 2 * 50 + 10),
        (Resources(tiles=both, one_tier_at_a_time=False, adcs_per_tile=2), 10 + 100 + 50 + 10),
        (Resources(tiles=both), 10 + 2 * 100 + 50 + 10),
        (Resources(n_channels=1), 20 + 100 + 50 + 10),  # the second array's inputs go second
    ):
        assert timing.schedule(graph, resources).latency_s == pytest.approx(expected * NS, rel=tolerances.FLOAT64)


def _clock(graph: timing.Graph, resources: Resources) -> np.ndarray:
    """Starts by a clock of nanoseconds that looks at all operations at every tick."""
    a, n = assign(graph, resources, NS), graph.n_operations
    order = sorted(range(n), key=lambda i: (graph.sequence[i], graph.token[i], i))
    inputs: list[list[int]] = [[] for _ in range(n)]
    for source, target in zip(graph.source, graph.target, strict=True):
        inputs[target].append(source)
    start, end, now = np.full(n, -1), np.full(n, 1 << 40), 0
    while np.any(start < 0):
        for _ in range(3):  # what takes no time may let others start
            for i in order:
                if start[i] >= 0 or any(end[j] > now for j in inputs[i]):
                    continue
                r = a.resource[i]
                if r < 0 or np.sum((a.resource == r) & (start >= 0) & (end > now)) < a.capacity[r]:
                    start[i], end[i] = now, now + a.ticks[i]
        now += 1
    return start * NS


SMALL = Decoder(n_layers=1, dim=8, ff=16, vocab=8)
FAST = OperationCosts(**{name: value for name, value in (("mvm_time", 5e-9), ("norm_time", 3e-9), ("add_time", 2e-9),
    ("link_time", 1e-9), ("attention_time", 2e-9), ("sample_time", 1e-9), ("activation_time", 1e-9))})  # fmt: skip


@pytest.mark.parametrize(
    ("passes", "resources"),
    [
        ({"prefill": 3}, {"n_digital": 1}),
        ({"prefill": 2, "decode": 1, "batch": 2}, {"n_digital": 2}),
        ({"prefill": 2, "batch": 2, "attention_per_token": True}, {"n_digital": 2, "n_channels": 2}),
        ({"prefill": 1, "decode": 1, "batch": 3, "synchronous": True}, {"one_tier_at_a_time": False}),
    ],
)
@pytest.mark.parametrize("share", [1, 3, 100])
def test_event_queue_is_what_a_clock_does(passes: dict, resources: dict, share: int) -> None:
    graph = timing.decoder_graph(SMALL, rows=8, cols=8, costs=FAST, **passes)
    machine = Resources(tiles=np.arange(graph.n_arrays) % share, **resources)
    done = timing.schedule(graph, machine, fast=False)
    np.testing.assert_allclose(done.start_s, _clock(graph, machine), atol=1e-15)


def _stacked(graph: timing.Graph) -> Resources:
    return Resources(tiles=timing.bank_tiles(graph, np.asarray([0, 0, 1, 1])))


@pytest.mark.parametrize(
    ("model", "passes", "resources"),
    [
        (_two_layers(), {"prefill": 100}, None),
        (_two_layers(), {"prefill": 5, "decode": 90}, None),
        (_two_layers(), {"prefill": 9, "decode": 12, "kv_cache": False}, None),
        (_two_layers(), {"prefill": 30, "batch": 3}, None),
        (_two_layers(pre_norm=True, gated=True), {"prefill": 20, "decode": 9, "lockstep": True}, None),
        (_mixture(100), {"prefill": 100}, None),
        (_mixture(60, n_layers=1), {"prefill": 60, "costs": OperationCosts(add_time=1e-9, norm_time=1e-9)}, _stacked),
    ],
)
def test_both_ways_give_the_same_schedule(model: Decoder, passes: dict, resources: Any) -> None:
    graph = timing.decoder_graph(model, **passes)
    machine = assign(graph, resources(graph) if resources else Resources(n_digital=64, n_attention=3), 1e-12)
    fast = run_waves(graph, machine)
    start, ready, _ = run_events(graph, machine, None, None)
    assert fast is not None
    np.testing.assert_array_equal(fast[0], start)
    np.testing.assert_array_equal(fast[1], ready)


def test_fast_way_steps_back_where_stages_compete() -> None:
    graph = timing.decoder_graph(_two_layers(), prefill=90)
    busy = Resources(n_digital=1, tiles=np.arange(graph.n_arrays) // 2)
    assert run_waves(graph, assign(graph, busy, 1e-12)) is None
    wide = timing.decoder_graph(Decoder(n_layers=1, dim=1024, ff=2048, vocab=8), prefill=9)  # 20 sums of blocks a token
    assert run_waves(wide, assign(wide, Resources(n_digital=2), 1e-12)) is None  # its pool runs out
    done = timing.schedule(graph, busy)
    np.testing.assert_array_equal(done.start_s, timing.schedule(graph, busy, fast=False).start_s)


def test_lockstep_is_exact_where_nothing_is_shared() -> None:
    model = Decoder(n_layers=2, dim=1024, ff=2048, vocab=1024)
    one, many = (
        timing.schedule(timing.decoder_graph(model, prefill=8, decode=2, lockstep=lockstep), Resources(n_digital=64))
        for lockstep in (True, False)
    )
    assert one.latency_s == pytest.approx(many.latency_s, rel=tolerances.FLOAT64)


def test_no_resource_serves_more_than_it_has_units() -> None:
    graph = timing.decoder_graph(_mixture(12), prefill=12)
    done = timing.schedule(graph, Resources(tiles=np.arange(graph.n_arrays) % 7, n_digital=2))
    for r in np.unique(done.resource[done.resource >= 0]):
        mine = done.resource == r
        starts, ends = np.sort(done.start_s[mine]), np.sort(done.end_s[mine])
        at_once = np.arange(1, starts.size + 1) - np.searchsorted(ends, starts, side="right")
        assert at_once.max() <= done.capacity[r]
    assert np.all(done.start_s >= done.ready_s)
    assert np.all(done.start_s[graph.target] >= done.end_s[graph.source])
    for name, fraction in done.busy_fraction().items():
        assert 0 < fraction <= 1, name
    assert sum(done.energy_by_kind().values()) == pytest.approx(done.energy_J)


@pytest.mark.parametrize("share", [1, 4, 100])
def test_critical_path_adds_up_to_the_latency(share: int) -> None:
    graph = timing.decoder_graph(_mixture(9), prefill=9)
    done = timing.schedule(graph, Resources(tiles=np.arange(graph.n_arrays) % share, n_digital=1))
    path = done.critical_path()
    assert done.start_s[path[0]] == 0.0
    np.testing.assert_array_equal(done.end_s[path[:-1]], done.start_s[path[1:]])
    assert graph.duration_s[path].sum() == pytest.approx(done.latency_s, rel=tolerances.PRIMITIVE)


def test_released_operations_wait() -> None:
    graph = timing.sequential_graph([("a", 8, 8, 1)])
    done = timing.schedule(graph, release_s=np.full(graph.n_operations, 5e-6))
    assert done.latency_s == pytest.approx(5e-6 + 121 * NS, rel=tolerances.FLOAT64)


def test_refuses_what_cannot_be_scheduled() -> None:
    graph = timing.sequential_graph([("a", 8, 8, 1)])
    with pytest.raises(ValueError, match=r"give each of 1 arrays an integer from 0"):
        timing.schedule(graph, Resources(tiles=np.zeros(3, int)))
    with pytest.raises(ValueError, match="n_digital is 0; give at least 1"):
        Resources(n_digital=0)
    with pytest.raises(ValueError, match="release_s has shape"):
        timing.schedule(graph, release_s=np.zeros(2))
    circle = timing.Graph(**{**vars(graph), "source": np.asarray([0, 1]), "target": np.asarray([1, 0])})
    with pytest.raises(ValueError, match=r"a( in)? \[sequence 0, token 0\] never starts; .* in a circle"):
        timing.schedule(circle)


def test_a_study_of_32_layers_and_2048_tokens_takes_seconds() -> None:
    choices = timing.draw_experts(np.ones(8), n_layers=32, batch=1, positions=2048, k=1, key=jr.key(0))
    model = Decoder(n_layers=32, dim=512, ff=512, vocab=512, experts=Experts(8, choices))
    began = time.process_time()
    graph = timing.decoder_graph(model, prefill=2048, lockstep=True)
    done = timing.schedule(graph)
    assert time.process_time() - began < 20  # 3 s on an idle core, where a queue of events takes 10 s
    assert graph.n_operations > 1_300_000
    alone = timing.schedule(timing.decoder_graph(model, lockstep=True)).latency_s
    slowest = 100 * NS * 2047  # an array, one vector after another, once before and once after each attention
    assert done.latency_s >= alone + 32 * slowest
