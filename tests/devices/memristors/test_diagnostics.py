"""Fingerprints of memristors: pinched loops, areas that fall as 1 / f, and a state that counts charge."""

import jax.numpy as jnp
import numpy as np
import pytest

from aimcjax.devices import memristors


pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize(
    ("cell", "amplitude", "frequency"),
    [
        (lambda: memristors.LinearIonDrift(), 1.0, 5.0),
        (lambda: memristors.Vteam(), 0.5, 1e6),
        (lambda: memristors.Yakopcic(), 0.45, 100.0),
    ],
)
def test_loop_is_pinched_at_the_origin(cell, amplitude: float, frequency: float) -> None:
    trace = memristors.hysteresis_loop(cell(), amplitude, frequency, cycles=2, samples=100, substeps=2)
    assert trace.v.shape == (101,)
    crossings = np.asarray(trace.v[jnp.asarray([0, 50, 100])])
    np.testing.assert_array_equal(crossings, 0.0)
    np.testing.assert_array_equal(np.asarray(trace.i)[np.asarray(trace.v) == 0], 0.0)
    assert float(jnp.min(memristors.lobe_area(trace))) > 1e-3 * float(jnp.max(jnp.abs(trace.i))) * amplitude


def test_lobe_area_of_known_figures() -> None:
    # A triangle above zero of area 1/2 and a square below zero of area 1.
    v = jnp.asarray([0.0, 1.0, 1.0, 0.0, 0.0, -1.0, -1.0, 0.0, 0.0])
    i = jnp.asarray([0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0, -1.0, 0.0])
    trace = memristors.Trace(t=jnp.arange(9.0), v=v, i=i, x=v, temperature=v)
    np.testing.assert_allclose(np.asarray(memristors.lobe_area(trace)), [0.5, 1.0])


def test_lobe_areas_of_the_strukov_cell() -> None:
    # Golden values for 1 V at 100 Hz and 1 kHz, from an independent calculation (published_numbers.md, section 7).
    areas = memristors.lobe_areas(memristors.LinearIonDrift(), 1.0, [1.0, 100.0, 1000.0], samples=4000, substeps=1)
    np.testing.assert_allclose(np.asarray(areas)[1:], [[5.659e-8] * 2, [5.640e-9] * 2], rtol=1e-4)
    ratio = np.asarray(areas)[1] / np.asarray(areas)[2]
    np.testing.assert_allclose(ratio, 10.0, rtol=0.005)
    assert np.all(np.asarray(areas)[0] / np.asarray(areas)[1] > 150)  # the loop is larger than 1 / f while it is wide


def test_only_ideal_memristors_count_charge() -> None:
    ideal = [
        (memristors.ChuaMemristor(), 1.0, 1.0),
        (memristors.ChuaMemristor(charge_controlled=False), 1.0, 1.0),
        (memristors.LinearIonDrift(), 0.2, 0.2),
        (memristors.LinearIonDrift(window=memristors.Joglekar()), 0.2, 0.2),
    ]
    for cell, flux, duration in ideal:
        found = memristors.ideality(cell, flux, duration, substeps=4)
        assert float(found.error) < 1e-5, type(cell).__name__
        assert float(jnp.std(found.charge) / jnp.mean(found.charge)) < 1e-4
    thresholds = [(memristors.Vteam(), 1e-7, 5e-7), (memristors.Yakopcic.preset("miao"), 0.4, 1.0)]
    for cell, flux, duration in thresholds:
        assert float(memristors.ideality(cell, flux, duration, substeps=4).error) > 0.01
