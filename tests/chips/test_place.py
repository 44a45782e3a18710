"""Models on chips: every block on an array of its own, by strategies that do what they promise; artifacts and back."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jsonschema
import numpy as np
import pytest
import yaml

from aimcjax import chips, devices, models, nn, tiles
from aimcjax.chips import Chip
from aimcjax.models import Mlp


TILE = tiles.TileDesign(rows=8, cols=8, device=devices.IdealDevice())
MODEL = nn.convert(Mlp(20, 10, (24, 16), key=jr.key(0)), [nn.Rule(".*", TILE)])  # 9, 6 and 4 blocks
SAMPLE = jnp.zeros(20)


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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder, chip = tmp_path_factory.mktemp("map"), Chip(grid=(4, 6), tiers=2)
    programmed = eqx.filter_jit(nn.program)(MODEL, key=jr.key(1))
    placement = chips.place(programmed, chip, sample=SAMPLE, strategy="balanced", replicas={"layers/2": 2})
    chips.write_artifacts(folder, programmed, placement)
    return folder, chip, placement


def test_artifacts_are_what_their_schemas_say(written: Any) -> None:
    folder, _, placement = written
    rows = json.loads((folder / "mapping_table.json").read_text())
    jsonschema.validate(rows, chips.schema("mapping_table"))
    assert len(rows) == len(placement.items) == len({row["tile_id"] for row in rows})
    for row in rows:
        state = json.loads((folder / row["calibration"]).read_text())
        jsonschema.validate(state, chips.schema("per_tile_calibration"))
        assert len(state["scale"]) == row["col_range"][1] - row["col_range"][0]
        assert max(state["scale"]) == pytest.approx(row["scale"], rel=1e-6)
    policy = chips.service.load_policy(folder / "runtime_policy.yaml")
    for tree in (yaml.safe_load((folder / "runtime_policy.yaml").read_text()), chips.service.describe_policy(policy)):
        jsonschema.validate(tree, chips.schema("runtime_policy"))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**tree, "refresh": {"evry": "1 day"}}, chips.schema("runtime_policy"))
    with pytest.raises(ValueError, match="no schema 'mapping'"):
        chips.schema("mapping")


def test_measured_calibrations_are_those_of_the_table(written: Any, tmp_path: Path) -> None:
    shutil.copytree(written[0], tmp_path / "run")
    row = chips.read_mapping(tmp_path / "run")[0]
    path = tmp_path / "run" / row["calibration"]
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "scale": [1.5 * value for value in state["scale"]]}))
    with pytest.raises(ValueError, match=f"tile {row['tile_id']}: scale cannot be given by hand"):
        chips.read_mapping(tmp_path / "run")


@pytest.mark.parametrize("scale", [0.5, "much", True])
def test_a_scale_is_none_without_its_calibration(written: Any, tmp_path: Path, scale: Any) -> None:
    path, rows = tmp_path / "mapping_table.json", chips.read_mapping(written[0])
    blank = [{**row, "scale": None} for row in rows]
    path.write_text(json.dumps(blank))
    assert chips.read_mapping(path) == blank
    path.write_text(json.dumps([*blank[:3], {**blank[3], "scale": scale}]))
    with pytest.raises(ValueError, match=f"tile {rows[3]['tile_id']}: scale is ") as error:
        chips.read_mapping(path)
    assert "\n" not in str(error.value)


def test_a_mapping_comes_back_as_it_was_and_can_be_changed(written: Any) -> None:
    folder, chip, placement = written
    rows = chips.read_mapping(folder / "mapping_table.json")
    again = chips.place(MODEL, chip, sample=SAMPLE, mapping=rows)
    assert again.items == placement.items
    free = next(slot for slot in chip.slots() if slot not in {item.slot for item in placement.items})
    rows[3] = {**rows[3], "bank": free.bank, "grid_row": free.row, "grid_col": free.col, "tier": free.tier}
    moved = chips.place(MODEL, chip, sample=SAMPLE, mapping=rows)
    assert [item.slot for item in moved.items].count(free) == 1


def _edit(name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    changed = [dict(row) for row in rows]
    place = ("bank", "grid_row", "grid_col", "tier")
    if name == "overlap":
        changed[10].update({key: changed[2][key] for key in place})
    elif name == "hole":
        del changed[4]
    elif name == "off":
        changed[0]["grid_row"] = 9
    elif name == "cut":
        changed[1]["row_range"] = [0, 4]
    elif name == "twice":
        changed[1].update({key: changed[0][key] for key in ("row_range", "col_range")})
    elif name == "bits":
        changed[2]["adc_bits"] = 3.0
    elif name == "chip":
        changed[0]["chip"] = "another"
    elif name == "layer":
        changed[0]["layer"] = "layers/9"
    elif name == "name":
        changed[1]["tile_id"] = changed[0]["tile_id"]
    elif name == "copies":
        changed[1]["replication"] = 5
    elif name == "billion":
        changed[1]["replica"] = 10**9
    return changed


EDITED = {
    "overlap": "layer layers/1, tile tile_0010 overlaps layer layers/0, tile tile_0002: both are at bank 0",
    "hole": r"layer layers/0 has a hole: no tile holds inputs \[7, 14\] and outputs \[8, 16\], beside tile",
    "off": "layer layers/0, tile tile_0000: bank 0, row 9, column .* is not on chip chip",
    "cut": r"layer layers/0, tile tile_0001: inputs \[0, 4\] .* is no block of the layer",
    "twice": "layer layers/0, tile tile_0001 holds weights that another tile holds",
    "bits": "layer layers/0, tile tile_0002: adc_bits is 3.0 and that of the model and chip is 8.0; only positions",
    "chip": "layer layers/0, tile tile_0000: chip is 'another' and that of the model and chip is 'chip'",
    "name": "layer layers/0, tile tile_0000: another tile is called so too",
    "copies": "layer layers/0, tile tile_0001: replication is 5 and the table holds the layer 1 times",
    "billion": "layer layers/0, tile tile_0001: it is of replica 1000000000 and no tile is of replica 999999999",
    "layer": "the model has no layer 'layers/9' \\(tile tile_0000\\); did you mean 'layers/0'|no layer 'layers/9'",
}


@pytest.mark.parametrize("name", EDITED)
def test_bad_edits_name_layer_and_tile(written: Any, name: str) -> None:
    folder, chip, _ = written
    rows = _edit(name, chips.read_mapping(folder / "mapping_table.json"))
    with pytest.raises(ValueError, match=EDITED[name]) as error:
        chips.place(MODEL, chip, mapping=rows)
    assert "\n" not in str(error.value)


def test_what_is_no_mapping_table_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "mapping_table.json"
    for text, message in (("{}", "expected a list with a row for every tile"), ('[{"tile_id": "a"}]', "row 0 has no")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            chips.read_mapping(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": ["layers/0"]}, "tile tile_0000: layer is a name, got "),
        (
            {"adc_bit": 3},
            "layer layers/0, tile tile_0000: a row of the table has no 'adc_bit'; did you mean 'adc_bits'",
        ),
    ],
)
def test_rows_hold_what_the_schema_says(written: Any, tmp_path: Any, changes: dict[str, Any], message: str) -> None:
    rows = chips.read_mapping(written[0] / "mapping_table.json")
    (tmp_path / "mapping_table.json").write_text(json.dumps([{**rows[0], **changes}, *rows[1:]]))
    with pytest.raises(ValueError, match=message) as error:
        chips.read_mapping(tmp_path)
    assert "\n" not in str(error.value)


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


def test_copies_asked_for_are_those_of_the_mapping(written: Any) -> None:
    folder, chip, _ = written
    rows = chips.read_mapping(folder / "mapping_table.json")  # layers/2 twice
    chips.place(MODEL, chip, mapping=rows, replicas={"layers/2": 2})
    with pytest.raises(ValueError, match="replicas asks for 3 copies of layer layers/2, the mapping has 2"):
        chips.place(MODEL, chip, mapping=rows, replicas={"layers/2": 3})
    with pytest.raises(ValueError, match="layers/7"):
        chips.place(MODEL, chip, mapping=rows, replicas={"layers/7": 2})
