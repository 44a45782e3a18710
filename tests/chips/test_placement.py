"""Where weights lie: every one on exactly one tile, with the scale that gives it back."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, nn, periphery, tiles
from aimcjax.models import Mlp


IDEAL: dict[str, Any] = {
    "device": devices.IdealDevice(),
    "crossbar": tiles.IdealCrossbar(),
    "dac": periphery.IdealDac(),
    "adc": periphery.IdealAdc(),
}
MODEL = Mlp(29, 10, (17,), key=jr.key(0))
KEYS = {"tile_id", "layer", "row_range", "col_range", "encoding", "adc_bits", "dac_bits", "scale", "verify_policy"}


def _chip(design: Any, model: Mlp = MODEL) -> Any:
    return nn.program(nn.convert(model, [nn.Rule(".*", design)]), key=jr.key(1))


@pytest.mark.parametrize(("rows", "cols"), [(8, 4), (29, 17), (64, 64), (10, 3), (1, 1), (28, 16)])
def test_ranges_cover_every_weight_exactly_once(rows: int, cols: int) -> None:
    table = chips.mapping_table(_chip(tiles.TileDesign(rows=rows, cols=cols, **IDEAL)))
    covered = {"layers/0": np.zeros((29, 17), int), "layers/1": np.zeros((17, 10), int)}
    for row in table:
        assert set(row) == KEYS
        block = covered[row["layer"]][slice(*row["row_range"]), slice(*row["col_range"])]
        assert 1 <= block.shape[0] == row["row_range"][1] - row["row_range"][0] <= rows
        assert 1 <= block.shape[1] == row["col_range"][1] - row["col_range"][0] <= cols
        block += 1
    assert all(np.all(count == 1) for count in covered.values())
    assert [row["tile_id"] for row in table] == [f"tile_{index:04d}" for index in range(len(table))]


def test_column_scaled_tiles_say_their_largest_weight() -> None:
    for row in chips.mapping_table(_chip(tiles.TileDesign(rows=8, cols=4, **IDEAL))):
        weight = np.asarray(MODEL.layers[int(row["layer"][-1])].weight).T
        block = weight[slice(*row["row_range"]), slice(*row["col_range"])]
        assert row["scale"] == pytest.approx(np.max(np.abs(block)), rel=tolerances.PRIMITIVE)


def test_fixed_scale_says_what_a_full_cell_is_worth() -> None:
    design = tiles.TileDesign(rows=8, cols=4, encoding=tiles.DifferentialPair(w_max=2.0), **IDEAL)
    for row in chips.mapping_table(_chip(design)):
        weight = np.asarray(MODEL.layers[int(row["layer"][-1])].weight).T
        largest_of_columns = np.max(np.abs(weight), axis=0)[slice(*row["col_range"])]
        assert row["scale"] == pytest.approx(2.0 * largest_of_columns.max(), rel=tolerances.PRIMITIVE)


def test_scale_and_conductances_give_the_weights_back() -> None:
    """A column of one output has one scale, so the table alone turns conductances into weights."""
    design = tiles.TileDesign(rows=8, cols=1, **IDEAL)
    chip = _chip(design)
    layer: Any = nn.analog_layers(chip)["layers/1"]
    part, g = layer.matrix.partition, np.asarray(layer.matrix.at(0.0).tiles.g)
    weight, rows = np.asarray(MODEL.layers[1].weight).T, chips.mapping_table(chip)
    for row in [row for row in rows if row["layer"] == "layers/1"]:
        (start, stop), (col, _) = row["row_range"], row["col_range"]
        pair = g[start // part.block_rows, col // part.block_cols, :, : stop - start, 0]
        found = row["scale"] * (pair[0] - pair[1]) / float(design.device.g_max)
        np.testing.assert_allclose(found, weight[start:stop, col], atol=tolerances.PRIMITIVE * np.abs(weight).max())


def test_rows_say_how_a_tile_converts() -> None:
    mixed = tiles.TileDesign(rows=32, cols=32, adc=periphery.UniformAdc(bits=6.5), dac=periphery.IdealDac())
    row = chips.mapping_table(_chip(mixed))[0]
    assert (row["encoding"], row["adc_bits"], row["dac_bits"]) == ("differential_pair", 6.5, None)
    assert row["verify_policy"] == "one_shot"
    row = chips.mapping_table(_chip(tiles.WeightLevelTile(rows=32, cols=32)))[0]
    assert (row["encoding"], row["adc_bits"], row["dac_bits"]) == ("weight_level", None, None)
    assert row["scale"] == pytest.approx(float(jnp.max(jnp.abs(MODEL.layers[0].weight))), rel=tolerances.PRIMITIVE)


def test_refuses_what_is_not_programmed() -> None:
    with pytest.raises(ValueError, match=r"layer layers/0 is not programmed.*nn\.program"):
        chips.mapping_table(nn.convert(MODEL, [nn.Rule(".*", tiles.TileDesign())]))


def test_capacity_is_the_number_of_tiles() -> None:
    analog = nn.convert(MODEL, [nn.Rule(".*", tiles.TileDesign(rows=8, cols=4))])
    needed = 4 * 5 + 3 * 3  # 29x17 and 17x10 on 8x4
    assert chips.check_capacity(analog, None) == chips.check_capacity(analog, needed) == needed
    assert len(chips.mapping_table(nn.program(analog, key=jr.key(0)))) == needed
    with pytest.raises(ValueError, match=r"has 28 tiles and layer layers/1 \(17x10\) needs tile number 29"):
        chips.check_capacity(analog, needed - 1)
    with pytest.raises(ValueError, match=r"has 19 tiles and layer layers/0 \(29x17\)"):
        chips.check_capacity(analog, 19)


def test_own_converters_register_their_resolution() -> None:
    class Coarse(periphery.AbstractAdc):
        def __call__(self, i: Any, *, key: Any) -> Any:
            del key
            return i

    assert chips.bits_of(Coarse()) is None
    chips.bits_of.register(Coarse)(lambda converter: 3.0)
    assert chips.bits_of(Coarse()) == 3.0
