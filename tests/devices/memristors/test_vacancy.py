"""The vacancy filament: its heat, its balance of hops, and how it switches."""

import jax
import jax.numpy as jnp
import numpy as np

from aimcjax.devices.memristors import VacancyFilament, simulate


def test_temperature_settles_exponentially_at_the_power_times_the_thermal_resistance() -> None:
    with jax.enable_x64(True):
        model = VacancyFilament(velocity=0.0, phi_start=3e-9)
        t = np.linspace(0, 1e-9, 21)
        trace = simulate(model, t, np.full_like(t, 0.5), substeps=500)
        g = np.pi * 3e-9**2 / (4 * 4e-6 * 5e-9)
        expected = 300 + 1e6 * 0.25 * g * (1 - np.exp(-t / 5e-11))
        np.testing.assert_allclose(trace.temperature, expected, rtol=1e-5)
        np.testing.assert_allclose(trace.i, 0.5 * g, rtol=1e-12)
        np.testing.assert_array_equal(trace.temperature, trace.x[:, 1])


def test_diameter_relaxes_to_the_balance_of_hops() -> None:
    with jax.enable_x64(True):
        model = VacancyFilament(ambient=600.0, r_th=1e-3, c_th=1e-12, phi_start=0.5e-9)
        barrier, volts = 1.2 / (8.617333262e-5 * 600), 0.02
        s = 0.5 * volts / (8.617333262e-5 * 600)
        speed = 100.0 * np.exp(-barrier) * 2 * np.cosh(s) / 4.5e-9
        t = np.linspace(0, 3 / speed, 13)
        trace = simulate(model, t, np.full_like(t, volts), substeps=64)
        expected = (1 - np.exp(-speed * t)) / (1 + np.exp(-2 * s))
        np.testing.assert_allclose((np.asarray(trace.x[:, 0]) - 0.5e-9) / 4.5e-9, expected, atol=1e-6)


def test_grows_for_positive_dissolves_for_negative_and_keeps_without_voltage() -> None:
    with jax.enable_x64(True):
        t = np.array([0, 1, 50, 51, 100, 101, 150, 151]) * 1e-6
        v = np.array([0, 1.6, 1.6, 0, 0, -1.0, -1.0, 0])
        trace = simulate(VacancyFilament(), t, v)
        phi = np.asarray(trace.x[:, 0])
        assert phi[2] > 3 * phi[0]
        np.testing.assert_allclose(phi[4], phi[3], rtol=1e-6)
        assert phi[-1] < 0.5 * phi[4]
        assert np.all(np.asarray(trace.temperature) >= 300 - 0.03)  # tolerance of the solver, 1e-5 of the range
        np.testing.assert_array_equal(trace.i[v == 0], 0.0)


def test_rates_stay_finite_in_single_precision() -> None:
    model = VacancyFilament()
    low, high = model.bounds()
    for x in (low, high):
        for v in (-3.0, 3.0):
            rate = model.rate(x, jnp.asarray(v), x[1])
            gradient = jax.jacfwd(model.rate)(x, jnp.asarray(v), x[1])
            assert bool(jnp.all(jnp.isfinite(rate)) & jnp.all(jnp.isfinite(gradient)))
