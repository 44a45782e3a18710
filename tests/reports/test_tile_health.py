"""The health report: what it counts is what was broken."""

import csv
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from aimcjax import devices, models, nn, periphery, reports, tiles


def test_health_of_every_tile(tmp_path, getkey) -> None:
    device = devices.StuckCells(devices.StatisticalDevice(programming=0.01), p_on=0.02, p_off=0.0)
    design = tiles.TileDesign(
        device=device, dac=periphery.IdealDac(), adc=periphery.IdealAdc(), rows=16, cols=12, policy=tiles.OneShot()
    )
    analog = nn.convert(models.Mlp(24, 5, (20,), key=getkey()), [nn.Rule(".*", design)])
    chip = nn.program(analog, key=getkey())
    path = reports.write_tile_health(analog, chip, tmp_path, heat_maps=2)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == reports.HEALTH_COLUMNS
    assert len(rows) == 2 * 2 + 2  # 24 x 20 and 20 x 5 on tiles of 16 x 12
    assert sum(int(row["rows"]) * int(row["cols"]) for row in rows) == 24 * 20 + 20 * 5
    assert len(list(tmp_path.glob("heat_map_*.png"))) == 2
    # Stuck on: cells that no programming moves from the top; 24 x 20 weights fill four blocks of 12 x 10.
    first = nn.analog_layers(chip)["layers/0"].matrix
    cells = first.tiles.cells
    moved = devices.reprogram(device, cells, jnp.zeros_like(device.drift(cells, 0.0)), key=getkey())
    on = np.asarray(device.drift(moved, 0.0)) > 0.9 * float(device.g_max)
    for k, (i, j) in enumerate(np.ndindex(2, 2)):
        np.testing.assert_allclose(float(rows[k]["stuck_share"]), on[i, j].mean(), rtol=1e-6)
        assert json.loads(rows[k]["stuck_cells"]) == np.argwhere(on[i, j]).tolist()
    # The error is what a read of one row after the other finds.
    answers = np.asarray(jax.vmap(lambda x: first.at(0.0)(x, key=jr.key(0)))(jnp.eye(24)))
    scale = np.asarray(nn.analog_layers(chip)["layers/0"].scale)
    error = (answers * scale - np.asarray(analog.layers[0].weight).T)[:12, :10]
    np.testing.assert_allclose(float(rows[0]["error_std"]), error.std(), rtol=1e-4)
    assert int(rows[0]["worst_row"]) == np.argmax((error**2).mean(axis=1))
    ideal = nn.convert(models.Mlp(24, 5, (20,), key=jr.key(0)), [nn.Rule(".*", tiles.preset("ideal"))])
    for row in reports.tile_health(ideal, nn.program(ideal, key=getkey())):
        assert row["error_max"] < 1e-5 * row["target_std"] * 10
        assert (row["stuck_share"], row["stuck_cells"]) == (0.0, [])
        assert row["ir_drop_max"] < 1e-5 * row["target_std"]


def test_ir_drop_is_what_the_wires_take(getkey) -> None:
    # One column of n equal cells at half load: the last cell sees the drop of the cubic, to first order.
    r_wire = 0.5
    design = tiles.TileDesign(
        device=devices.IdealDevice(), crossbar=tiles.CubicIrDrop(r_wire=r_wire),
        dac=periphery.IdealDac(), adc=periphery.IdealAdc(), rows=32, cols=4,
    )  # fmt: skip
    layer = eqx.tree_at(lambda layer: layer.weight, eqx.nn.Linear(32, 4, key=getkey()), jnp.ones((4, 32)))
    analog = nn.convert(layer, [nn.Rule(".*", design)])
    (tile,) = reports.tile_weights(analog, nn.program(analog, key=getkey()))
    np.testing.assert_allclose(tile.programmed, 1.0, rtol=1e-5)
    far = 1.0 - (1.0 - np.arange(32) / 32) ** 2
    a = lambda x: 32 * r_wire * float(design.device.g_max) * x.sum()
    column = lambda x: x.sum() - a(x) * (a(x) * (0.05 * a(x) - 0.2) + 0.5) * (x * far).sum()
    steps = 1e-5 * np.eye(32)
    slopes = [(column(0.5 + step) - column(0.5 - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(tile.ir_drop, np.repeat(1.0 - np.asarray(slopes)[:, None], 4, axis=1), atol=2e-5)
