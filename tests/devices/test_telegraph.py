"""Traps: both moments of a read against a simulated two-state chain, and the limits of fast and slow traps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices


N = 50_000
G = 10e-6


def _device(**changes) -> devices.TelegraphNoise:
    parameters = {"amplitude": 0.2, "tau_c": 3.0, "tau_e": 1.0, "tau_spread": 0.0, "fraction": 1.0}
    return devices.TelegraphNoise(device=devices.IdealDevice(), **{**parameters, **changes})


def _simulated_occupancy(start: int, t: float, tau_c: float, tau_e: float, rng: np.random.Generator) -> np.ndarray:
    """States of N chains after `t`, by drawing dwell times (Gillespie)."""
    state, clock = np.full(N, start), np.zeros(N)
    while True:
        clock = clock + rng.exponential(np.where(state == 1, tau_e, tau_c))
        if np.all(clock > t):
            return state
        state = np.where(clock <= t, 1 - state, state)


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("t", [0.3, 1.0, 5.0])
def test_moments_are_those_of_the_chain(start: int, t: float) -> None:
    device = _device()
    inner = devices.IdealCells(g=jnp.full(1, G))
    one = jnp.ones(1)
    cells = devices.TelegraphCells(
        g=inner.g, cells=inner, amplitude=0.2 * one, occupied=float(start) * one, slowness=one
    )
    states = _simulated_occupancy(start, t, 3.0, 1.0, np.random.default_rng(0))
    g = G * (1 - 0.2 * states)
    mean, std = float(device.drift(cells, t)[0]), float(device.read_std(cells, t)[0])
    assert abs(mean - g.mean()) < tolerances.of_mean(N) * g.std()
    np.testing.assert_allclose(std, g.std(), rtol=0.02)


def test_occupancy_at_programming(getkey) -> None:
    cells = _device().program(jnp.full(N, G), key=getkey())
    low, high = stats.binom.ppf([tolerances.P_VALUE / 2, 1 - tolerances.P_VALUE / 2], N, 1 / (1 + 3.0))
    assert low <= float(cells.occupied.sum()) <= high
    np.testing.assert_allclose(np.unique(np.asarray(cells.g)), [0.8 * G, G], rtol=tolerances.PRIMITIVE)


def test_a_slow_trap_is_a_fixed_error_and_a_fast_one_is_noise(getkey) -> None:
    slow, fast, key = _device(tau_c=3e9, tau_e=1e9), _device(tau_c=3e-6, tau_e=1e-6), getkey()
    cells = slow.program(jnp.full(N, G), key=key)
    np.testing.assert_allclose(np.asarray(slow.drift(cells, 10.0)), np.asarray(cells.g), rtol=tolerances.PRIMITIVE)
    assert float(slow.read_std(cells, 10.0).max()) < 1e-4 * G
    cells = fast.program(jnp.full(N, G), key=key)
    np.testing.assert_allclose(np.asarray(fast.drift(cells, 10.0)), G * (1 - 0.2 / 4), rtol=tolerances.PRIMITIVE)
    expected = 0.2 * G * np.sqrt(0.25 * 0.75)
    np.testing.assert_allclose(np.asarray(fast.read_std(cells, 10.0)), expected, rtol=tolerances.PRIMITIVE)


def test_state_is_a_function_of_the_cells_and_the_time(getkey) -> None:
    device = _device(tau_spread=3.0)
    cells = device.program(jnp.full(100, G), key=getkey())
    np.testing.assert_array_equal(np.asarray(device.drift(cells, 7.0)), np.asarray(device.drift(cells, 7.0)))
    np.testing.assert_allclose(np.asarray(device.drift(cells, 0.0)), np.asarray(cells.g), rtol=tolerances.PRIMITIVE)


def test_draws_of_trap_state_and_device_are_independent(getkey) -> None:
    device = devices.TelegraphNoise(device=devices.Pcm(), fraction=0.5, tau_c=1.0, tau_e=1.0)
    cells = device.program(jnp.full(N, G), key=getkey())
    draws = (cells.cells.g, cells.amplitude, cells.occupied, jnp.log(cells.slowness))
    correlations = np.corrcoef(np.stack([np.asarray(draw, np.float64) for draw in draws]))
    assert np.all(np.abs(correlations[np.triu_indices(4, 1)]) < tolerances.of_mean(N))
    low, high = stats.binom.ppf([tolerances.P_VALUE / 2, 1 - tolerances.P_VALUE / 2], N, 0.5)
    assert low <= float((cells.amplitude > 0).sum()) <= high


def test_noise_of_the_device_is_added_in_quadrature(getkey) -> None:
    base = devices.Pcm()
    device = devices.TelegraphNoise(device=base, amplitude=0.2, tau_c=3e-6, tau_e=1e-6, fraction=1.0)
    cells = device.program(jnp.full(10, G), key=getkey())
    trap = 0.2 * base.drift(cells.cells, 10.0) * np.sqrt(0.25 * 0.75).astype(np.float32)
    expected = np.hypot(np.asarray(trap), np.asarray(base.read_std(cells.cells, 10.0)) * (1 - 0.2 / 4))
    np.testing.assert_allclose(np.asarray(device.read_std(cells, 10.0)), expected, rtol=tolerances.COMPOSITE)


def test_gradient_in_the_dwell_time() -> None:
    with jax.enable_x64(True):

        def mean_after_a_second(tau):
            device = _device(tau_c=tau)
            cells = devices.TelegraphCells(
                g=jnp.full(1, G), cells=devices.IdealCells(g=jnp.full(1, G)), amplitude=jnp.full(1, 0.2),
                occupied=jnp.ones(1), slowness=jnp.ones(1),
            )  # fmt: skip
            return device.drift(cells, 1.0)[0] * 1e6 + device.read_std(cells, 1.0)[0] * 1e6

        tau, h = jnp.asarray(3.0), 1e-5
        difference = (mean_after_a_second(tau + h) - mean_after_a_second(tau - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(mean_after_a_second)(tau)), float(difference), rtol=1e-7)
