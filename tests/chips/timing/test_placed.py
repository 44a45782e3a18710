"""Schedules of placed models: against sums by hand, the closed form where nothing overlaps, the energy of a cost."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, models, nn, periphery, tiles
from aimcjax.chips import Chip, timing
from aimcjax.models import Mlp, VisionTransformer


TILE = tiles.TileDesign(
    rows=8, cols=8, dac=periphery.UniformDac(bits=7), adc=periphery.UniformAdc(bits=6), device=devices.IdealDevice()
)
CORE = chips.Core(t_read=jnp.asarray(100e-9), cols_per_adc=jnp.asarray(8.0))
MVM = 100e-9 + 8 / 1.2e9  # eight columns in turn at the rate of a Walden converter
HOP, OP, SENT = 1e-9, 1e-12, 8 * 7 / 512e9  # of the default mesh and digital unit; eight inputs of seven bits


def _analog(model: Any) -> Any:
    return nn.convert(model, [nn.Rule(".*", TILE)])


def _mlp(*widths: int) -> Any:
    return _analog(eqx.filter_eval_shape(lambda key: Mlp(widths[0], widths[-1], widths[1:-1], key=key), jr.key(0)))


CHAIN = _mlp(8, 8, 8)


def test_the_rate_of_the_converter_is_what_the_sums_take_it_for() -> None:
    np.testing.assert_allclose(float(periphery.WaldenCost().rate), 1.2e9, rtol=1e-6)
    chip = Chip()
    assert isinstance(chip.links, chips.Mesh)
    numbers = (chip.links.hop_latency, 1 / chip.digital.ops_per_s, 8 * 7 / chip.links.bits_per_s)
    np.testing.assert_allclose([float(x) for x in numbers], [HOP, OP, SENT], rtol=1e-6)


def test_two_layers_by_hand() -> None:
    """Entering the mesh, one vector, one tile, two steps to the next one on a diagonal; no digital work but sums."""
    rows = [
        {"layer": f"layers/{i}", "row_range": [0, 8], "col_range": [0, 8], "replica": 0, "bank": 0, "grid_row": i,
         "grid_col": i, "tier": 0, "chip": "chip", "replication": 1, "tile_id": f"tile_{i}"}
        for i in range(2)
    ]  # fmt: skip
    placement = chips.place(CHAIN, Chip(grid=(2, 2), core=CORE), mapping=rows)
    found = timing.placement_schedule(placement)
    ways = (1 + 0) + (1 + 0) + (1 + 2) + (1 + 0)  # in and out of each layer
    by_hand = 2 * (MVM + SENT + 2 * 8 * OP) + ways * HOP
    np.testing.assert_allclose(found.latency_s, by_hand, atol=1e-12 * found.graph.n_operations)
    cost = chips.cost(placement)
    np.testing.assert_allclose(cost.closed_latency_s, by_hand, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(cost.latency_s, found.latency_s, rtol=tolerances.PRIMITIVE)
    assert cost.n_events == found.graph.n_operations <= timing.count_operations(placement)
    active = found.active_s()
    np.testing.assert_allclose([active["tile 0"], active["tile 3"]], MVM, rtol=1e-5)


@pytest.mark.parametrize("links", [chips.Mesh(), chips.Bus(n_channels=None)])
@pytest.mark.parametrize("digital", [chips.DigitalUnits(), chips.DigitalUnits(n_units=3)])
def test_closed_form_where_nothing_overlaps(links: Any, digital: Any) -> None:
    """One vector after the other through many blocks on tiles of their own."""
    placement = chips.place(_mlp(20, 24, 16, 10), Chip(links=links, digital=digital), sample=jnp.zeros(20))
    cost = chips.cost(placement)
    np.testing.assert_allclose(cost.latency_s, cost.closed_latency_s, rtol=tolerances.PRIMITIVE)
    every_block = timing.schedule(
        timing.placement_graph(placement, lockstep=False), timing.placement_resources(placement, lockstep=False)
    )
    np.testing.assert_allclose(every_block.latency_s, cost.latency_s, rtol=0.02)  # the farthest block is not both ways'


def test_tiers_of_one_tile_take_turns() -> None:
    """Four blocks of one layer behind one set of converters: four products, one after the other."""
    placement = chips.place(_mlp(16, 16), Chip(grid=(1, 1), tiers=4, core=CORE))
    found = timing.placement_schedule(placement)
    np.testing.assert_allclose(found.active_s()["tile 0"], 4 * MVM, rtol=1e-5)
    by_hand = 4 * MVM + SENT + 2 * HOP + 2 * 2 * 16 * OP
    np.testing.assert_allclose(found.latency_s, by_hand, atol=1e-12 * found.graph.n_operations)
    assert found.conflicts()["tile 0"] == 3


def test_vectors_follow_each_other_in_a_pipeline() -> None:
    """Patches of an image through one array: the next one enters as soon as the array is free."""
    image = jax.ShapeDtypeStruct((8, 8), jnp.float32)
    model = _analog(eqx.filter_eval_shape(
        lambda key: VisionTransformer(8, 4, 10, dim=8, depth=1, n_heads=2, mlp_ratio=2, key=key), jr.key(0)
    ))  # fmt: skip
    placement = chips.place(model, Chip(core=CORE), sample=image)
    found, cost = timing.placement_schedule(placement), chips.cost(placement)
    table = found.trace()
    starts = np.sort(table["start_s"][(table["name"] == "embed") & (table["kind"] == "mvm")])
    np.testing.assert_allclose(np.diff(starts), MVM, rtol=1e-5)
    stages = cost.stages
    assert stages is not None
    assert float(cost.latency_s) > max(float(t) for t in (stages.tiles, stages.digital, stages.attention))
    heads = table["start_s"][table["kind"] == "attention"]
    values = table["end_s"][(table["name"] == "blocks/0/attention/qkv") & (table["kind"] == "mvm")]
    assert heads.min() > values.max()  # queries wait for all keys and values
    assert found.energy_J == pytest.approx(float(cost.energy_J), rel=tolerances.COMPOSITE)


MOE_CONFIG = models.MixtralConfig(
    vocab_size=11, n_positions=6, dim=8, n_layers=1, n_heads=2, n_kv_heads=2, hidden=8, n_experts=4, top_k=2
)
MOE = _analog(eqx.filter_eval_shape(lambda key: models.Mixtral(MOE_CONFIG, key=key), jr.key(0)))
TOKENS = jax.ShapeDtypeStruct((6,), jnp.int32)


@pytest.mark.parametrize("chip", [Chip(), Chip(grid=(1, 3), tiers=8), Chip(links=chips.Bus())], ids=str)
def test_energy_is_that_of_the_cost(chip: Chip) -> None:
    """Whatever works together and whatever waits; two sequences of another length, copies, experts."""
    placement = chips.place(MOE, chip, sample=TOKENS, replicas={".*/q": 2})
    found = timing.placement_schedule(placement, batch=2, seq_len=9)
    cost = chips.cost(placement, batch=2, seq_len=9)
    assert found.energy_J == pytest.approx(float(cost.energy_J), rel=tolerances.COMPOSITE)
    assert found.graph.n_operations <= timing.count_operations(placement, batch=2, seq_len=9)


def test_keys_do_not_wait_for_queries_and_experts_wait_for_the_router() -> None:
    placement = chips.place(MOE, Chip(), sample=TOKENS)
    table = timing.placement_schedule(placement).trace()
    first = lambda part: min(
        start for name, kind, start in zip(table["name"], table["kind"], table["start_s"], strict=True)
        if kind == "mvm" and str(name).endswith(part)
    )  # fmt: skip
    assert first("/q") == pytest.approx(first("/k"), abs=5e-9)  # steps on the mesh apart
    digital = (table["name"] == "blocks/0/attention/out digital") & (table["token"] == 0)
    router = 2 * 8 * 4 * OP  # of one token: its products with a digital matrix of 8x4
    assert float((table["end_s"] - table["start_s"])[digital].item()) > router
    assert first("moe/gate") > float(table["end_s"][digital].item())
    assert first("moe/up") == pytest.approx(first("moe/gate"), abs=5e-9)


def test_experts_that_fire_together_are_faster_apart() -> None:
    """Every token goes to experts 0 and 2, or to 1 and 3: on tiles of their own they work at once."""
    which = np.asarray([[0, 2], [1, 3], [0, 2], [0, 2], [1, 3], [0, 2]])
    together, chip = timing.coactivation(which, 4), Chip(grid=(1, 2), tiers=12, core=CORE)
    times = {}
    for strategy in ("coactivation", "in_order"):
        spread: dict[str, Any] = {} if strategy == "in_order" else {"coactivation": together}
        placement = chips.place(MOE, chip, sample=TOKENS, strategy=strategy, **spread)
        graph = timing.placement_graph(placement, choices={".*": which.ravel()})
        found = chips.schedule(graph, timing.placement_resources(placement))
        mvm = graph.kind == timing.KINDS.index("mvm")
        met = [graph.blocks[unit].layer for unit in graph.unit[mvm]]
        ups = sorted(layer for layer in met if "moe/up[" in layer)
        assert ups == sorted(f"blocks/0/moe/up[{expert}]" for expert in which.ravel())
        times[strategy] = float(np.sum(found.wait_s[mvm]))
    assert times["coactivation"] < times["in_order"]
    with pytest.raises(
        ValueError, match="choices of .*gate: expected 12 whole numbers from 0 to 3, got int64 of shape"
    ):
        timing.placement_graph(placement, choices={".*": which})
    with pytest.raises(ValueError, match="choices: no stack of experts is called 'router'"):
        timing.placement_graph(placement, choices={"router": which.ravel()})


def test_a_layer_that_is_used_again_waits_for_itself() -> None:
    """Three passes of one shared block are three, one after the other, though the block lies there once."""
    make = lambda n: _analog(eqx.filter_eval_shape(
        lambda key: models.Albert(models.AlbertConfig(
            vocab_size=11, n_positions=6, embedding_dim=4, dim=8, n_layers=n, n_heads=2, hidden=16, masked_lm=False
        ), key=key), jr.key(0)
    ))  # fmt: skip
    times = [timing.placement_schedule(chips.place(make(n), Chip(), sample=TOKENS)).latency_s for n in (1, 2, 3)]
    assert times[1] - times[0] > 6 * 108e-9
    np.testing.assert_allclose(times[2] - times[1], times[1] - times[0], rtol=0.05)


def test_a_large_schedule_is_a_closed_form_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    placement = chips.place(CHAIN, Chip(), sample=jnp.zeros(8))
    scheduled = chips.cost(placement)
    monkeypatch.setattr("aimcjax.chips._cost.EVENTS", 5)
    cost = chips.cost(placement)
    assert (cost.n_events, float(cost.latency_s)) == (0, float(cost.closed_latency_s))
    assert "the latency is a closed form" in cost.notes[-1]
    assert scheduled.notes == cost.notes[:-1]


class Rows(eqx.Module):
    """One layer for each of its rows."""

    layer: eqx.nn.Linear

    def __call__(self, x: jax.Array) -> jax.Array:
        return jax.vmap(self.layer)(x)


def test_a_cap_on_power_lets_one_product_at_a_time() -> None:
    """Two copies take two vectors at once, unless power is for one of them."""
    image = jax.ShapeDtypeStruct((4, 8), jnp.float32)
    model = _analog(eqx.filter_eval_shape(lambda key: Rows(eqx.nn.Linear(8, 8, use_bias=False, key=key)), jr.key(0)))
    placement = chips.place(model, Chip(core=CORE), sample=image, replicas={".*": 2})
    graph, resources = timing.placement_graph(placement), timing.placement_resources(placement)
    products = graph.kind == timing.KINDS.index("mvm")
    power = float((graph.energy_J / np.maximum(graph.duration_s, 1e-30))[products][0])
    capped = chips.schedule(graph, resources, caps=timing.Caps(power_W=1.5 * power))
    for found, at_once in ((chips.schedule(graph, resources), 2), (capped, 1)):
        starts, ends = np.sort(found.start_s[products]), np.sort(found.end_s[products])
        np.testing.assert_allclose(ends[-1] - starts[0], 4 / at_once * MVM, rtol=0.05)


def test_requests_wait_for_the_busiest_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many clients: a request for every product that the tiles do, and latencies as Little's law has them."""
    placement = chips.place(CHAIN, Chip(grid=(1, 2), core=CORE), sample=jnp.zeros(8))
    how = {}
    for exact, alone in ((400_000, 10**6), (0, 10**6), (0, 0)):
        monkeypatch.setattr("aimcjax.chips.timing._stream.EXACT", exact)
        monkeypatch.setattr("aimcjax.chips.timing._stream.ALONE", alone)
        stream = timing.placement_requests(placement, n=200, clients=8)
        how[stream.how.partition(" ")[0]] = stream
        np.testing.assert_allclose(stream.latencies.throughput_per_s, 1 / MVM, rtol=0.01)
        np.testing.assert_allclose(stream.latencies.p50_s, 8 * MVM, rtol=0.01)
    assert len(how) == 2
    one = timing.placement_requests(placement, n=4, clients=1)
    alone = timing.placement_schedule(placement).latency_s
    np.testing.assert_allclose(one.latencies.latency_s, alone, rtol=1e-6)


def test_transfers_of_a_bus_wait_for_each_other() -> None:
    """Nine blocks get and give their vectors over one set of wires, or over as many as they like."""
    place = lambda n: chips.place(_mlp(24, 24), Chip(links=chips.Bus(n_channels=n), core=CORE))
    one, many = (timing.placement_schedule(place(n)).latency_s for n in (1, None))
    sums = 2 * 3 * 24 * OP
    np.testing.assert_allclose(many, 2 * 10e-9 + SENT + MVM + sums, atol=1e-11)
    last = 9 * (10e-9 + SENT)  # the last block's inputs are there, and its outputs the last ones
    np.testing.assert_allclose(one, max(last + MVM, 9 * (20e-9 + SENT)) + 10e-9 + sums, atol=1e-9)
