"""Reliability: published accelerations, Weibull statistics, and the values that are refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices
from aimcjax.units import eV, hour, year


N = 100_000
G_MAX = 25e-6
CELSIUS = 273.15
HALF = 0.5 * G_MAX


def _half(n: int = N) -> jax.Array:
    return jnp.full(n, HALF)


# Temperature


@pytest.mark.parametrize(("e_a", "hours"), [(0.7, "2689.8"), (1.0, "604.3"), (1.2, "223.3"), (1.5, "50.2")])
def test_ten_years_at_85_celsius_last_hours_at_150(e_a: float, hours: str) -> None:
    with jax.enable_x64(True):
        t = devices.time_to_failure(10 * year, 150 + CELSIUS, 85 + CELSIUS, e_a * eV)
    assert f"{float(t) / hour:.1f}" == hours


def test_single_precision_keeps_the_table() -> None:
    t = devices.time_to_failure(10 * year, 150 + CELSIUS, 85 + CELSIUS, 1.5 * eV)
    np.testing.assert_allclose(float(t) / hour, 50.1736, rtol=tolerances.PRIMITIVE)


def test_a_hot_device_is_the_device_at_a_later_time(getkey) -> None:
    key, factor = getkey(), devices.arrhenius_factor(398.15, 298.15, 0.5 * eV)
    hot = devices.AtTemperature(devices.Pcm(), temperature=398.15, activation_energy=0.5 * eV)
    cells = hot.program(_half(1000), key=key)
    later = devices.Pcm().drift(devices.Pcm().program(_half(1000), key=key), 60.0 * factor)
    np.testing.assert_allclose(np.asarray(hot.drift(cells, 60.0)), np.asarray(later), rtol=tolerances.PRIMITIVE)
    assert not np.allclose(np.asarray(later), np.asarray(devices.Pcm().drift(cells, 60.0)), rtol=0.01)


def test_temperature_is_an_argument_that_can_be_swept(getkey) -> None:
    device = devices.AtTemperature(devices.Retention(devices.IdealDevice(), tau=year, stretch=1.0))
    cells = device.program(_half(1), key=getkey())
    temperatures = jnp.linspace(298.15, 398.15, 5)

    def kept(temperature):
        return eqx.tree_at(lambda d: d.temperature, device, temperature).drift(cells, year)[0] / HALF

    factors = devices.arrhenius_factor(temperatures, 298.15, 1.1 * eV)
    expected = np.exp(-np.asarray(factors, np.float64))
    np.testing.assert_allclose(np.asarray(jax.vmap(kept)(temperatures)), expected, atol=tolerances.PRIMITIVE)


# Retention


@pytest.mark.parametrize("stretch", [0.3, 1.0])
def test_retention_is_a_stretched_exponential(stretch: float, getkey) -> None:
    with jax.enable_x64(True):
        device = devices.Retention(devices.IdealDevice(), tau=1e5, stretch=stretch, g_final=20e-6)
        cells = device.program(jnp.asarray([5e-6, 25e-6]), key=getkey())
        for t in (0.0, 1.0, 1e5, 1e7, 1e30):
            expected = 20e-6 + (np.asarray([5e-6, 25e-6]) - 20e-6) * np.exp(-((t / 1e5) ** stretch))
            np.testing.assert_allclose(np.asarray(device.drift(cells, t)), expected, rtol=tolerances.FLOAT64)


# Stuck cells and endurance


@pytest.mark.parametrize(("p_on", "p_off"), [(0.0175, 0.0904), (0.5, 0.5), (0.0, 0.001)])
def test_share_of_stuck_cells(p_on: float, p_off: float, getkey) -> None:
    device = devices.StuckCells(devices.Pcm(), p_on=p_on, p_off=p_off)
    cells = device.program(_half(), key=getkey())
    g, stuck = np.asarray(device.drift(cells, 3600.0)), np.asarray(devices.is_stuck(device, cells))
    on, off = stuck & (g == np.float32(G_MAX)), stuck & (g == 0.0)
    assert tolerances.is_binomial(int(on.sum()), N, p_on)
    assert tolerances.is_binomial(int(off.sum()), N, p_off)
    assert int(stuck.sum()) == int(on.sum()) + int(off.sum())
    np.testing.assert_array_equal(np.asarray(device.read_std(cells, 1.0))[stuck], 0.0)
    np.testing.assert_array_equal(np.asarray(cells.g)[stuck], g[stuck])


def test_a_higher_share_adds_faults_to_those_there_are(getkey) -> None:
    few, many = (devices.StuckCells(devices.IdealDevice(), p_on=p, p_off=p) for p in (0.1, 0.2))
    cells = few.program(_half(), key=getkey())
    before, after = (np.asarray(devices.is_stuck(device, cells)) for device in (few, many))
    assert np.all(after[before])
    assert after.sum() > before.sum()


def test_two_of_a_kind_are_independent(getkey) -> None:
    one = devices.StuckCells(devices.IdealDevice(), p_on=0.2, p_off=0.0)
    two = devices.StuckCells(one, p_on=0.2, p_off=0.0)
    stuck = devices.is_stuck(two, two.program(_half(), key=getkey()))
    assert tolerances.is_binomial(int(stuck.sum()), N, 1 - 0.8**2)


@pytest.mark.parametrize(("scale", "shape"), [(1e6, 1.0), (1e7, 2.0), (1e9, 3.0)])
def test_failures_are_weibull_distributed(scale: float, shape: float, getkey) -> None:
    device = devices.Endurance(devices.IdealDevice(), scale=scale, shape=shape, on_share=0.3)
    cells = device.program(_half(), key=getkey())
    weibull = stats.weibull_min(shape, scale=scale)
    assert stats.kstest(np.asarray(device.cycles_to_failure(cells)), weibull.cdf).pvalue > tolerances.P_VALUE
    for n in scale * np.asarray([0.1, 0.7, 1.5]):
        worn = eqx.tree_at(lambda d: d.cycles, device, jnp.asarray(n, jnp.float32))
        g, failed = np.asarray(worn.drift(cells, 0.0)), np.asarray(devices.is_stuck(worn, cells))
        assert tolerances.is_binomial(int(failed.sum()), N, weibull.cdf(n))
        assert tolerances.is_binomial(int((failed & (g > HALF)).sum()), int(failed.sum()), 0.3)
        expected = float(worn.failure_probability(jnp.asarray(n, jnp.float32)))
        np.testing.assert_allclose(expected, weibull.cdf(n), rtol=tolerances.PRIMITIVE)


def test_window_closes_by_a_power_law(getkey) -> None:
    with jax.enable_x64(True):
        targets = jnp.asarray([0.0, 0.5, 1.0]) * G_MAX
        for n, width in ((1e3, 1.0), (1e4, 1.0), (1e6, 100**-0.1), (1e8, 1e4**-0.1)):
            device = devices.Endurance(devices.IdealDevice(), cycles=n, scale=1e30, onset=1e4, closure=0.1, centre=0.25)
            low, middle, high = np.asarray(device.program(targets, key=getkey()).g) / G_MAX
            np.testing.assert_allclose(high - low, width, rtol=tolerances.FLOAT64)
            np.testing.assert_allclose(low, 0.25 * (1 - width), atol=tolerances.FLOAT64)
            np.testing.assert_allclose(middle, min(0.5, high), rtol=tolerances.FLOAT64)


def test_reprogramming_counts_cycles_and_keeps_the_strength_of_each_cell(getkey) -> None:
    device = devices.Endurance(devices.Pcm(), scale=4.0, shape=2.0)
    cells = device.program(_half(), key=getkey())
    failed = [np.asarray(devices.is_stuck(device, cells))]
    weibull = stats.weibull_min(2.0, scale=4.0)
    for n in range(1, 6):
        cells = devices.reprogram(device, cells, _half(), key=getkey())
        np.testing.assert_array_equal(np.asarray(cells.n), n)
        failed.append(np.asarray(devices.is_stuck(device, cells)))
        assert np.all(failed[-1][failed[-2]])
        assert tolerances.is_binomial(int(failed[-1].sum()), N, weibull.cdf(n))
    assert not failed[0].any()


def test_cycles_count_on_a_much_used_chip(getkey) -> None:
    # 1e9 + 1 is 1e9 in float32: the count of the cells starts at zero for this reason.
    device = devices.Endurance(devices.IdealDevice(), cycles=1e9, scale=1e12)
    cells = device.program(_half(3), key=getkey())
    for _ in range(3):
        cells = devices.reprogram(device, cells, _half(3), key=getkey())
    np.testing.assert_array_equal(np.asarray(cells.n), 3.0)


def test_a_device_without_memory_reprograms_afresh(getkey) -> None:
    key, device = getkey(), devices.Pcm()
    cells = device.program(_half(10), key=getkey())
    assert eqx.tree_equal(devices.reprogram(device, cells, _half(10), key=key), device.program(_half(10), key=key))


# Refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: devices.StuckCells(d, p_on=-0.1, p_off=0.0), "p_on must be at least 0, at most 1, got -0.1"),
        (lambda d: devices.StuckCells(d, p_on=0.7, p_off=0.7), r"p_on \+ p_off must be at least 0, at most 1, got 1.4"),
        (lambda d: devices.StuckCells(d, p_on=float("nan"), p_off=0.0), "p_on must be .*, got nan"),
        (lambda d: devices.Endurance(d, shape=0.0), "shape must be above 0, got 0.0"),
        (lambda d: devices.Endurance(d, cycles=-1.0), "cycles must be at least 0, got -1.0"),
        (lambda d: devices.Endurance(d, on_share=1.5), "on_share must be at least 0, at most 1, got 1.5"),
        (lambda d: devices.Retention(d, tau=0.0), "tau must be above 0, got 0.0"),
        (lambda d: devices.AtTemperature(d, temperature=-5.0), "temperature must be above 0, got -5.0"),
    ],
)
def test_values_outside_of_their_range_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(devices.IdealDevice())


def test_traced_values_are_not_checked() -> None:
    make = lambda p: devices.StuckCells(devices.IdealDevice(), p_on=p, p_off=0.0).p_on
    assert float(jax.jit(make)(jnp.asarray(2.0))) == 2.0
