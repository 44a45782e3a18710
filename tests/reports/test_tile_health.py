"""The health report: what it counts is what was broken."""

import csv

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
    # Without faults and noise the error is rounding; stuck cells are counted one by one.
    stuck = np.concatenate(
        [
            np.asarray(devices.is_stuck(device, layer.matrix.tiles.cells)).mean(axis=(-3, -2, -1)).ravel()
            for layer in nn.analog_layers(chip).values()
        ]
    )
    np.testing.assert_allclose([float(row["stuck_share"]) for row in rows], stuck, rtol=1e-6)
    ideal = nn.convert(models.Mlp(24, 5, (20,), key=jr.key(0)), [nn.Rule(".*", tiles.preset("ideal"))])
    for row in reports.tile_health(ideal, nn.program(ideal, key=getkey())):
        assert row["error_max"] < 1e-5 * row["target_std"] * 10
        assert row["stuck_share"] == 0.0
