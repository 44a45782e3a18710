"""The general statistical device: distributions, lifetimes, gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices


N = 50_000
G = 5e-6


def _device(**changes) -> devices.StatisticalDevice:
    laws = {
        "programming": 0.02,
        "shift": devices.LogTime(slope=-0.004),
        "relaxation": devices.LogTime(slope=0.002, offset=0.01),
        "accumulated": devices.Accumulation(law=0.001, t_read=1e-6),
        "read_noise": 0.01,
    }
    return devices.StatisticalDevice(g_max=10e-6, **{**laws, **changes})


# law of the error relative to g_max, and the deviation it must have at half range: CrossSim's three generic kinds
KINDS = {
    "independent": (devices.Constant(0.03), 0.03),
    "proportional": (devices.Power(coefficient=0.03, exponent=1.0), 0.015),
    "inverse": (devices.Power(coefficient=0.03, exponent=-1.0, high=0.5), 0.06),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", ["normal", "uniform"])
def test_generic_errors(kind: str, shape: str, getkey) -> None:
    law, std = KINDS[kind]
    distribution = {"normal": devices.Normal(), "uniform": devices.Uniform()}[shape]
    device = devices.StatisticalDevice(g_max=10e-6, programming=law, distribution=distribution)
    errors = (np.asarray(device.program(jnp.full(N, G), key=getkey()).g, np.float64) - G) / 10e-6
    width = std * np.sqrt(12)
    reference = {"normal": stats.norm(0, std), "uniform": stats.uniform(-width / 2, width)}[shape]
    assert abs(errors.mean() / std) < tolerances.of_mean(N)
    assert stats.kstest(errors, reference.cdf).pvalue > tolerances.P_VALUE


def test_lifetimes_are_independent_and_stay(getkey) -> None:
    device = _device()
    cells = device.program(jnp.full(N, G), key=getkey())
    hour, again, day = (np.asarray(device.drift(cells, t), np.float64) for t in (3600.0, 3600.0, 86400.0))
    np.testing.assert_array_equal(hour, again)
    programmed = np.asarray(cells.g, np.float64)
    assert abs(np.corrcoef(programmed, hour - programmed)[0, 1]) < tolerances.of_mean(N)
    assert np.corrcoef(hour - programmed, day - programmed)[0, 1] > 0.9  # the same cells lose the most
    reads = [np.asarray(device.read(cells, 3600.0, key=getkey()), np.float64) - hour for _ in range(2)]
    assert abs(np.corrcoef(*reads)[0, 1]) < tolerances.of_mean(N)
    assert abs(np.corrcoef(reads[0], hour)[0, 1]) < tolerances.of_mean(N)
    assert abs(reads[0].std() / 0.1e-6 - 1) < tolerances.of_std(N)


@pytest.mark.parametrize("absent", ["programming", "shift", "relaxation", "accumulated", "read_noise"])
def test_what_is_absent_has_no_effect(absent: str, getkey) -> None:
    alone = devices.StatisticalDevice(g_max=10e-6)
    cells = alone.program(jnp.full(3, G), key=getkey())
    assert getattr(alone, absent) is None
    np.testing.assert_array_equal(np.asarray(alone.drift(cells, 1e6)), np.float32(G))
    assert alone.read_std(cells, 1e6) is None


def test_all_laws_at_once_have_the_closed_form(getkey) -> None:
    with jax.enable_x64(True):
        device = _device()
        cells = device.program(jnp.full(4, G), key=getkey())
        t = 5e4
        expected = np.asarray(cells.g) + 10e-6 * (
            -0.004 * np.log(t)
            + (0.01 + 0.002 * np.log(t)) * np.asarray(cells.xi_relaxation)
            + 0.001 * np.sqrt(np.log((t + 1e-6) / 2e-6)) * np.asarray(cells.xi_accumulated)
        )
        np.testing.assert_allclose(np.asarray(device.drift(cells, t)), expected, rtol=tolerances.FLOAT64)


@pytest.mark.parametrize("name", ["rram_wan2022", "rram_falcone_2", "sonos", "pcm_hermes_2", "cbram"])
def test_drift_gradient_in_time(name: str) -> None:
    # At 30 h: between two entries of every table.
    with jax.enable_x64(True):
        device = devices.preset(name)
        targets = device.g_min + jnp.linspace(0.2, 0.9, 32) * (device.g_max - device.g_min)
        cells = device.program(targets, key=jax.random.key(0))
        total = lambda t: jnp.sum(device.drift(cells, t)) / device.g_max
        t, h = 108000.0, 1.0
        difference = (total(t + h) - total(t - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(total)(t)), float(difference), rtol=1e-6)


@pytest.mark.parametrize(
    "where",
    [lambda d: d.g_max, lambda d: d.shift.slope, lambda d: d.relaxation.offset, lambda d: d.accumulated.t_read],
    ids=["g_max", "shift", "relaxation", "t_read"],
)
def test_gradients_in_parameters(where) -> None:
    with jax.enable_x64(True):
        device, key = _device(), jax.random.key(1)

        def mean_after_a_day(value):
            changed = eqx.tree_at(where, device, value)
            cells = changed.program(jnp.linspace(2e-6, 9e-6, 64), key=key)
            return jnp.mean(changed.drift(cells, 86400.0)) * 1e6

        value = where(device)
        h = 1e-6 * jnp.abs(value)
        difference = (mean_after_a_day(value + h) - mean_after_a_day(value - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(mean_after_a_day)(value)), float(difference), rtol=1e-5)
