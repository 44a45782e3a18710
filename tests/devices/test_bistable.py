"""Magnetic tunnel junctions: levels, spreads, errors of writing, flips."""

import jax
import jax.numpy as jnp
import numpy as np
import tolerances
from scipy import stats

from aimcjax import devices


N = 100_000
EXACT = {"r_spread": 0.0, "tmr_spread": 0.0, "write_error": 0.0}


def test_two_levels_of_the_given_ratio(getkey) -> None:
    device = devices.Bistable(r_p=4e3, tmr=1.0, **EXACT)
    g = device.program(jnp.asarray([0.0, 1.8, 1.9, 3.0]) * 1e-4, key=getkey()).g
    np.testing.assert_allclose(np.asarray(g), [1.25e-4, 1.25e-4, 2.5e-4, 2.5e-4], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose([float(device.g_min), float(device.g_max)], [1.25e-4, 2.5e-4], rtol=tolerances.PRIMITIVE)


def test_spreads_of_resistance_and_of_the_ratio(getkey) -> None:
    device = devices.Bistable(r_p=4e3, tmr=1.5, r_spread=0.05, tmr_spread=0.1, write_error=0.0)
    cells = device.program(jnp.full(N, 1.0), key=getkey())
    r_p, r_ap = 1 / np.asarray(cells.g, np.float64), 1 / np.asarray(cells.g_other, np.float64)
    z_r, z_tmr = (r_p / 4e3 - 1) / 0.05, (r_ap / r_p - 2.5) / 0.15
    for z in (z_r, z_tmr):
        assert abs(z.mean()) < tolerances.of_mean(N)
        assert abs(z.std() - 1) < tolerances.of_std(N)
        assert stats.kstest(z, "norm").pvalue > tolerances.P_VALUE
    assert abs(np.corrcoef(z_r, z_tmr)[0, 1]) < tolerances.of_mean(N)


def test_write_errors_are_as_often_as_said(getkey) -> None:
    rate = 0.01
    device = devices.Bistable(write_error=rate, r_spread=0.0, tmr_spread=0.0)
    for target in (0.0, 1.0):
        g = np.asarray(device.program(jnp.full(N, target), key=getkey()).g)
        wrong = np.sum(g > 1.4e-4) if target == 0 else np.sum(g < 1.4e-4)
        low, high = stats.binom.ppf([tolerances.P_VALUE / 2, 1 - tolerances.P_VALUE / 2], N, rate)
        assert low <= wrong <= high


def test_heat_flips_as_a_two_state_chain(getkey) -> None:
    device = devices.Bistable(stability=20.0, **EXACT)
    tau = 1e-9 * np.exp(20.0)
    cells = device.program(jnp.full(N, 1.0), key=getkey())
    flipped_before = np.zeros(N, bool)
    for t in (0.1 * tau, tau, 100 * tau):
        flipped = np.asarray(device.drift(cells, t)) < 1.4e-4
        p = 0.5 * (1 - np.exp(-2 * t / tau))
        low, high = stats.binom.ppf([tolerances.P_VALUE / 2, 1 - tolerances.P_VALUE / 2], N, p)
        assert low <= flipped.sum() <= high
        assert np.all(flipped[flipped_before])  # one variate a cell: no cell comes back
        flipped_before = flipped


def test_a_stable_cell_keeps_its_state_for_ten_years(getkey) -> None:
    device = devices.preset("mram")
    cells = device.program(jnp.linspace(0.0, 2e-4, 1000), key=getkey())
    np.testing.assert_array_equal(np.asarray(device.drift(cells, 3e8)), np.asarray(cells.g))


def test_gradient_is_straight_through() -> None:
    device = devices.Bistable(**EXACT)
    total = lambda g: jnp.sum(device.program(g, key=jax.random.key(0)).g)
    inside = jax.grad(total)(jnp.asarray([1.0, 1.3, 1.9]) * 1e-4)
    np.testing.assert_allclose(np.asarray(inside), 1.0, rtol=tolerances.PRIMITIVE)
    np.testing.assert_array_equal(np.asarray(jax.grad(total)(jnp.asarray([0.1, 3.0]) * 1e-4)), 0.0)
