"""The fits of Messaris: steps at constant voltage have closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aimcjax.devices.memristors import DataDriven, ExponentialApproach, simulate


def _run(model: DataDriven, start: float, volts: float, t: np.ndarray) -> np.ndarray:
    return np.asarray(simulate(model, t, np.full_like(t, volts), start, substeps=1000).x)


@pytest.mark.parametrize(("volts", "start", "total"), [(0.8, 3000.0, 1e-3), (-1.0, 9000.0, 1e-2)])
def test_step_of_2018(volts: float, start: float, total: float) -> None:
    t = np.linspace(0, total, 11)
    with jax.enable_x64(True):
        found = _run(DataDriven.preset("messaris2018"), start, volts, t)
    if volts > 0:  # d exp(kR)/dt = k s (exp(kr) - exp(kR))
        k, r, s = 5.11e-4, 16719.0, 743.47 * np.expm1(6.51 * volts)
    else:  # the same for -R
        k, r, s = 1.17e-3, -(29304.82557 + 23692.77225 * volts), 68012.28374 * np.expm1(0.31645 * -volts)
        start = -start
    y = np.exp(k * r) + (np.exp(k * start) - np.exp(k * r)) * np.exp(-k * s * t)
    expected = np.abs(np.log(y) / k)
    assert abs(found[-1] - found[0]) > 1000
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("volts", "start", "total"), [(0.5, 2900.0, 1e-5), (-1.2, 1700.0, 1e-4)])
def test_step_of_2021(volts: float, start: float, total: float) -> None:
    t = np.linspace(0, total, 11)
    with jax.enable_x64(True):
        found = _run(DataDriven.preset("messaris2021"), start, volts, t)
    if volts > 0:
        s, r = 600.10075 * np.expm1(volts / -0.0212028), 2699.2336 - 672.930205 * volts
        expected = (start + s * r * (r - start) * t) / (1 + s * (r - start) * t)
    else:  # the printed step is for s (r - R)^2; for negative voltages the same with R and r exchanged
        s, r = -34.5988399 * np.expm1(-volts / -0.05343997), 649.413746 - 1474.32358 * volts
        expected = r - (r - start) / (1 + s * (r - start) * t)
    assert abs(found[-1] - found[0]) > 300
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("name", "volts", "beyond"), [("messaris2018", -1.0, 3000.0), ("messaris2021", 0.5, 2000.0)])
def test_nothing_moves_beyond_the_limit(name: str, volts: float, beyond: float) -> None:
    model = DataDriven.preset(name)
    assert float(model.rate(jnp.asarray(beyond), jnp.asarray(volts), model.ambient)) == 0.0


@pytest.mark.parametrize("name", ["messaris2018", "messaris2021"])
def test_slope_of_the_current_at_rest_is_a_b_over_r(name: str) -> None:
    with jax.enable_x64(True):
        model = DataDriven.preset(name)
        r, zero = model.initial(), jnp.asarray(0.0)
        slope = jax.grad(model.current, argnums=1)(r, zero, model.ambient)
        assert float(slope) == pytest.approx(float(model.a * model.b / r), rel=1e-12)
        assert float(model.current(r, zero, model.ambient)) == 0.0
        assert float(model.rate(r, zero, model.ambient)) == 0.0


def test_rounded_corner_of_2018_converges_to_the_corner() -> None:
    with jax.enable_x64(True):
        distance, v = jnp.linspace(-2000.0, 2000.0, 9), jnp.asarray(1.0, dtype=float)
        sharp = jax.vmap(ExponentialApproach(width=0.0), in_axes=(0, None))(distance, v)
        np.testing.assert_allclose(sharp, np.expm1(5.11e-4 * np.maximum(distance, 0.0)), rtol=1e-12)
        for width in (0.1, 0.01):
            rounded = jax.vmap(ExponentialApproach(width=width), in_axes=(0, None))(distance, v)
            difference = np.abs(rounded - sharp)
            assert difference.max() <= np.exp(1.1) * width * np.log(2) * (1 + 1e-9)
