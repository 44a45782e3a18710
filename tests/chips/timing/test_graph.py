"""Graphs of operations: how many of what there are, and what waits for what, counted by hand."""

import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax.chips import timing
from aimcjax.chips.timing import Decoder, GraphBuilder, OperationCosts


PUBLIC = Decoder(n_layers=1, dim=512, ff=2048, vocab=1024)


def _count(graph: timing.Graph, kind: str) -> int:
    return int(np.sum(graph.kind == timing.KINDS.index(kind)))


def test_one_decoder_layer_by_hand() -> None:
    graph = timing.decoder_graph(PUBLIC)
    assert graph.n_arrays == 2 + 1 + 3 + 1 + 4 + 4 + 2  # tokens, positions, q k v, out, ffn1, ffn2, head
    assert _count(graph, "mvm") == 1 + 1 + 3 + 1 + 4 + 4 + 2  # one block of the embedding is read
    assert _count(graph, "digital") == 1 + 2 + 2 + 1 + 3  # embedding sum, residual sums, norms, activation, blocks
    assert _count(graph, "communication") == 16 + 14  # from every MVM, and to all but the lookups
    assert (_count(graph, "attention"), _count(graph, "sample")) == (1, 1)
    names = {block.layer for block in graph.blocks}
    assert names >= {"embedding", "position", "head", *(f"layers/0/{part}" for part in ("q", "k", "v", "out", "ffn2"))}


