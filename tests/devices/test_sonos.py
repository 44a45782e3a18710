"""SONOS against the published fits, written out here in nA."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices


N = 50_000
DAY = 86400.0
G_OF_NA = 1 / 35e3 / 1600  # siemens a nanoampere
# days: A [nA], B [nA] of the deviation; p_0 ... p_10 of the mean change [nA]
FITS = {
    1: (25.59102, 186.85544, (1.72684e-1, 5.72552e-2, -6.85715e-4, 3.50271e-6, -9.37682e-9, 1.40575e-11,
        -1.19803e-14, 5.41293e-18, -8.85448e-22, -1.66869e-25, 5.9518e-29)),
    5: (34.57909, 207.34309, (3.19927e-1, 1.06596e-1, -1.04054e-3, 4.5029e-6, -1.10352e-8, 1.56477e-11,
        -1.27592e-14, 5.45513e-18, -7.26841e-22, -2.43893e-25, 7.14608e-29)),
}  # fmt: skip


@pytest.mark.parametrize("days", FITS)
@pytest.mark.parametrize("x64", [True, False], ids=["float64", "float32"])
def test_retention_matches_the_polynomials(days: int, x64: bool) -> None:
    with jax.enable_x64(x64):
        device = devices.preset("sonos")
        i = np.linspace(1, 1600, 100)
        ours = np.asarray(device.shift(jnp.asarray(i / 1600), days * DAY)) * 1600
    # in float32 terms of up to 20 times the range cancel: 1e-6 of 20 * 1600 nA
    np.testing.assert_allclose(ours, np.polyval(FITS[days][2][::-1], i), atol=1e-9 if x64 else 0.03)


@pytest.mark.parametrize("current", [200.0, 800.0])
@pytest.mark.parametrize("days", FITS)
def test_samples_after_days(current: float, days: int, getkey) -> None:
    a, b, p = FITS[days]
    device = devices.preset("sonos")
    cells = device.program(jnp.full(N, current * G_OF_NA), key=getkey())
    i = np.asarray(device.drift(cells, days * DAY), np.float64) / G_OF_NA
    z = (i - current - np.polyval(p[::-1], current)) / (a * (1 - np.exp(-current / b)))
    assert abs(z.mean()) < tolerances.of_mean(N)
    assert abs(z.std() - 1) < tolerances.of_std(N)
    assert stats.kstest(z, "norm").pvalue > tolerances.P_VALUE


def test_programming_and_read_noise(getkey) -> None:
    device = devices.preset("sonos")
    cells = device.program(jnp.full(N, 800 * G_OF_NA), key=getkey())
    z = (np.asarray(cells.g, np.float64) / G_OF_NA - 800) / (19.88665 * (1 - np.exp(-800 / 176.3115)))
    assert abs(z.std() - 1) < tolerances.of_std(N)
    np.testing.assert_array_equal(np.asarray(device.drift(cells, 0.0)), np.asarray(cells.g))
    i = np.asarray(cells.g, np.float64) / G_OF_NA
    expected = 12.58037 * (1 - np.exp(-i / 215.36557))
    np.testing.assert_allclose(
        np.asarray(device.read_std(cells, 0.0)) / G_OF_NA, expected, rtol=10 * tolerances.PRIMITIVE
    )


def test_held_after_the_last_day() -> None:
    device = devices.preset("sonos")
    x = jnp.linspace(0.0, 1.0, 9)
    last, later = np.asarray(device.shift(x, 5 * DAY)), np.asarray(device.shift(x, 50 * DAY))
    np.testing.assert_allclose(last, later, atol=1e-6)  # float32 rounds the time of the last entry
