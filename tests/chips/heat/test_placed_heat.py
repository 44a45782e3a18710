"""The heat of a placed model against its power and area."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, nn, tiles
from aimcjax.chips import Chip, heat
from aimcjax.models import Mlp


TILE = tiles.TileDesign(rows=8, cols=8, device=devices.IdealDevice())
MODEL = nn.convert(
    eqx.filter_eval_shape(lambda key: Mlp(8, 8, (8, 8), key=key), jr.key(0)), [nn.Rule(".*", TILE)]
)  # fmt: skip


@pytest.mark.parametrize("dram_W", [0.0, 0.1])
def test_all_power_of_the_die_is_on_the_map(dram_W: float) -> None:
    chip = Chip(grid=(2, 2), banks=2, tiers=2, dram=chips.Dram(static_power=jnp.asarray(dram_W)))
    placement = chips.place(MODEL, chip, sample=jnp.zeros(8))
    cost = chips.cost(placement)
    power = heat.power_map(placement, cost)
    assert power.shape == (2, 2, 4)  # banks side by side
    on_die = float(cost.power_W) - dram_W - float(cost.components_J["dram"] / cost.latency_s)
    np.testing.assert_allclose(power.sum(), on_die, rtol=tolerances.COMPOSITE)
    tiles_W = sum(float(cost.components_J[name]) for name in ("core", "dac", "adc")) / float(cost.latency_s)
    used = {(item.slot.row, 2 * item.slot.bank + item.slot.col) for item in placement.items}
    base = float(power[0, 1, 3])  # no block of the three is there
    assert (1, 3) not in used
    np.testing.assert_allclose(
        [float(power[0][where]) for where in used], base + tiles_W / 3, rtol=tolerances.COMPOSITE
    )
    assert float(power[1].sum()) == 0.0


def test_a_block_heats_its_own_tier() -> None:
    placement = chips.place(MODEL, Chip(grid=(1, 1), tiers=3), sample=jnp.zeros(8))
    cost = chips.cost(placement)
    power = np.asarray(heat.power_map(placement, cost))[:, 0, 0]
    np.testing.assert_allclose(power[1], power[2], rtol=tolerances.COMPOSITE)
    assert power[0] > power[1] > 0


def test_the_mean_of_the_die_is_its_power_times_its_package() -> None:
    placement = chips.place(MODEL, Chip(grid=(2, 2)), sample=jnp.zeros(8))
    cost = chips.cost(placement)
    network, power = heat.network_of(placement, cost), heat.power_map(placement, cost)
    rise = np.asarray(network.rise(power))
    np.testing.assert_allclose(rise.mean(), 10.0 * float(power.sum()), rtol=1e-3)  # 10 K/W
    np.testing.assert_allclose(float(network.capacity) * 4, 1.63e6 * 100e-6 * float(cost.area_m2), rtol=1e-4)
    assert rise.max() > rise.mean()


def test_caps_of_a_placement_put_its_hottest_tile_at_the_limit() -> None:
    """Arrays at their cap and all else as it was."""
    placement = chips.place(MODEL, Chip(grid=(1, 2), tiers=2), sample=jnp.zeros(8))
    cost = chips.cost(placement)
    network, power = heat.network_of(placement, cost), np.asarray(heat.power_map(placement, cost))
    limit = 298.15 + 1.5 * (float(network.steady(jnp.asarray(power)).max()) - 298.15)
    arrays = sum(float(cost.components_J[name]) for name in ("core", "dac", "adc")) / float(cost.latency_s)
    rest = power.copy()
    for item in placement.items:
        rest[item.slot.tier, item.slot.row, item.slot.col] -= arrays / len(placement.items)
    np.testing.assert_allclose(rest[1], 0.0, atol=1e-5 * power.max())
    caps = heat.caps_of(placement, cost, limit)
    hot = network.steady(jnp.asarray(rest + (power - rest) * caps.average_W / arrays, float))
    np.testing.assert_allclose(hot.max(), limit, rtol=tolerances.COMPOSITE)
