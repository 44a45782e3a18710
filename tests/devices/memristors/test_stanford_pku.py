"""The Stanford-PKU model: resistances and constants of its Verilog-A code, its noise as the SDE it stands for."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax.devices.memristors import GapNoise, StanfordPku, simulate


@pytest.mark.parametrize(
    ("gap", "resistance", "digit"), [(0.2e-9, 541.82, 0.01), (1e-9, 13292, 1), (1.7e-9, 218586, 1)]
)
def test_published_resistances(gap: float, resistance: float, digit: float) -> None:
    with jax.enable_x64(True):
        model = StanfordPku.preset("default")
        current = model.current(jnp.asarray(gap), jnp.asarray(0.1), model.ambient)
    assert 0.1 / float(current) == pytest.approx(resistance, abs=0.51 * digit)


def test_power_heats_the_gap() -> None:
    with jax.enable_x64(True):
        model = StanfordPku()
        temperature = model.temperature(jnp.asarray(0.2e-9), jnp.asarray(-0.1))
    assert float(temperature) == pytest.approx(298 + 2.1e3 * 0.1**2 / 541.82, abs=1e-6)


def _published_velocity(gap: float, v: float, temperature: float) -> float:
    gamma = 16 - 0.8 * (gap / 1e-9) ** 3
    if gamma * abs(v) / 12e-9 < 1.4e9:
        gamma = 0.0
    kt = 1.3806503e-23 * temperature
    return -10 * np.exp(-1.6e-19 * 0.6 / kt) * np.sinh(gamma * 0.25e-9 * 1.6e-19 * v / (12e-9 * kt))


@pytest.mark.parametrize("gap", [0.3e-9, 1e-9, 1.6e-9])
def test_published_velocity_is_the_limit_of_no_width(gap: float) -> None:
    with jax.enable_x64(True):
        sharp = StanfordPku(f_width=0.0, gap_width=0.0)
        smooth = StanfordPku(f_width=1e5, gap_width=1e-13)
        volts = np.linspace(-1.9, 1.9, 21)
        for model in (sharp, smooth):
            velocity = jax.vmap(lambda v, m=model: m.rate(jnp.asarray(gap), v, jnp.asarray(350.0)))(jnp.asarray(volts))
            expected = [_published_velocity(gap, v, 350.0) for v in volts]
            np.testing.assert_allclose(velocity, expected, rtol=1e-9, atol=1e-30)


def test_half_the_velocity_at_the_threshold_field() -> None:
    with jax.enable_x64(True):
        model = StanfordPku(gap_width=0.0)
        v = float(model.f_min * model.t_ox / (model.gamma_0 - model.beta))
        velocity = model.rate(jnp.asarray(1e-9), jnp.asarray(v), jnp.asarray(300.0))
    assert float(velocity) == pytest.approx(0.5 * _published_velocity(1e-9, v * (1 + 1e-12), 300.0), rel=1e-8)


def test_positive_voltages_set_and_negative_ones_reset() -> None:
    with jax.enable_x64(True):
        t = np.array([0, 1, 2, 3, 4, 5]) * 1e-4
        v = np.array([0, 1.0, 1.8, 0, -1.6, 0])
        trace = simulate(StanfordPku(), t, v)
        np.testing.assert_allclose(trace.x, np.array([1.7, 1.7, 0.2, 0.2, 1.7, 1.7]) * 1e-9, rtol=1e-3)
        np.testing.assert_array_equal(trace.i[v == 0], 0.0)
        assert np.all(np.asarray(trace.i) * v >= 0)
        assert np.all((np.asarray(trace.x) >= 0.2e-9 * (1 - 1e-12)) & (np.asarray(trace.x) <= 1.7e-9 * (1 + 1e-12)))


def test_noise_has_the_variance_of_the_time_steps_of_the_source() -> None:
    cells, steps = 1000, 16
    with jax.enable_x64(True):
        model = StanfordPku(noise=GapNoise(step=2e-10), gap_start=1e-9)
        t = jnp.linspace(0.0, steps * 2e-10, steps + 1)
        run = jax.vmap(lambda key: simulate(model, t, 0.0 * t, key=key).x[-1])
        gaps = np.asarray(run(jr.split(jr.key(3), cells)))
    per_step = 0.02 * 2e-10 / (1 + np.exp((450 - 298) / 500))  # what one step of the source adds
    low, high = tolerances.chi_square(cells)
    assert low < np.sum((gaps - 1e-9) ** 2) / (steps * per_step**2) < high
    assert abs(np.mean(gaps - 1e-9)) < tolerances.of_mean(cells) * per_step * steps**0.5


def test_noise_grows_with_temperature_by_the_published_law() -> None:
    noise = GapNoise()
    ratio = noise(jnp.asarray(450.0)) / noise(jnp.asarray(298.0))
    assert float(ratio) == pytest.approx((1 + np.exp(152 / 500)) / 2, rel=tolerances.PRIMITIVE)


def test_unknown_preset() -> None:
    with pytest.raises(ValueError, match="unknown preset 'pku' of StanfordPku; known: default, noisy"):
        StanfordPku.preset("pku")
