"""Windows at hand-computed points, and what they do to a state at its bound."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax.devices import memristors


pytestmark = pytest.mark.usefixtures("x64")
FORWARD, BACKWARD = 1e-3, -1e-3
POINTS = [
    (lambda: memristors.Joglekar(p=2.0), FORWARD, {0.0: 0.0, 0.25: 0.9375, 0.5: 1.0, 1.0: 0.0}),
    (lambda: memristors.Biolek(p=2.0), FORWARD, {0.0: 1.0, 0.5: 0.9375, 1.0: 0.0}),
    (lambda: memristors.Biolek(p=2.0), BACKWARD, {0.0: 0.0, 0.5: 0.9375, 1.0: 1.0}),
    (lambda: memristors.Prodromakis(p=2.0), FORWARD, {0.0: 0.0, 0.5: 0.4375, 1.0: 0.0}),
    (lambda: memristors.Prodromakis(p=1.0, j=4.0), FORWARD, {0.5: 1.0}),
    (lambda: memristors.Zha(p=1.0), FORWARD, {0.0: 0.25, 0.5: 0.1875, 1.0: 0.0}),
    (lambda: memristors.Zha(p=1.0, j=4.0), BACKWARD, {0.0: 0.0, 0.5: 0.75, 1.0: 1.0}),
    (lambda: memristors.TeamWindow(), FORWARD, {0.4: np.exp(-1.0)}),
    (lambda: memristors.TeamWindow(), BACKWARD, {0.6: np.exp(-1.0)}),
]


@pytest.mark.parametrize(("window", "amps", "values"), POINTS)
def test_values(window, amps: float, values: dict[float, float]) -> None:
    for x, expected in values.items():
        value = window()(jnp.asarray(x), jnp.asarray(amps))
        np.testing.assert_allclose(float(value), expected, atol=tolerances.FLOAT64)


@pytest.mark.parametrize("window", [memristors.Biolek, memristors.Zha, memristors.TeamWindow])
def test_steps_sharpen_to_the_published_ones(window) -> None:
    x = jnp.linspace(0.0, 1.0, 11)
    of = lambda width, amps: jax.vmap(window(width=width))(x, jnp.full(11, amps, dtype=float))
    for amps in (FORWARD, BACKWARD):
        assert float(jnp.max(jnp.abs(of(2e-3, amps) - of(0.0, amps)))) > 0.01
        np.testing.assert_array_equal(np.asarray(of(0.9e-3, amps)), np.asarray(of(0.0, amps)))


@pytest.mark.parametrize("width", [0.0, 1e-4, 1e-2])
@pytest.mark.parametrize(("x", "amps"), [(0.3, 2e-4), (0.0, -2e-4), (1.0, 0.0), (0.5, 0.0)])
@pytest.mark.parametrize("window", [memristors.Joglekar, memristors.Biolek, memristors.Zha, memristors.TeamWindow])
def test_gradients_are_finite(window, x: float, amps: float, width: float) -> None:
    built = window() if window is memristors.Joglekar else window(width=width)
    gradients = jax.grad(lambda window, x, i: window(x, i), argnums=(0, 1, 2))(built, jnp.asarray(x), jnp.asarray(amps))
    assert all(bool(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(gradients))


def test_joglekar_locks_at_the_bound_and_biolek_does_not() -> None:
    t = np.linspace(0.0, 2.0, 81)
    v = np.where(t < 1.0, -1.0, 1.0)  # first against the lower bound, then away from it
    final = {}
    for window in (memristors.Rectangular(), memristors.Joglekar(), memristors.Biolek()):
        cell = memristors.LinearIonDrift(window=window)
        trace = memristors.simulate(cell, t, v, 0.0, substeps=4)
        assert float(trace.x[39]) == 0.0
        final[type(window).__name__] = float(trace.x[-1])
    assert final["Joglekar"] == 0.0
    assert final["Biolek"] > 0.5
    assert final["Rectangular"] == 1.0
