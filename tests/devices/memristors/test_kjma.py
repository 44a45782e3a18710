"""The phase-change cell: growth against the closed form of KJMA, heat against Joule, and a RESET and SET."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aimcjax.devices.memristors import KjmaPcm, simulate


def _isothermal(avrami: float, nuclei: float) -> tuple[np.ndarray, np.ndarray, float]:
    model = KjmaPcm(ambient=650.0, x_start=0.0, avrami=avrami, nuclei=nuclei)
    k = 1 / (np.exp(2.3 / (8.617333262145e-5 * 650)) / 1.4e24 + 1 / 5e7)
    t = np.linspace(0, 1.7 / k, 41)
    trace = simulate(model, t, 0.0 * t, substeps=100)
    return np.asarray(trace.x[:, 0]), t, k


@pytest.mark.parametrize("avrami", [1.0, 2.5, 3.0])
def test_isothermal_growth_is_that_of_kjma(avrami: float) -> None:
    with jax.enable_x64(True):
        from_nuclei, t, k = _isothermal(avrami, nuclei=1e-3)
        fraction, _, _ = _isothermal(avrami, nuclei=1e-9)
    exact = -np.expm1(1e-3 - (k * t + 1e-3 ** (1 / avrami)) ** avrami)
    np.testing.assert_allclose(from_nuclei, exact, atol=1e-5)
    # Fewer nuclei only shift the time, by 1e-9^(1/3) / k at most; the slope of the law is below 2 k.
    np.testing.assert_allclose(fraction, -np.expm1(-((k * t) ** avrami)), atol=2e-3)


def test_heat_of_the_crystal_is_that_of_joule() -> None:
    with jax.enable_x64(True):
        model = KjmaPcm(k_melt=0.0)
        t = np.linspace(0, 1e-8, 11)
        trace = simulate(model, t, np.full_like(t, 0.9), substeps=200)
        expected = 300 + 4e6 * 0.81e-4 * (1 - np.exp(-t / 2e-9))
        np.testing.assert_allclose(trace.temperature, expected, rtol=1e-5)
        np.testing.assert_allclose(trace.i, 0.9e-4, rtol=1e-12)


def test_current_of_the_phases_and_of_half_of_each() -> None:
    with jax.enable_x64(True):
        model = KjmaPcm()
        v = jnp.asarray(0.3)
        current = [float(model.current(jnp.asarray([x, 300.0]), v, model.ambient)) for x in (0.0, 0.5, 1.0)]
        assert current[0] == pytest.approx(0.3 / (1 / (1e-6 * np.sinh(3.0) / 3.0) + 1e4), rel=1e-9)
        assert current[2] == pytest.approx(0.3e-4, rel=1e-12)
        assert current[1] == pytest.approx((current[0] * current[2]) ** 0.5, rel=1e-12)
        slope = jax.grad(lambda v: model.current(jnp.asarray([0.0, 300.0]), v, model.ambient))(jnp.asarray(0.0))
        assert float(slope) == pytest.approx(1 / (1e6 + 1e4), rel=1e-12)


def test_melting_and_quenching_resets_and_annealing_sets() -> None:
    with jax.enable_x64(True):
        t = np.array([0, 1, 21, 22, 50, 60, 61, 400, 401, 450]) * 1e-9
        v = np.array([0, 1.35, 1.35, 0, 0, 0, 1.0, 1.0, 0, 0])
        trace = simulate(KjmaPcm(), t, v)
        assert float(trace.temperature[2]) > 880
        assert float(trace.x[4, 0]) < 0.01
        np.testing.assert_allclose(trace.x[5, 0], trace.x[4, 0], rtol=1e-6)
        assert float(trace.x[-1, 0]) > 0.99
        slow = simulate(KjmaPcm(), t, np.array([0, 1.35, 1.35, 1.3, 1.2, 1.17, 1.16, 0, 0, 0]))
        assert float(slow.x[-1, 0]) > 0.9  # a slow ramp down lets it crystallise again


def test_arrhenius_keeps_the_amorphous_phase() -> None:
    with jax.enable_x64(True):
        model = KjmaPcm()
        ratio = model.crystallisation_rate(jnp.asarray(400.0)) / model.crystallisation_rate(jnp.asarray(380.0))
        assert float(ratio) == pytest.approx(np.exp(2.3 / 8.617333262e-5 * (1 / 380 - 1 / 400)), rel=1e-6)
    assert bool(jnp.isfinite(jax.grad(KjmaPcm().crystallisation_rate)(jnp.asarray(250.0))))
