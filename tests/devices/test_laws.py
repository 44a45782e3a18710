"""Laws against their formulas, and tables at, between and outside of their entries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax import devices


X = np.linspace(0.05, 1.0, 20)


def _close(ours, expected) -> None:
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=tolerances.FLOAT64)


def test_laws_of_the_conductance() -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(X)
        _close(devices.Saturation(amplitude=2.0, scale=0.3)(x), 2 * (1 - np.exp(-X / 0.3)))
        piecewise = devices.Piecewise(split=0.4, below=[0.0, 1.0], above=0.7)
        _close(piecewise(x), np.where(X < 0.4, X, 0.7))


def test_laws_of_the_time() -> None:
    with jax.enable_x64(True):
        x, t = jnp.asarray(X), 5000.0
        log_time = devices.LogTime(slope=0.1, offset=0.2, t_0=10.0)
        _close(log_time(x, t), np.full(20, 0.2 + 0.1 * np.log(500.0)))
        _close(log_time(x, 3.0), np.full(20, 0.2))  # nothing happens before t_0
        gathered = devices.Accumulation(law=[0.0, 1.0], t_read=1e-3)
        _close(gathered(x, t), X * np.sqrt(np.log((t + 1e-3) / 2e-3)))
        total = devices.LogTime(slope=0.0, offset=0.5)
        _close(devices.Excess(total=total, initial=0.3)(x, t), np.full(20, 0.4))  # 3, 4, 5
        _close(devices.Excess(total=total, initial=0.6)(x, t), np.zeros(20))


@pytest.mark.parametrize(
    ("t", "weight"), [(0.0, 0.0), (10.0, 0.0), (100.0, np.log(101 / 11) / np.log(1001 / 11)), (1000.0, 1.0), (1e9, 1.0)]
)
def test_tables_are_interpolated_in_the_logarithm_and_held_outside(t: float, weight: float) -> None:
    with jax.enable_x64(True):
        x, times = jnp.asarray(X), [10.0, 1000.0]
        polynomial = devices.PolynomialTable(times=times, coefficients=[[1.0, 2.0], [3.0, -2.0]], t_scale=1.0)
        _close(polynomial(x, t), (1 + 2 * weight) + (2 - 4 * weight) * X)
        saturation = devices.SaturationTable(times=times, amplitude=[1.0, 3.0], scale=[0.2, 0.4], t_scale=1.0)
        _close(saturation(x, t), (1 + 2 * weight) * (1 - np.exp(-X / (0.2 + 0.2 * weight))))


def test_tables_of_other_lengths_are_refused() -> None:
    # jaxtyping, which is on in tests only, may object first
    with pytest.raises(Exception, match="has 1 entries for 2 times|does not match"):
        devices.PolynomialTable(times=[1.0, 2.0], coefficients=[[1.0]])


@pytest.mark.parametrize("x", [1e-3, 0.3, 0.9])
def test_gradients_of_the_laws(x: float) -> None:
    with jax.enable_x64(True):
        saturation = devices.Saturation(amplitude=2.0, scale=0.3)
        for law in (saturation, devices.Piecewise(split=0.4, below=saturation, above=[0.1, 0.2, 0.3])):
            h, at = 1e-7, jnp.asarray(x)
            difference = (law(at + h) - law(at - h)) / (2 * h)
            np.testing.assert_allclose(float(jax.grad(law)(at)), float(difference), rtol=1e-6)
