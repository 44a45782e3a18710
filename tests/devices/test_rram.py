"""RRAM presets against their published fits, written out here in uS."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices


N = 50_000
DAY = 86400.0
WAN = {  # seconds: coefficients of sigma [uS] in g / 40 uS
    1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}


def _total_std(device: devices.StatisticalDevice, x, t: float) -> np.ndarray:
    """The deviation [uS] around the target at `t`, from the laws of the device."""
    x = jnp.asarray(x)
    variance = device.programming(x) ** 2
    for law in (device.relaxation, device.accumulated):
        variance = variance + (0.0 if law is None else law(x, t) ** 2)
    return np.asarray(jnp.sqrt(variance) * device.g_max) * 1e6


@pytest.mark.parametrize(("t", "sigma", "g"), [(1.0, 2.30, 12.3), (DAY, 4.005, 15.7), (2 * DAY, 3.998, 16.4)])
def test_wan_maxima(t: float, sigma: float, g: float) -> None:
    with jax.enable_x64(True):
        grid = np.linspace(1, 40, 3901)
        spread = _total_std(devices.preset("rram_wan2022"), grid / 40, t)
    np.testing.assert_allclose(spread.max(), sigma, atol=0.0051)
    np.testing.assert_allclose(grid[spread.argmax()], g, atol=0.051)


def test_wan_and_the_second_fit_of_the_same_figure() -> None:
    # CrossSim, at 1 s; the reference sheet allows 0.4 uS between the two from 4 to 28 uS.
    with jax.enable_x64(True):
        g = np.linspace(4, 28, 50)
        ours = _total_std(devices.preset("rram_wan2022"), g / 40, 1.0)
    np.testing.assert_allclose(ours, 1.536e-4 * g**3 - 1.167e-2 * g**2 + 0.2374 * g + 1.053, atol=0.4)


@pytest.mark.parametrize("t", WAN)
def test_wan_samples(t: float, getkey) -> None:
    device = devices.preset("rram_wan2022")
    g = device.drift(device.program(jnp.full(N, 20e-6), key=getkey()), t)
    z = (np.asarray(g, np.float64) * 1e6 - 20) / np.polyval(WAN[t][::-1], 0.5)
    assert abs(z.mean()) < tolerances.of_mean(N)
    assert abs(z.std() - 1) < tolerances.of_std(N)
    assert stats.kstest(z, "norm").pvalue > tolerances.P_VALUE


def test_wan_noise_is_rescaled_with_the_range(getkey) -> None:
    # AIHWKit documents this and does not do it: it has 2.02 uS for both.
    key = getkey()
    spread = {}
    for g_max in (40e-6, 20e-6):
        wan = devices.preset("rram_wan2022")
        device = devices.StatisticalDevice(g_max=g_max, programming=wan.programming, relaxation=wan.relaxation)
        spread[g_max] = np.std(np.asarray(device.program(jnp.full(N, g_max / 2), key=key).g, np.float64)) * 1e6
    np.testing.assert_allclose(spread[40e-6], 2.0229, rtol=tolerances.of_std(N))
    np.testing.assert_allclose(spread[20e-6], spread[40e-6] / 2, rtol=tolerances.PRIMITIVE)


def test_wan_relaxation_is_independent_of_programming(getkey) -> None:
    device = devices.preset("rram_wan2022")
    cells = device.program(jnp.full(N, 20e-6), key=getkey())
    change = np.asarray(device.drift(cells, DAY) - cells.g, np.float64)
    assert abs(np.corrcoef(change, np.asarray(cells.g, np.float64))[0, 1]) < tolerances.of_mean(N)
    np.testing.assert_array_equal(np.asarray(device.drift(cells, 1.0)), np.asarray(cells.g))  # the fit begins at 1 s


@pytest.mark.parametrize(
    ("name", "offset", "slope"),
    [("rram_falcone_0p2", 0.811e-3, 1.0688e-3), ("rram_falcone_2", 1.1219e-2, 1.12903e-2)],
)
def test_falcone_programming(name: str, offset: float, slope: float) -> None:
    with jax.enable_x64(True):
        device = devices.preset(name)
        g = np.linspace(9, 88, 20)
        sigma = np.asarray(device.programming(jnp.asarray(g / 88.2))) * 88.2
    np.testing.assert_allclose(sigma, slope * g + offset, rtol=1e-4)  # printed to four or five digits


@pytest.mark.parametrize("t", [1.0, 3600.0, DAY])
def test_falcone_relaxation_and_noise(t: float, getkey) -> None:
    device = devices.preset("rram_falcone_0p2")
    g = 50.0
    cells = device.program(jnp.full(N, g * 1e-6), key=getkey())
    change = np.asarray(device.drift(cells, t) - cells.g, np.float64) * 1e6
    relaxation = 0.04201137 * np.log(t) + 0.41183342
    noise = 0.0277316 * np.log10(g) * np.sqrt(np.log((t + 1e-6) / 2e-6))
    z = (change + 0.08900206 * np.log(t)) / np.hypot(relaxation, noise)
    assert abs(z.mean()) < tolerances.of_mean(N)
    assert abs(z.std() - 1) < tolerances.of_std(N)
    assert stats.kstest(z, "norm").pvalue > tolerances.P_VALUE


def test_falcone_draws_are_independent(getkey) -> None:
    cells = devices.preset("rram_falcone_2").program(jnp.full(N, 50e-6), key=getkey())
    draws = np.stack([np.asarray(leaf, np.float64) for leaf in (cells.g, cells.xi_relaxation, cells.xi_accumulated)])
    assert np.all(np.abs(np.corrcoef(draws)[np.triu_indices(3, 1)]) < tolerances.of_mean(N))


def test_milo_programming(getkey) -> None:
    g = np.linspace(50, 225, 8)
    device = devices.preset("rram_milo2021")
    cells = device.program(jnp.tile(jnp.asarray(g * 1e-6, jnp.float32)[:, None], (1, N // 8)), key=getkey())
    z = (np.asarray(cells.g, np.float64) * 1e6 - g[:, None]) / (4.782321 - 0.009107 * g[:, None])
    assert abs(z.std() - 1) < tolerances.of_std(N)
    assert stats.kstest(z.ravel(), "norm").pvalue > tolerances.P_VALUE


@pytest.mark.parametrize("v", [0.1, 0.3, 0.5])
def test_milo_current(v: float) -> None:
    # The published polynomials in log10 of the conductance in siemens.
    g = np.asarray([50e-6, 62.5e-6, 110e-6, 225e-6])
    second = np.polyval([1.388e-4, 1.541e-3, 5.711e-3, 7.063e-3], np.log10(g))
    third = np.polyval([8.871e-5, 6.7919e-4, 1.2968e-3], np.log10(g))
    expected = g * v + second * v**2 + third * v**3
    for x64, rtol in ((True, 1e-10), (False, tolerances.COMPOSITE)):
        with jax.enable_x64(x64):
            i = devices.current(devices.preset("rram_milo2021"), jnp.asarray(g), jnp.full(4, v))
            np.testing.assert_allclose(np.asarray(i), expected, rtol=rtol)
