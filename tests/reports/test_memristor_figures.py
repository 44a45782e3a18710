"""Figures show the numbers they are given, with units."""

from collections.abc import Iterator

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

from aimcjax import reports
from aimcjax.devices import memristors


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    plt.close("all")


def test_hysteresis() -> None:
    trace = memristors.hysteresis_loop(memristors.LinearIonDrift(), 1.0, 10.0, samples=20, substeps=1)
    axes = reports.plot_hysteresis(trace)
    x, y = axes.lines[0].get_data()
    np.testing.assert_array_equal(x, np.asarray(trace.v))
    np.testing.assert_allclose(y, np.asarray(trace.i) * 1e6, rtol=1e-6)
    assert axes.get_ylabel() == "current (µA)"
    assert reports.plot_hysteresis(trace, axes, label="again") is axes


def test_lobe_area() -> None:
    areas = np.asarray([[4.0, 3.0], [2.0, 1.0]])
    axes = reports.plot_lobe_area(np.asarray([1.0, 2.0]), areas)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), areas[:, 0])
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), areas[:, 1])
    np.testing.assert_allclose(axes.lines[2].get_ydata(), [4.0, 2.0])


def test_ideality() -> None:
    resistance = jnp.asarray([1.0, 1.0, 1.0, 1.0, 2.0])
    found = memristors.Ideality(resistance=resistance, charge=resistance, error=jnp.asarray(0.5 / 1.2))
    axes = reports.plot_ideality(found)
    assert axes.patches[4].get_height() == pytest.approx(2.0 / 1.2 - 1)
