"""Experts on stacked arrays, and caps on power."""

import itertools

import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax.chips import timing
from aimcjax.chips.timing import Caps, Decoder, Experts, OperationCosts, Resources


NS = 1e-9
PUBLIC = Decoder(n_layers=1, dim=512, ff=2048, vocab=1024)
PAIRS = np.asarray([[0, 1], [2, 3]])


def _mixture(choices: np.ndarray, n_experts: int = 4, ff: int = 512) -> Decoder:
    experts = Experts(n_experts, choices.reshape(1, 1, -1, choices.shape[-1]))
    return Decoder(n_layers=1, dim=512, ff=ff, vocab=512, experts=experts)


def test_coactivation_counts_pairs() -> None:
    together = timing.coactivation(np.asarray([[0, 1], [1, 2], [1, 0], [0, 1]]), 4)
    expected = np.asarray([[3, 3, 0, 0], [3, 4, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]) / 4
    np.testing.assert_array_equal(together, expected)


def test_experts_of_one_bank_wait_for_each_other() -> None:
    """One token and two experts: on one bank ffn1 of the second comes 100 ns later, and so does all behind it."""
    graph = timing.decoder_graph(_mixture(np.asarray([[0, 1]])))
    banks = {"shared": np.asarray([0, 0, 1, 1]), "apart": np.asarray([0, 1, 0, 1])}
    found = timing.compare_banks(graph, banks, tiers=2)
    alone = timing.schedule(graph).latency_s
    assert found["apart"].latency_s == pytest.approx(alone)
    assert found["apart"].conflicts == 0
    assert found["shared"].latency_s == pytest.approx(alone + 100 * NS)
    assert found["shared"].conflicts == 1  # ffn2 of the second then comes when that of the first is done
    assert found["shared"].wait_s == pytest.approx(100 * NS)
    assert found["shared"].energy_J == found["apart"].energy_J


def test_placement_by_coactivation_separates_pairs() -> None:
    choices = PAIRS[np.asarray(jr.bernoulli(jr.key(0), 0.5, (40,)), int)]
    together = timing.coactivation(choices, 4)
    by_pairs, in_order = timing.banks_by_coactivation(together, 2), timing.banks_in_order(4, 2)
    assert list(in_order) == [0, 0, 1, 1]
    assert all(by_pairs[i] != by_pairs[j] for i, j in PAIRS)
    graph = timing.decoder_graph(_mixture(choices), prefill=40)
    found = timing.compare_banks(graph, {"order": in_order, "pairs": by_pairs}, tiers=2)
    # Apart, a bank does one MVM for each token, as every other array. In order, one does two for every second token.
    one = timing.schedule(timing.decoder_graph(_mixture(choices[:1]))).latency_s
    assert found["pairs"].latency_s == pytest.approx(one + 2 * 39 * 100 * NS)
    assert found["order"].latency_s > found["pairs"].latency_s + 500 * NS
    assert found["pairs"].wait_s < found["order"].wait_s


def _clash(together: np.ndarray, bank: np.ndarray) -> float:
    often = np.diag(together)
    pairs = [(i, j) for i in range(bank.size) for j in range(i) if bank[i] == bank[j]]
    return sum(together[i, j] + often[i] * often[j] for i, j in pairs)


def test_greedy_placement_is_near_the_best_of_all() -> None:
    draws = np.asarray([0.3, 0.25, 0.15, 0.12, 0.1, 0.08])
    choices = timing.draw_experts(draws, n_layers=1, batch=1, positions=400, k=2, key=jr.key(2))[0, 0]
    together = timing.coactivation(choices, 6)
    every = [np.asarray(b) for b in itertools.product(range(3), repeat=6) if np.bincount(b, minlength=3).max() == 2]
    best = min(_clash(together, b) for b in every)
    mean = np.mean([_clash(together, b) for b in every])
    greedy = _clash(together, timing.banks_by_coactivation(together, 3))
    assert best <= greedy < best + 0.25 * (mean - best)


def test_banks_have_room_for_their_experts_only() -> None:
    graph = timing.decoder_graph(_mixture(np.asarray([[0, 1]])))
    tiles = timing.bank_tiles(graph, np.asarray([0, 1, 0, 1]), tiers=2)
    experts = np.asarray(["expert" in block.layer for block in graph.blocks])
    assert np.bincount(tiles)[tiles[experts]].tolist() == [2] * 8  # ffn1 and ffn2 of four experts
    assert np.bincount(tiles)[tiles[~experts]].max() == 1
    with pytest.raises(ValueError, match=r"holds 3 arrays of layers/0/expert/ffn1 and has 2 tiers"):
        timing.bank_tiles(graph, np.asarray([0, 0, 0, 1]), tiers=2)
    with pytest.raises(ValueError, match=r"expert 3 of layers/0 has no bank"):
        timing.bank_tiles(graph, np.asarray([0, 0, 1]))


def test_cap_of_two_arrays_by_hand() -> None:
    """0.1 W an MVM. The third of q, k, v waits 100 ns, two of four in ffn1 and in ffn2; of ffn2 the first two are
    summed meanwhile, which saves one sum of 10 ns."""
    graph = timing.decoder_graph(PUBLIC)
    done = timing.schedule(graph, caps=Caps(power_W=0.2))
    assert done.latency_s == pytest.approx((883 + 100 + 100 + 100 - 10) * NS, rel=tolerances.PRIMITIVE)
    assert done.throttled_s.sum() == pytest.approx((1 + 2 + 2) * 100 * NS)
    free = timing.schedule(graph, caps=Caps(power_W=0.4))
    assert free.latency_s == pytest.approx(883 * NS)
    assert free.throttled_s.sum() == 0.0


def _power(done: timing.Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Instants at which the power of the arrays changes, and the power from then on."""
    mvm = done.graph.kind == timing.KINDS.index("mvm")
    watts = done.graph.energy_J[mvm] / done.graph.duration_s[mvm]
    at = np.rint(np.concatenate([done.start_s[mvm], done.end_s[mvm]]) * 1e12)
    instants, index = np.unique(at, return_inverse=True)
    return instants * 1e-12, np.cumsum(np.bincount(index, np.concatenate([watts, -watts])))


@pytest.mark.parametrize("cap", [0.1, 0.3, 0.5])
def test_power_stays_below_its_cap(cap: float) -> None:
    choices = timing.draw_experts(np.ones(4), n_layers=1, batch=1, positions=30, k=2, key=jr.key(4))[0, 0]
    graph = timing.decoder_graph(_mixture(choices, ff=1024), prefill=30)
    done = timing.schedule(graph, caps=Caps(power_W=cap))
    _, power = _power(done)
    assert power.max() == pytest.approx(cap, rel=tolerances.PRIMITIVE)
    free = timing.schedule(graph)
    assert done.latency_s > free.latency_s
    mvm = graph.kind == timing.KINDS.index("mvm")
    assert done.latency_s >= graph.energy_J[mvm].sum() / cap  # no more work in less time


def test_average_power_follows_its_cap() -> None:
    tau, cap, costs = 1e-6, 0.25, OperationCosts(norm_time=1e-9)
    choices = timing.draw_experts(np.ones(4), n_layers=1, batch=1, positions=150, k=2, key=jr.key(5))[0, 0]
    graph = timing.decoder_graph(_mixture(choices, ff=1024), prefill=150, costs=costs)
    done = timing.schedule(graph, caps=Caps(average_W=cap, time_constant_s=tau))
    at, power = _power(done)
    theta, series = 0.0, []
    for i in range(at.size - 1):
        theta = power[i] + (theta - power[i]) * np.exp(-(at[i + 1] - at[i]) / tau)
        series.append(theta)
    assert max(series) <= cap * (1 + tolerances.PRIMITIVE)
    assert max(series) > 0.95 * cap
    busy = (at[:-1] > 0.3 * done.latency_s) & (at[:-1] < 0.9 * done.latency_s)
    mean = np.sum(power[:-1][busy] * np.diff(at)[busy]) / np.sum(np.diff(at)[busy])
    assert 0.75 * cap < mean < 1.01 * cap  # throttled all the time, with gaps that an MVM does not fit in
    assert done.throttled_s.sum() > 0
    assert done.latency_s > 1.3 * timing.schedule(graph).latency_s


def test_one_array_under_an_average_cap_by_hand() -> None:
    """Vectors of 100 ns at 0.1 W with a cap of 0.08 W: each starts when exp(-dt/tau) has let the average fall to where
    it ends at the cap."""
    tau, cap, p, d = 150 * NS, 0.08, 0.1, 100 * NS
    graph = timing.sequential_graph([("a", 8, 8, 6)])
    done = timing.schedule(graph, caps=Caps(average_W=cap, time_constant_s=tau))
    starts, theta, now = [], 0.0, 10 * NS
    limit = p - (p - cap) * np.exp(d / tau)
    for _ in range(6):
        if theta > limit:
            now += tau * np.log(theta / limit)
            theta = limit
        starts.append(now)
        theta, now = p + (theta - p) * np.exp(-d / tau), now + d
    np.testing.assert_allclose(done.start_s[graph.kind == 0], starts, atol=20e-12)
    assert np.all(np.diff(starts)[2:] > d)


def test_caps_that_nothing_fits_are_refused() -> None:
    graph = timing.decoder_graph(PUBLIC)
    with pytest.raises(ValueError, match=r"one MVM takes 0.1 W and power_W is 0.05 W"):
        timing.schedule(graph, caps=Caps(power_W=0.05))
    with pytest.raises(ValueError, match=r"exceeds average_W 0.05 W"):
        timing.schedule(graph, caps=Caps(average_W=0.05, time_constant_s=1e-8))
    with pytest.raises(ValueError, match="power_W is 0"):
        Caps(power_W=0.0)


def test_resources_other_than_tiles_stay() -> None:
    graph = timing.decoder_graph(_mixture(np.asarray([[0, 1]])))
    bank = {"apart": np.asarray([0, 1, 0, 1])}
    slow = timing.compare_banks(graph, bank, resources=Resources(n_digital=1))["apart"]
    assert slow.latency_s > timing.compare_banks(graph, bank)["apart"].latency_s
