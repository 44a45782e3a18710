"""HERMES phase-change memory against the published table (reference sheet: printed digits, float64)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aimcjax import devices


# g / g_max: sigma_prog [uS] of one and of two devices, mean of nu, its deviation for one and for two
TABLE = {
    0.10: (0.36932, 0.55772, 0.0719, 0.02533, 0.02124),
    0.25: (0.61449, 0.88876, 0.06772, 0.01434, 0.01052),
    0.50: (0.86531, 0.99101, 0.0564, 0.01207, 0.0090),
    1.00: (1.00757, 1.09270, 0.0174, 0.0055, 0.0048),
}
DIGITS = 5.1e-6  # half of the fifth decimal


@pytest.mark.parametrize("x", TABLE)
@pytest.mark.parametrize("count", [1, 2])
def test_laws_match_the_table(x: float, count: int) -> None:
    with jax.enable_x64(True):
        device = devices.preset(f"pcm_hermes_{count}")
        at = jnp.asarray(x)
        sigma, nu_mean = float(device.programming(at) * device.g_max) * 1e6, float(device.nu_mean(at))
        nu_std = float(device.nu_std(at))
    row = TABLE[x]
    np.testing.assert_allclose(sigma, row[count - 1], atol=DIGITS)
    np.testing.assert_allclose(nu_mean, row[2], atol=DIGITS if x > 0.1 else 5.1e-5)  # four decimals printed
    np.testing.assert_allclose(nu_std, row[2 + count], atol=DIGITS if x < 0.5 else 5.1e-5)


def test_below_the_split_the_laws_are_clipped_logarithms() -> None:
    # mean of nu: clip(-0.0387 ln x - 0.0182, 0.072, 0.13) for x < 0.0945, by hand
    with jax.enable_x64(True):
        for count in (1, 2):
            nu = devices.preset(f"pcm_hermes_{count}").nu_mean(jnp.asarray([0.001, 0.05, 0.09]))
            expected = [0.13, -0.0387 * np.log(0.05) - 0.0182, -0.0387 * np.log(0.09) - 0.0182]
            np.testing.assert_allclose(np.asarray(nu), expected, rtol=1e-12)


@pytest.mark.parametrize(("count", "t_0", "g_max"), [(1, 200.0, 10.35e-6), (2, 300.0, 20.7e-6)])
def test_drift_is_a_power_law_from_the_first_read(count: int, t_0: float, g_max: float) -> None:
    with jax.enable_x64(True):
        device = devices.preset(f"pcm_hermes_{count}")
        cells = devices.PcmCells(g=jnp.asarray([g_max / 2]), nu=jnp.asarray([0.06]), xi=jnp.zeros(1))
        drifted = float(device.drift(cells, 3600.0)[0])
    np.testing.assert_allclose(drifted, g_max / 2 * ((3600 + t_0) / t_0) ** -0.06, rtol=1e-12)
