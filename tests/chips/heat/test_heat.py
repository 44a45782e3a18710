"""Temperatures: against closed forms, balances of energy and an independent integrator."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import integrate

from aimcjax.chips import timing
from aimcjax.chips.heat import (
    HOTTEST,
    Leakage,
    ThermalAgeing,
    ThermalNetwork,
    power_cap,
    steady_with_leakage,
    thermal_caps,
    throttle,
)
from aimcjax.devices import AtTemperature, Pcm, arrhenius_factor
from aimcjax.units import eV


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def _power(shape: tuple[int, ...], seed: int = 0) -> jax.Array:
    return 1e-3 * jr.uniform(jr.key(seed), shape, float)


def _network(**changes: float) -> ThermalNetwork:
    return ThermalNetwork(**{"rows": 3, "cols": 4, "tiers": 2, **changes})  # pyright: ignore[reportArgumentType]


def _matrix(network: ThermalNetwork) -> np.ndarray:
    """Conductances of all nodes, resistor by resistor."""
    tiers, rows, cols = network.shape
    index = np.arange(tiers * rows * cols).reshape(network.shape)
    matrix = np.zeros((index.size, index.size))
    for axis, g in enumerate((network.vertical, network.lateral, network.lateral)):
        ahead = np.moveaxis(index, axis, 0)
        for a, b in zip(ahead[:-1].ravel(), ahead[1:].ravel(), strict=True):
            matrix[[a, b], [a, b]] += float(g)
            matrix[[a, b], [b, a]] -= float(g)
    for a in index[0].ravel():
        matrix[a, a] += 1 / float(network.sink)
    return matrix


def test_one_node_is_an_exponential() -> None:
    network = ThermalNetwork(1, 1)
    tau, final = float(network.sink * network.capacity), 298.15 + 640.0 * 2e-3
    times = 0.01 * np.arange(1, 6)
    found = network.transient(jnp.full((5, 1, 1, 1), 2e-3), dt=0.01, start=jnp.full((1, 1, 1), 350.0))
    np.testing.assert_allclose(found[:, 0, 0, 0], final + (350.0 - final) * np.exp(-times / tau), tolerances.FLOAT64)


def test_a_column_of_tiers_is_a_ladder() -> None:
    """Heat from the top passes all bonds and the sink: T_k = T_a + P (R_s + k / G_v)."""
    network = ThermalNetwork(1, 1, 5)
    found = network.steady(jnp.zeros(network.shape).at[4].set(3e-3))[:, 0, 0]
    expected = 298.15 + 3e-3 * (640.0 + np.arange(5) / float(network.vertical))
    np.testing.assert_allclose(found, expected, tolerances.FLOAT64)


def test_a_row_of_tiles_is_a_transmission_line() -> None:
    """Driven at its end, insulated at the other: theta_k = cosh(a (n - k - 1/2)) P R_s 2 sinh(a/2) / sinh(a n)."""
    n, network = 7, ThermalNetwork(1, 7)
    a = math.acosh(1 + 1 / (2 * float(network.lateral * network.sink)))
    found = network.steady(jnp.zeros(network.shape).at[0, 0, 0].set(5e-3))[0, 0]
    line = np.cosh(a * (n - np.arange(n) - 0.5)) * 2 * math.sinh(a / 2) / math.sinh(a * n)
    np.testing.assert_allclose(found, 298.15 + 5e-3 * 640.0 * line, tolerances.FLOAT64)


def test_steady_solves_the_network_resistor_by_resistor() -> None:
    network, power = _network(), _power((2, 3, 4))
    found = network.steady(power)
    expected = 298.15 + np.linalg.solve(_matrix(network), np.asarray(power).ravel()).reshape(power.shape)
    np.testing.assert_allclose(found, expected, tolerances.FLOAT64)
    np.testing.assert_allclose(network.heat(found - network.ambient), power, 1e-9)  # differences lose digits
    assert float(network.sink_heat(found)) == pytest.approx(float(power.sum()), rel=1e-10)


def test_superposition_and_symmetry() -> None:
    network = _network()
    one, other = _power(network.shape, 1), _power(network.shape, 2)
    rise = network.rise
    np.testing.assert_allclose(rise(one + 2 * other), rise(one) + 2 * rise(other), tolerances.FLOAT64)
    np.testing.assert_allclose(network.steady(one[:, ::-1]), network.steady(one)[:, ::-1], tolerances.FLOAT64)
    np.testing.assert_allclose(network.steady(one[..., ::-1]), network.steady(one)[..., ::-1], tolerances.FLOAT64)
    unit = lambda *at: jnp.zeros(network.shape).at[at].set(1.0)
    assert rise(unit(0, 0, 1))[1, 2, 3] == pytest.approx(float(rise(unit(1, 2, 3))[0, 0, 1]), rel=1e-11)  # reciprocal


def test_transient_against_an_integrator_and_its_limit() -> None:
    network = _network()
    power, start = _power((3, *network.shape)), 290.0 + 30 * jr.uniform(jr.key(5), network.shape, float)
    found = network.transient(power, dt=0.004, start=start)
    state, matrix = np.asarray(start).ravel(), _matrix(network)
    for step in range(3):
        heat = np.asarray(power[step]).ravel()
        slope = lambda t, y, heat=heat: (heat - matrix @ (y - 298.15)) / float(network.capacity)
        state = integrate.solve_ivp(slope, (0, 0.004), state, method="LSODA", rtol=1e-11, atol=1e-11).y[:, -1]
        np.testing.assert_allclose(found[step].ravel(), state, rtol=1e-9)
    late = network.transient(power[:1], dt=10.0, start=start)[0]
    np.testing.assert_allclose(late, network.steady(power[0]), tolerances.FLOAT64)


def test_gradients_and_vmap() -> None:
    power = _power((2, 3, 4))
    names = ("lateral", "vertical", "sink", "ambient")

    def hottest(values: jax.Array) -> jax.Array:
        network = _network(**dict(zip(names, values, strict=True)))
        late = network.transient(power[None], dt=0.01, start=jnp.full(network.shape, 300.0))
        return jnp.sum((network.steady(power) - 290.0) ** 2) + jnp.sum((late - 290.0) ** 2)

    values = jnp.array([0.01, 0.02, 500.0, 300.0])
    found = jax.jit(jax.grad(hottest))(values)
    for i in range(len(names)):
        h = 2e-4 * values[i]
        difference = (hottest(values.at[i].add(h)) - hottest(values.at[i].add(-h))) / (2 * h)
        assert float(found[i]) == pytest.approx(float(difference), rel=1e-6)
    many = jax.vmap(_network().steady)(jnp.stack([power, 2 * power]))
    np.testing.assert_allclose(many[1], _network().steady(2 * power), tolerances.FLOAT64)


def test_of_silicon() -> None:
    network = ThermalNetwork.of_silicon(8, 8, pitch=0.5e-3)
    for name in ("lateral", "vertical", "sink", "capacity"):
        assert float(getattr(network, name)) == pytest.approx(float(getattr(ThermalNetwork(8, 8), name)), rel=2e-3)


def test_ageing_adds_up_arrhenius() -> None:
    ageing = ThermalAgeing()
    temperature = jnp.array([[298.15, 320.0], [350.0, 320.0]])
    k = 8.617333262e-5
    factor = lambda T: math.exp(1.1 / k * (1 / 298.15 - 1 / T))
    expected = [60 * (1 + factor(350.0)), 60 * 2 * factor(320.0)]
    np.testing.assert_allclose(ageing.age(temperature, dt=60.0), expected, 1e-8)  # digits of k above
    # The same age as a device that is held at the temperature.
    hot = AtTemperature(Pcm(), temperature=330.0, activation_energy=0.3 * eV)
    cells = hot.program(jnp.full((4,), 1e-5), key=jr.key(0))
    cold = ThermalAgeing(activation_energy=0.3 * eV).age(jnp.full((1, 1), 330.0), dt=1e4)[0]
    np.testing.assert_allclose(hot.drift(cells, 1e4), Pcm().drift(cells, cold), tolerances.FLOAT64)  # pyright: ignore
    assert float(ageing.acceleration(jnp.asarray(330.0))) == float(
        arrhenius_factor(330.0, ageing.reference_temperature, ageing.activation_energy)
    )


def test_leakage_settles_where_both_agree() -> None:
    """One tile: T = T_a + R (P + P0 2^((T - T0) / 10)), solved by bisection here."""
    network, leakage = ThermalNetwork(1, 1), Leakage(power=2e-3)
    low, high = 298.15, 310.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        excess = 298.15 + 640.0 * (5e-3 + 2e-3 * 2 ** ((middle - 298.15) / 10)) - middle
        low, high = (middle, high) if excess > 0 else (low, middle)
    found = steady_with_leakage(network, jnp.full((1, 1, 1), 5e-3), leakage)
    assert float(found[0, 0, 0]) == pytest.approx(low, rel=1e-12)


def test_leakage_over_a_mesh_has_a_gradient() -> None:
    network, power = _network(), 10 * _power((2, 3, 4))

    def hottest(sink: jax.Array, power_of_leakage: jax.Array) -> jax.Array:
        changed = dataclasses.replace(network, sink=sink)
        return jnp.max(steady_with_leakage(changed, power, Leakage(power=power_of_leakage)))

    at = (jnp.asarray(500.0), jnp.asarray(3e-4))
    settled = steady_with_leakage(network, power, Leakage(power=3e-4))
    np.testing.assert_allclose(network.heat(settled - network.ambient), power + Leakage(power=3e-4)(settled), 1e-8)
    found = jax.jit(jax.grad(hottest, argnums=(0, 1)))(*at)
    for i in range(2):
        h = 1e-4 * at[i]
        moved = [hottest(*(value + sign * h * float(j == i) for j, value in enumerate(at))) for sign in (1, -1)]
        assert float(found[i]) == pytest.approx(float((moved[0] - moved[1]) / (2 * h)), rel=1e-6)


def test_runaway_is_said_in_one_line_at_the_edge_of_theory() -> None:
    """One tile has a steady state if R P0 2^((T_a - T0) / D) ln2 / D e^(R P ln2 / D) < 1 / e."""
    network, power = ThermalNetwork(1, 1), jnp.full((1, 1, 1), 4e-3)
    rate = math.log(2) / 10
    edge = math.exp(-1 - 640.0 * 4e-3 * rate) / (640.0 * rate)
    steady_with_leakage(network, power, Leakage(power=0.999 * edge))
    with pytest.raises(ValueError, match="runs away") as caught:
        steady_with_leakage(network, power, Leakage(power=1.001 * edge))
    assert "\n" not in str(caught.value)
    assert f"{HOTTEST:g} K" in str(caught.value)
    assert np.isinf(jax.jit(steady_with_leakage)(network, power, Leakage(power=1.001 * edge))).all()


def test_throttle_puts_the_hottest_tile_at_the_limit() -> None:
    network, power, idle = _network(), 50 * _power((2, 3, 4)), _power((2, 3, 4), 3)
    activity = throttle(network, power, 330.0, idle=idle)
    assert 0 < float(activity) < 1
    assert float(jnp.max(network.steady(activity * power + idle))) == pytest.approx(330.0, rel=tolerances.FLOAT64)
    assert float(throttle(network, power, 1000.0, idle=idle)) == 1.0
    assert float(throttle(network, power, jnp.inf)) == 1.0
    assert float(throttle(network, power, 298.0)) == 0.0
    assert float(throttle(network, 0.0 * power, 330.0)) == 1.0
    slope = jax.grad(lambda limit: throttle(network, power, limit, idle=idle))(330.0)
    assert float(slope) == pytest.approx(
        float((throttle(network, power, 330.01, idle=idle) - activity) / 0.01), rel=tolerances.PUBLISHED
    )


@pytest.mark.parametrize("tiers", [1, 3])
def test_a_cap_on_power_is_that_of_the_linear_equations(tiers: int) -> None:
    """max_n (T_a + R (idle + P w)_n) = limit, R the inverse of the conductances put together resistor by resistor."""
    network = _network(tiers=tiers)
    pattern, idle = _power(network.shape, 5), 0.1 * _power(network.shape, 6)
    w, rest = np.asarray(pattern).ravel() / float(pattern.sum()), np.asarray(idle).ravel()
    cold, rise = (np.linalg.solve(_matrix(network), each) for each in (rest, w))
    expected = np.min((353.0 - 298.15 - cold) / rise)
    found = float(power_cap(network, pattern, 353.0, idle=idle))
    assert found == pytest.approx(expected, rel=1e-10)
    top = jnp.zeros(network.shape).at[-1].set(1.0)  # the cap of a tier beside the others
    alone = np.linalg.solve(_matrix(network), np.asarray(top).ravel() / float(top.sum()))
    assert float(power_cap(network, top, 353.0)) == pytest.approx(54.85 / alone.max(), rel=1e-10)
    assert float(throttle(network, found / 2 * pattern / pattern.sum(), 353.0, idle=idle)) == 1.0
    assert float(throttle(network, 2 * found * pattern / pattern.sum(), 353.0, idle=idle)) == pytest.approx(0.5)
    assert float(power_cap(network, pattern, 298.0)) < 0
    with pytest.raises(ValueError, match="at 298 K or above without any product"):
        thermal_caps(network, pattern, 298.0)


def test_a_schedule_below_a_limit_of_temperature() -> None:
    """An array on the upper of two tiers, 0.1 W for 100 ns a vector: temperatures by the exact modes of the network."""
    network = _network(rows=1, cols=1, capacity=2e-8)
    on_top = jnp.zeros(network.shape).at[1].set(1.0)
    limit = 298.15 + 0.8 * 0.1 * (640.0 + 1 / 25e-3)
    caps = thermal_caps(network, on_top, limit)
    assert caps.average_W == pytest.approx(0.08)
    graph = timing.sequential_graph([("a", 8, 8, 1000)])
    hottest = []
    for each in (None, caps):
        done, dt = timing.schedule(graph, caps=each), 2e-9
        products = graph.kind == timing.KINDS.index("mvm")
        grid = np.arange(0.0, done.latency_s, dt)
        busy = [np.searchsorted(np.sort(at[products]), grid + dt / 2) for at in (done.start_s, done.end_s)]
        watts = jnp.asarray(0.1 * (busy[0] - busy[1])[:, None, None, None] * np.asarray(on_top))
        found = network.transient(watts, dt=dt, start=jnp.full(network.shape, 298.15))
        hottest.append(float(found.max()))
    assert hottest[0] > limit + 10
    assert limit - 3 < hottest[1] < limit + 0.01


def test_throttle_with_leakage() -> None:
    network, power, leakage = _network(), 50 * _power((2, 3, 4)), Leakage()
    allowed = jax.jit(lambda limit, power: throttle(network, power, limit, leakage=leakage))
    activity = allowed(320.0, power)
    assert float(activity) < float(throttle(network, power, 320.0))
    hottest = jnp.max(steady_with_leakage(network, activity * power, leakage))
    assert float(hottest) == pytest.approx(320.0, rel=1e-9)
    assert float(allowed(297.0, power)) == 0.0
    assert float(allowed(320.0, 0.01 * power)) == 1.0
    slope = jax.grad(allowed)(320.0, power)
    difference = (allowed(320.05, power) - allowed(319.95, power)) / 0.1
    assert float(slope) == pytest.approx(float(difference), rel=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ThermalNetwork(0, 3), "at least one of rows, a whole number, got 0"),
        (lambda: ThermalNetwork(1, 1, sink=0.0), "sink of a thermal network is above 0"),
        (lambda: ThermalNetwork(2, 2).steady(jnp.zeros((2, 2, 2))), r"\(tiers, rows, cols\) = \(1, 2, 2\)"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)
