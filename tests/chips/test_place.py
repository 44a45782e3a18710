"""Models on chips: every block on an array of its own, by strategies that do what they promise."""

from collections import Counter
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from small_network import MODEL, SAMPLE, TILE

from aimcjax import chips, models, nn, tiles
from aimcjax.chips import Chip
from aimcjax.models import Mlp


def _shapes(make: Any) -> Any:
    return eqx.filter_eval_shape(make, jr.key(0))


def _moe() -> Any:
    config = models.MixtralConfig(
        vocab_size=11, n_positions=6, dim=8, n_layers=1, n_heads=2, n_kv_heads=2, hidden=8, n_experts=4, top_k=2
    )
    return nn.convert(_shapes(lambda key: models.Mixtral(config, key=key)), [nn.Rule(".*", TILE)])


MOE, TOKENS = _moe(), jax.ShapeDtypeStruct((6,), jnp.int32)


@pytest.mark.parametrize("strategy", sorted(set(chips.STRATEGIES) - {"coactivation"}))
def test_every_block_has_an_array_of_its_own(strategy: str) -> None:
    chip = Chip(grid=(3, 4), tiers=2, banks=2)
    placement = chips.place(MODEL, chip, strategy=strategy, sample=SAMPLE)
    assert len({item.slot for item in placement.items}) == len(placement.items) == 9 + 6 + 4
    assert all(s.bank < 2 and s.row < 3 and s.col < 4 and s.tier < 2 for s in (item.slot for item in placement.items))
    blocks = Counter(item.layer for item in placement.items)
    assert blocks == {"layers/0": 9, "layers/1": 6, "layers/2": 4}
    again = chips.place(MODEL, chip, strategy=strategy, sample=SAMPLE)
    assert again.items == placement.items


def _load_by_tile(placement: chips.Placement) -> np.ndarray:
    counts, chip = placement.counts, placement.chip
    load: dict[Any, float] = {}
    for item in placement.items:
        name = item.layer.partition("[")[0]
        index = counts.names.index(name)
        load[item.slot[:3]] = load.get(item.slot[:3], 0.0) + counts.vectors[index] / counts.spread[index]
    return np.asarray([*load.values(), *[0.0] * (chip.count_tiles() - len(load))])


