"""Models against the numbers of their papers, in float64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax.devices import memristors


pytestmark = pytest.mark.usefixtures("x64")
PRESETS = {
    memristors.LinearIonDrift: ("strukov_b", "strukov_c"),
    memristors.ChuaMemristor: ("cubic_charge", "cubic_flux"),
    memristors.Team: ("pickett", "technion"),
    memristors.Vteam: ("technion", "pt_hf_ti"),
    memristors.Yakopcic: ("oblea", "miao", "jo"),
    memristors.Pickett: ("pickett2009",),
}
ALL = [(model, name) for model, names in PRESETS.items() for name in names]


@pytest.mark.parametrize(("model", "name"), ALL)
def test_presets_are_cells(model: type, name: str) -> None:
    cell = model.preset(name)
    low, high = cell.bounds()
    assert low <= cell.initial() <= high
    zero = jnp.asarray(0.0)
    assert cell.current(cell.initial(), zero, cell.temperature(cell.initial(), zero)) == 0
    inside = (low + high) / 2
    for sign in (-1.0, 1.0):
        v = jnp.asarray(sign)
        assert sign * cell.current(inside, v, cell.temperature(inside, v)) > 0
    with pytest.raises(ValueError, match=rf"^unknown preset 'absent' of {model.__name__}; known: .*{name}"):
        model.preset("absent")


def strukov_flux(cell: memristors.LinearIonDrift, x: np.ndarray, x0: float) -> np.ndarray:
    r_on, r_off = float(cell.r_on), float(cell.r_off)
    scale = float(cell.mobility) * r_on / float(cell.d) ** 2
    return (r_off * (x - x0) - (r_off - r_on) * (x**2 - x0**2) / 2) / scale


@pytest.mark.parametrize("name", PRESETS[memristors.LinearIonDrift])
@pytest.mark.parametrize("substeps", [None, 8])
def test_strukov_follows_the_flux_charge_curve(name: str, substeps: int | None) -> None:
    cell = memristors.LinearIonDrift.preset(name)
    t = np.linspace(0.0, 0.5, 501)
    v = 3.0 * np.sin(2 * np.pi * t / 0.5)
    trace = memristors.simulate(cell, t, v, 0.1, substeps=substeps, rtol=1e-10, atol=1e-12)
    flux = np.concatenate([[0.0], np.cumsum(np.diff(t) * (v[1:] + v[:-1]) / 2)])
    x = np.asarray(trace.x)
    assert x.max() > 0.2
    np.testing.assert_allclose(strukov_flux(cell, x, 0.1), flux, rtol=0, atol=1e-6 * flux.max())


def test_strukov_charge_at_fifty_units_of_flux() -> None:
    # Figure 2b: flux in v0 t0 and charge in i0 t0, with t0 = D^2 / (mobility v0) = 10 ms and i0 = 10 mA.
    cell = memristors.LinearIonDrift.preset("strukov_b")
    t = np.linspace(0.0, 0.5, 501)
    trace = memristors.simulate(cell, t, np.ones(501), 0.1, rtol=1e-10, atol=1e-12)
    assert float(trace.x[-1]) == pytest.approx(0.568, abs=5e-4)
    # dx = dq mobility R_on / D^2, so the charge in i0 t0 is the change of x.
    charge = float(jnp.trapezoid(trace.i, trace.t)) / (0.01 * 0.01)
    assert charge == pytest.approx(0.468, abs=5e-4)


def test_strukov_switches_in_the_time_of_the_closed_form() -> None:
    cell = memristors.LinearIonDrift.preset("strukov_b")
    t = np.append(np.linspace(0.0, 0.804, 499), [0.8055, 1.0])
    x = np.asarray(memristors.simulate(cell, t, np.ones(501), 0.0, rtol=1e-10, atol=1e-12).x)
    assert x[498] < 1.0
    assert x[499] == x[500] == 1.0


VTEAM_TIMES = {0.5: 250e-9, 1.0: 122.449e-9, -0.3: 2.4e-9, -0.5: 88.9e-12, -1.0: 4.6875e-12}


@pytest.mark.parametrize("substeps", [None, 1])
@pytest.mark.parametrize("volts", VTEAM_TIMES)
def test_vteam_switching_times(volts: float, substeps: int | None) -> None:
    cell, expected = memristors.Vteam(), VTEAM_TIMES[volts]
    start, end = (0.0, float(cell.d)) if volts > 0 else (float(cell.d), 0.0)
    t = expected * np.asarray([0.0, 0.5, 0.999, 1.001, 1.1])
    x = np.asarray(memristors.simulate(cell, t, np.full(5, volts), start, substeps=substeps).x)
    assert abs(x[1] - (start + end) / 2) < 1e-3 * float(cell.d)
    assert x[2] != end
    assert x[3] == x[4] == end


def test_vteam_rests_between_its_thresholds_also_with_a_width() -> None:
    cell = memristors.Vteam(width=0.01)
    for volts in (-0.18, 0.0, 0.009):
        x = memristors.simulate(cell, np.asarray([0.0, 3e8]), np.full(2, volts), 1e-9).x
        np.testing.assert_array_equal(np.asarray(x), [x[0], x[0]])


def test_smooth_thresholds_approach_the_published_ones() -> None:
    v = jnp.linspace(-0.3025, 0.2975, 121)  # no sample at a threshold
    rate = lambda width: jax.vmap(lambda v: memristors.Vteam(width=width).rate(jnp.asarray(1e-9), v, v))(v)
    sharp = rate(0.0)
    distance = [float(jnp.max(jnp.abs(rate(width) / sharp - 1)[jnp.abs(sharp) > 0])) for width in (0.02, 0.01, 1e-9)]
    assert distance[0] > distance[1] > 0.01
    assert distance[2] == 0
    gradient = jax.grad(lambda cell: cell.rate(jnp.asarray(1e-9), jnp.asarray(0.02), jnp.asarray(300.0)))
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradient(memristors.Vteam())))


PICKETT_RATES = {115e-6: 6.765e-18, 200e-6: 1.2338e-16, -50e-6: -1.4664e-15, -100e-6: -1.67254e-12}


@pytest.mark.parametrize("amps", PICKETT_RATES)
def test_pickett_rates(amps: float) -> None:
    rate = memristors.Pickett().rate_at_current(jnp.asarray(1.5e-9), jnp.asarray(amps))
    digits = 5e-6 if amps == -100e-6 else 5e-5
    assert float(rate) == pytest.approx(PICKETT_RATES[amps], rel=2 * digits)


def test_pickett_current_divides_the_voltage_between_barrier_and_resistor() -> None:
    cell = memristors.Pickett()
    for x in (1.2e-9, 1.5e-9, 1.8e-9):
        v = jnp.asarray(0.7)
        i = cell.current(jnp.asarray(x), v, cell.ambient)
        free = eqx.tree_at(lambda cell: cell.r_series, cell, jnp.asarray(1e-9))
        across = free.current(jnp.asarray(x), v - i * cell.r_series, cell.ambient)
        assert float(across) == pytest.approx(float(i), rel=1e-6)


def test_simmons_barrier_is_ohmic_at_low_voltage_and_steeper_when_wide() -> None:
    # Simmons 1963: linear close to zero; the conductance falls by exp(-B sqrt(phi)) with the width.
    cell = memristors.Pickett()
    current = lambda x, v: float(cell.current(jnp.asarray(x), jnp.asarray(v), cell.ambient))
    assert current(1.5e-9, 2e-4) / current(1.5e-9, 1e-4) == pytest.approx(2.0, rel=1e-3)
    decay = np.log(current(1.79e-9, 1e-3) / current(1.81e-9, 1e-3)) / 0.02
    assert 0.8 * 10.246 * 0.95**0.5 < decay < 1.2 * 10.246 * 0.95**0.5


def test_yakopcic_at_its_thresholds() -> None:
    cell = memristors.Yakopcic.preset("miao")
    rate = lambda x, v: float(cell.rate(jnp.asarray(x), jnp.asarray(v), cell.ambient))
    assert rate(0.2, 0.089) == rate(0.2, -0.749) == 0.0
    assert rate(0.2, 0.5) == pytest.approx(7.5 * (np.exp(0.5) - np.exp(0.09)), rel=tolerances.FLOAT64)
    assert rate(0.65, 0.5) == pytest.approx(rate(0.2, 0.5) * np.exp(-0.35) * 0.5, rel=tolerances.FLOAT64)
    assert rate(0.9, -1.0) == pytest.approx(-2.0 * (np.exp(1.0) - np.exp(0.75)), rel=tolerances.FLOAT64)
    assert rate(0.25, -1.0) == pytest.approx(rate(0.9, -1.0) * np.exp(-1.25) * 0.5, rel=tolerances.FLOAT64)
    assert float(cell.current(jnp.asarray(0.5), jnp.asarray(1.0), cell.ambient)) == pytest.approx(
        0.11 * 0.5 * np.sinh(0.5), rel=tolerances.FLOAT64
    )


def test_team_rate_beyond_its_threshold() -> None:
    cell = memristors.Team.preset("technion")
    x = jnp.asarray(0.0)  # 100 Ohm
    rate = lambda amps: float(cell.rate(x, jnp.asarray(100.0 * amps), cell.ambient))
    assert rate(114.9e-6) == rate(-8.89e-6) == 0.0
    assert rate(345e-6) == pytest.approx(8e-13 * 8, rel=1e-9)
    assert rate(-17.8e-6) == pytest.approx(-8e-13, rel=1e-9)


@pytest.mark.parametrize("charge_controlled", [True, False])
def test_chua_closed_form(charge_controlled: bool) -> None:
    # phi = q + q^3 / 3 (or the reverse) at every moment.
    cell = memristors.ChuaMemristor(charge_controlled=charge_controlled)
    t = np.linspace(0.0, 1.0, 101)
    v = np.cos(3 * t)
    trace = memristors.simulate(cell, t, v, substeps=16)
    flux = np.concatenate([[0.0], np.cumsum(np.diff(t) * (v[1:] + v[:-1]) / 2)])
    x = np.asarray(trace.x)
    np.testing.assert_allclose(x + x**3 / 3 if charge_controlled else x, flux, atol=1e-6)
    if not charge_controlled:
        np.testing.assert_allclose(np.asarray(trace.i), (1 + flux**2) * v, atol=1e-8)
