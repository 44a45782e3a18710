"""Wrappers of reliability: in any order the same chip, and in tiles nothing where they are switched off."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices, mapping, tiles


N = 100_000
G_MAX = 25e-6
WRAPPERS = {
    "stuck": lambda device: devices.StuckCells(device, p_on=0.1, p_off=0.05),
    "worn": lambda device: devices.Endurance(device, cycles=8e6, on_share=0.3),
    "leaking": lambda device: devices.Retention(device, tau=1e5, g_final=10e-6),
    "averaged": devices.NoiselessReads,
}
ORDERS = [
    *itertools.permutations(["stuck", "worn", "leaking"]),
    ("averaged", "leaking", "worn", "stuck"),
    ("stuck", "averaged", "worn", "leaking"),
]


def _wrapped(order: tuple[str, ...], device: devices.AbstractDevice) -> devices.AbstractDevice:
    for name in order:
        device = WRAPPERS[name](device)
    return device


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_any_order_is_the_same_chip(order: tuple[str, ...], getkey) -> None:
    key, targets = getkey(), jnp.linspace(0.0, G_MAX, N)
    device, reference = _wrapped(order, devices.Pcm()), _wrapped(ORDERS[0], devices.Pcm())
    cells, expected = device.program(targets, key=key), reference.program(targets, key=key)
    np.testing.assert_array_equal(np.asarray(device.drift(cells, 1e5)), np.asarray(reference.drift(expected, 1e5)))
    stuck = devices.is_stuck(device, cells)
    np.testing.assert_array_equal(np.asarray(stuck), np.asarray(devices.is_stuck(reference, expected)))
    # Stuck from the start or failed later, independently.
    failed = stats.weibull_min(2.0, scale=1e7).cdf(8e6)
    assert tolerances.is_binomial(int(stuck.sum()), N, 1 - 0.85 * (1 - failed))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_faults_survive_reprogramming_in_any_order(order: tuple[str, ...], getkey) -> None:
    device = devices.AtTemperature(_wrapped(order, devices.Pcm()), temperature=320.0)
    cells = device.program(jnp.full(N, 0.5 * G_MAX), key=getkey())
    again = devices.reprogram(device, cells, jnp.full(N, 5e-6), key=getkey())
    before, after = (np.asarray(devices.is_stuck(device, c)) for c in (cells, again))
    np.testing.assert_array_equal(before[before], after[before])
    assert after.sum() - before.sum() <= 5  # one cycle of 8 million fails hardly a cell
    g_before, g_after = (np.asarray(device.drift(c, 60.0)) for c in (cells, again))
    np.testing.assert_array_equal(g_before[before], g_after[before])
    assert np.mean(g_before[~after] != g_after[~after]) > 0.99
    assert abs(np.median(np.asarray(again.g)[~after]) - 5e-6) < 1e-6


def test_a_tile_is_as_it_was_with_wrappers_switched_off_and_fails_with_worn_cells(getkey) -> None:
    key, w, x = getkey(), jnp.linspace(-1.0, 1.0, 24 * 10).reshape(24, 10), jnp.linspace(-1.0, 1.0, 24)

    @jax.jit
    def answer(device):
        design = tiles.TileDesign(device=device, rows=16, cols=8)
        return mapping.program_matrix(design, w, key=key)(x, t=3600.0, key=key)

    def wrapped(cycles):
        device = devices.Endurance(devices.Retention(devices.Pcm(), tau=float("inf")), cycles=cycles)
        return devices.AtTemperature(devices.StuckCells(device, p_on=0.0, p_off=0.0))

    plain, off, worn = (np.asarray(answer(d)) for d in (devices.Pcm(), wrapped(0.0), wrapped(1e9)))
    np.testing.assert_allclose(off, plain, rtol=0, atol=tolerances.COMPOSITE * np.abs(plain).max())
    assert np.all(np.isfinite(worn))
    assert np.linalg.norm(worn - plain) > 0.5 * np.linalg.norm(plain)  # every cell has failed
    targets = jnp.abs(w) * G_MAX
    cells, bare = wrapped(0.0).program(targets, key=key), devices.Pcm().program(targets, key=key)
    np.testing.assert_array_equal(
        np.asarray(wrapped(0.0).drift(cells, 60.0)), np.asarray(devices.Pcm().drift(bare, 60.0))
    )