@pytest.mark.parametrize(("dim", "ff"), [(300, 700), (512, 512), (1030, 1025)])
def test_partition_is_that_of_every_matrix(dim: int, ff: int) -> None:
    rows, cols, kv = 256, 128, 64
    model = Decoder(
        n_layers=2, dim=dim, ff=ff, vocab=777, kv_dim=kv, gated=True, pre_norm=True, position_embedding=False
    )
    graph = timing.decoder_graph(model, rows=rows, cols=cols)

    def blocks(n_in: int, n_out: int) -> int:
        return -(-n_in // rows) * -(-n_out // cols)

    layer = blocks(dim, dim) * 2 + 2 * blocks(dim, kv) + 2 * blocks(dim, ff) + blocks(ff, dim)
    assert graph.n_arrays == blocks(777, dim) + 2 * layer + blocks(dim, 777)
    sums = np.char.find(np.asarray(graph.stages)[graph.stage], "ffn2 sum") >= 0
    assert sums.sum() == 2 * (-(-ff // rows) - 1) * -(-dim // cols)


def test_passes_with_and_without_a_cache() -> None:
    cached = timing.decoder_graph(PUBLIC, prefill=3, decode=4, batch=2)
    again = timing.decoder_graph(PUBLIC, prefill=3, decode=4, batch=2, kv_cache=False)
    of = lambda graph, name: graph.stage == graph.stages.index(name)
    assert of(cached, "embedding").sum() == 2 * (3 + 4)
    assert of(again, "embedding").sum() == 2 * (3 + 4 + 5 + 6 + 7)
    for graph in (cached, again):
        assert of(graph, "sample").sum() == of(graph, "layers/0/attention").sum() == 2 * 5
        assert list(np.unique(graph.epoch)) == [0, 1, 2, 3, 4]
    starts = cached.target[cached.epoch[cached.source] != cached.epoch[cached.target]]
    assert np.all(np.isin(cached.stage[starts], [cached.stages.index("embedding"), cached.stages.index("position")]))


def test_identifiers_choose_the_block_of_the_embedding() -> None:
    graph = timing.decoder_graph(PUBLIC, prefill=3, tokens=np.asarray([[511, 512, 5]]))
    reads = graph.unit[graph.stage == graph.stages.index("embedding")]
    assert [graph.blocks[i].row for i in reads] == [0, 1, 0]
    with pytest.raises(ValueError, match=r"tokens have shape \(1, 3\), values to 1024; give \(1, 3\) below 1024"):
        timing.decoder_graph(PUBLIC, prefill=3, tokens=np.asarray([[0, 1024, 1]]))


def test_replicas_take_turns() -> None:
    graph = timing.decoder_graph(PUBLIC, prefill=6, replicas={"out": 3})
    units = graph.unit[graph.stage == graph.stages.index("layers/0/out")]
    assert [graph.blocks[i].copy for i in units] == [0, 1, 2, 0, 1, 2]


def test_energy_of_a_token_by_hand() -> None:
    expected = 16 * 10 + 2 * 10 + 10 + (1 + 3 + 2) * 10 + 2 + 30 * 0.04096  # nJ
    graph = timing.decoder_graph(PUBLIC)
    assert graph.energy_J.sum() == pytest.approx(expected * 1e-9, rel=tolerances.PRIMITIVE, abs=0.0)
    assert timing.schedule(graph, passive_power_W=5.0).energy_J == pytest.approx(
        expected * 1e-9 + 5 * 883e-9, rel=tolerances.PRIMITIVE, abs=0.0
    )


def test_lockstep_counts_the_same_energy_and_arrays() -> None:
    model = Decoder(n_layers=2, dim=1024, ff=2048, vocab=1024, position_embedding=False)
    one, many = (timing.decoder_graph(model, lockstep=lockstep) for lockstep in (True, False))
    assert sum(block.n for block in one.blocks) == many.n_arrays
    moved = lambda graph: graph.kind == timing.KINDS.index("communication")
    for select in (moved, lambda graph: ~moved(graph)):
        assert one.energy_J[select(one)].sum() == pytest.approx(
            many.energy_J[select(many)].sum(), rel=tolerances.FLOAT64, abs=0.0
        )


def test_draws_of_experts_follow_their_density() -> None:
    density, n = np.asarray([0.4, 0.3, 0.2, 0.1]), 20_000
    drawn = timing.draw_experts(density, n_layers=2, batch=1, positions=n // 2, k=2, key=jr.key(3)).reshape(-1, 2)
    counts = np.bincount(drawn[:, 0], minlength=4)
    assert stats.chisquare(counts, density * n).pvalue > tolerances.P_VALUE
    second = np.asarray([sum(density[j] * density[i] / (1 - density[j]) for j in range(4) if j != i) for i in range(4)])
    assert stats.chisquare(np.bincount(drawn[:, 1], minlength=4), second * n).pvalue > tolerances.P_VALUE
    assert np.all(drawn[:, 0] != drawn[:, 1])


def test_vectors_of_layers_wait_for_their_share() -> None:
    layers = [("a", 8, 8, 4), ("b", 8, 8, 2), ("c", 8, 8, 1)]
    graph = timing.sequential_graph(layers, pipelined=True)
    done = timing.schedule(graph, timing.Resources(n_digital=9))
    at = lambda name: done.start_s[graph.stage == graph.stages.index(name)] * 1e9
    # An MVM each 100 ns, then 10 + 1 + 10 ns to the next layer: its first vector needs two of the first, ...
    np.testing.assert_allclose(at("a"), [10, 110, 210, 310])
    np.testing.assert_allclose(at("b"), [210 + 21, 410 + 21])
    np.testing.assert_allclose(at("c"), [531 + 21])
    whole = timing.schedule(timing.sequential_graph(layers))
    assert whole.latency_s == pytest.approx((10 + 400 + 11 + 10 + 200 + 11 + 10 + 100 + 11) * 1e-9)


def test_refuses_what_makes_no_graph() -> None:
    with pytest.raises(ValueError, match=r"n_layers, dim, ff, vocab, kv_dim are \(1, 0, 4, 4, 1\)"):
        Decoder(n_layers=1, dim=0, ff=4, vocab=4)
    with pytest.raises(ValueError, match="prefill is 0; give at least 1"):
        timing.decoder_graph(PUBLIC, prefill=0)
    with pytest.raises(ValueError, match="arrays of 0x4"):
        timing.decoder_graph(PUBLIC, rows=0, cols=4)
    with pytest.raises(ValueError, match="same expert twice"):
        timing.Experts(4, np.zeros((1, 1, 1, 2), int))
    with pytest.raises(ValueError, match=r"choices go from 0 to 4; there are experts 0 to 3"):
        timing.Experts(4, np.asarray([0, 4]).reshape(1, 1, 1, 2))
    short = timing.Experts(4, np.zeros((1, 1, 2, 1), int))
    with pytest.raises(ValueError, match=r"\(1, 1, 3\) are due"):
        timing.decoder_graph(Decoder(n_layers=1, dim=8, ff=8, vocab=8, experts=short), prefill=3)
    builder = GraphBuilder(
        np.zeros(1, int), np.zeros(1, int), np.zeros(1, int), rows=4, cols=4, costs=OperationCosts(add_time=-1.0)
    )
    builder.stage("bad", 2, builder.everyone, "add")
    with pytest.raises(ValueError, match=r"operation 0 lasts -1.0 s; give finite times"):
        builder.build()