def test_balanced_tiles_are_as_busy_as_each_other() -> None:
    """A convolution reads its tiles once a pixel, the classifier once: in order they would crowd some tiles."""
    model = nn.convert(_shapes(lambda key: models.ResNet(1, 10, widths=(8, 16), n_blocks=1, groups=4, key=key)),
                       [nn.Rule(".*", TILE)])  # fmt: skip
    image = jax.ShapeDtypeStruct((8, 8), jnp.float32)
    needed = len(chips.place(model, Chip(), sample=image).items)
    chip = Chip(grid=(3, 3), tiers=-(-needed // 9) + 1)
    plain, even = (_load_by_tile(chips.place(model, chip, sample=image, strategy=s)) for s in ("in_order", "balanced"))
    assert plain.sum() == even.sum()
    assert even.max() < plain.max()
    largest = max(chips.place(model, chip, sample=image).counts.vectors)
    assert even.max() <= even.mean() + largest  # as any list schedule


def test_neighbours_save_way() -> None:
    """Bits times steps between consecutive layers, against the order of the layers."""
    model = nn.convert(_shapes(lambda key: Mlp(32, 32, (32,) * 5, key=key)), [nn.Rule(".*", TILE)])
    chip = Chip(grid=(4, 24))
    way = {}
    for strategy in ("in_order", "communication_aware"):
        counts = chips.place(model, chip, sample=jnp.zeros(32), strategy=strategy).counts
        way[strategy] = float(np.sum((counts.vectors * counts.n_in * counts.distance_in)[1:]))
    assert way["communication_aware"] < 0.8 * way["in_order"]
    costs = [
        chips.cost(chips.place(model, chip, sample=jnp.zeros(32), strategy=s)).components_J["interconnect"] for s in way
    ]
    assert costs[1] < costs[0]


def test_experts_that_fire_together_lie_on_different_tiles() -> None:
    together = np.asarray([[5, 4, 0, 1], [4, 5, 1, 0], [0, 1, 5, 4], [1, 0, 4, 5]], float)
    chip = Chip(grid=(1, 6), tiers=4)
    placement = chips.place(MOE, chip, sample=TOKENS, strategy="coactivation", coactivation=together)
    experts = [item for item in placement.items if item.layer.endswith("]")]
    assert {item.layer[-3:] for item in experts} == {"[0]", "[1]", "[2]", "[3]"}
    where = {item.layer: item.slot[:3] for item in experts}
    for stack in {name[:-3] for name in where}:
        for a, b in ((0, 1), (2, 3)):
            assert where[f"{stack}[{a}]"] != where[f"{stack}[{b}]"]
    with pytest.raises(ValueError, match="strategy coactivation needs `coactivation`"):
        chips.place(MOE, chip, sample=TOKENS, strategy="coactivation")
    with pytest.raises(ValueError, match="expected a symmetric matrix of 4x4 frequencies, got shape \\(3, 3\\)"):
        chips.place(MOE, chip, sample=TOKENS, strategy="coactivation", coactivation=np.eye(3))


def test_a_row_pays_for_one_expert() -> None:
    """Six tokens, two experts each: twelve rows through any of four, not through all of them."""
    counts = chips.place(MOE, Chip(), sample=TOKENS).counts
    stacked = [index for index, spread in enumerate(counts.spread) if spread == 4]
    assert len(stacked) == 3
    assert all(counts.vectors[index] == 12 and counts.met[index] == 1 for index in stacked)


def test_copies_share_the_vectors_out() -> None:
    one = chips.cost(chips.place(MODEL, Chip(), sample=SAMPLE))
    many = chips.place(MODEL, Chip(), sample=SAMPLE, replicas={"layers/[01]": 3})
    assert Counter(item.layer for item in many.items) == {"layers/0": 27, "layers/1": 18, "layers/2": 4}
    assert Counter(item.replica for item in many.items if item.layer == "layers/0") == {0: 9, 1: 9, 2: 9}
    # A text: a vector a token, so that three copies take a third of the time of the arrays
    tokens, config = jax.ShapeDtypeStruct((6,), jnp.int32), {".*/[qkv]": 3}
    alone, thrice = (chips.cost(chips.place(MOE, Chip(), sample=tokens, replicas=r)) for r in ({}, config))
    index = alone.layers.index(next(name for name in alone.layers if name.endswith("/q")))
    saved = float(alone.closed_latency_s - thrice.closed_latency_s)
    # In the first block; in the second what comes before is as slow as they were. Steps on the mesh aside
    np.testing.assert_allclose(saved, 4 * float(alone.stages.mvm[index]), rtol=0.1)
    np.testing.assert_allclose(alone.components_J["core"], thrice.components_J["core"], rtol=1e-5)
    assert one.n_tiles == 19
    with pytest.raises(ValueError, match="replicas: no layer is called 'layer/0'; did you mean 'layers/0'"):
        chips.place(MODEL, Chip(), replicas={"layer/0": 2})
    with pytest.raises(ValueError, match="replicas of 'layers/0': expected a whole number from 1, got 0"):
        chips.place(MODEL, Chip(), replicas={"layers/0": 0})


def test_a_block_that_is_used_again_lies_there_once() -> None:
    config = models.AlbertConfig(
        vocab_size=11, n_positions=6, embedding_dim=4, dim=8, n_layers=3, n_heads=2, hidden=16, masked_lm=False
    )
    model = nn.convert(_shapes(lambda key: models.Albert(config, key=key)), [nn.Rule(".*", TILE)])
    placement = chips.place(model, Chip(), sample=TOKENS)
    blocks = Counter(item.layer for item in placement.items)
    name = next(name for name in blocks if name.startswith("block/"))
    index = placement.counts.names.index(name)
    assert blocks[name] == placement.layers[index].part.n_tiles
    assert placement.counts.vectors[index] == 3 * 6  # three layers, six tokens


def test_a_full_chip_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match=r"16 arrays \(16 tiles x 1 tiers\) and layer layers/2 \(16x10\) needs array "
                                         r"number 19: 3 arrays are missing for the 19"):  # fmt: skip
        chips.place(MODEL, Chip(grid=(4, 4)))
    with pytest.raises(ValueError, match="layer layers/0 is cut for tiles of 8x8 and those of chip small hold 8x4"):
        chips.place(MODEL, Chip(name="small", tile=tiles.TileDesign(rows=8, cols=4)))
    with pytest.raises(ValueError, match="unknown placement strategy 'in_ordr'; did you mean 'in_order'"):
        chips.place(MODEL, Chip(), strategy="in_ordr")
    with pytest.raises(ValueError, match="no analog layers to place"):
        chips.place(Mlp(4, 2, (), key=jr.key(0)), Chip())


@pytest.mark.slow
def test_seven_billion_weights_are_placed_and_costed_without_them() -> None:
    config = models.LlamaConfig(
        vocab_size=32000, n_positions=2048, dim=4096, n_layers=32, n_heads=32, n_kv_heads=32, hidden=11008
    )
    model = nn.convert(
        _shapes(lambda key: models.Llama(config, key=key)), [nn.Rule(".*", tiles.WeightLevelTile(rows=512, cols=512))]
    )
    chip, sample = chips.load("aimc3d_2025"), jax.ShapeDtypeStruct((2048,), jnp.int32)
    cost = chips.cost(chips.place(model, chip, sample=sample, strategy="communication_aware"))
    weights = 32 * (4 * 4096**2 + 3 * 4096 * 11008) + 32000 * 4096
    assert cost.n_tiles == 32 * (4 * 64 + 3 * 8 * 22) + 8 * 63
    assert cost.n_macs == 2048 * weights + 2 * 32 * 2048**2 * 4096
    np.testing.assert_allclose(cost.components_J["core"] + cost.components_J["adc"] + cost.components_J["dac"],
                               2048 * cost.n_tiles * (10e-9 - 512 * 2 * 0.4e-12), rtol=0.02)  # fmt: skip
