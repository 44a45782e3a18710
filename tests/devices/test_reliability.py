"""Reliability: published accelerations, Weibull statistics, and wrappers that commute and leave the chip alone."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices, mapping, tiles
from aimcjax.units import eV, hour, year


N = 100_000
G_MAX = 25e-6
CELSIUS = 273.15
HALF = 0.5 * G_MAX


def _half(n: int = N) -> jax.Array:
    return jnp.full(n, HALF)


def _within_binomial(count: int, n: int, p: float) -> bool:
    low, high = stats.binom(n, p).ppf([tolerances.P_VALUE / 2, 1 - tolerances.P_VALUE / 2])
    return low <= count <= high


# Temperature


@pytest.mark.parametrize(("e_a", "hours"), [(0.7, "2689.8"), (1.0, "604.3"), (1.2, "223.3"), (1.5, "50.2")])
def test_ten_years_at_85_celsius_last_hours_at_150(e_a: float, hours: str) -> None:
    with jax.enable_x64(True):
        t = devices.time_to_failure(10 * year, 150 + CELSIUS, 85 + CELSIUS, e_a * eV)
    assert f"{float(t) / hour:.1f}" == hours


def test_single_precision_keeps_the_table() -> None:
    t = devices.time_to_failure(10 * year, 150 + CELSIUS, 85 + CELSIUS, 1.5 * eV)
    np.testing.assert_allclose(float(t) / hour, 50.1736, rtol=tolerances.PRIMITIVE)


def test_a_hot_device_is_the_device_at_a_later_time(getkey) -> None:
    key, factor = getkey(), devices.arrhenius_factor(398.15, 298.15, 0.5 * eV)
    hot = devices.AtTemperature(devices.Pcm(), temperature=398.15, activation_energy=0.5 * eV)
    cells = hot.program(_half(1000), key=key)
    later = devices.Pcm().drift(devices.Pcm().program(_half(1000), key=key), 60.0 * factor)
    np.testing.assert_allclose(np.asarray(hot.drift(cells, 60.0)), np.asarray(later), rtol=tolerances.PRIMITIVE)
    assert not np.allclose(np.asarray(later), np.asarray(devices.Pcm().drift(cells, 60.0)), rtol=0.01)


def test_temperature_is_an_argument_that_can_be_swept(getkey) -> None:
    device = devices.AtTemperature(devices.Retention(devices.IdealDevice(), tau=year, stretch=1.0))
    cells = device.program(_half(1), key=getkey())
    temperatures = jnp.linspace(298.15, 398.15, 5)

    def kept(temperature):
        return eqx.tree_at(lambda d: d.temperature, device, temperature).drift(cells, year)[0] / HALF

    factors = devices.arrhenius_factor(temperatures, 298.15, 1.1 * eV)
    expected = np.exp(-np.asarray(factors, np.float64))
    np.testing.assert_allclose(np.asarray(jax.vmap(kept)(temperatures)), expected, atol=tolerances.PRIMITIVE)


# Retention


@pytest.mark.parametrize("stretch", [0.3, 1.0])
def test_retention_is_a_stretched_exponential(stretch: float, getkey) -> None:
    with jax.enable_x64(True):
        device = devices.Retention(devices.IdealDevice(), tau=1e5, stretch=stretch, g_final=20e-6)
        cells = device.program(jnp.asarray([5e-6, 25e-6]), key=getkey())
        for t in (0.0, 1.0, 1e5, 1e7, 1e30):
            expected = 20e-6 + (np.asarray([5e-6, 25e-6]) - 20e-6) * np.exp(-((t / 1e5) ** stretch))
            np.testing.assert_allclose(np.asarray(device.drift(cells, t)), expected, rtol=tolerances.FLOAT64)


# Stuck cells and endurance


@pytest.mark.parametrize(("p_on", "p_off"), [(0.0175, 0.0904), (0.5, 0.5), (0.0, 0.001)])
def test_share_of_stuck_cells(p_on: float, p_off: float, getkey) -> None:
    device = devices.StuckCells(devices.Pcm(), p_on=p_on, p_off=p_off)
    cells = device.program(_half(), key=getkey())
    g, stuck = np.asarray(device.drift(cells, 3600.0)), np.asarray(devices.is_stuck(device, cells))
    on, off = stuck & (g == np.float32(G_MAX)), stuck & (g == 0.0)
    assert _within_binomial(int(on.sum()), N, p_on)
    assert _within_binomial(int(off.sum()), N, p_off)
    assert int(stuck.sum()) == int(on.sum()) + int(off.sum())
    np.testing.assert_array_equal(np.asarray(device.read_std(cells, 1.0))[stuck], 0.0)
    np.testing.assert_array_equal(np.asarray(cells.g)[stuck], g[stuck])


def test_a_higher_share_adds_faults_to_those_there_are(getkey) -> None:
    few, many = (devices.StuckCells(devices.IdealDevice(), p_on=p, p_off=p) for p in (0.1, 0.2))
    cells = few.program(_half(), key=getkey())
    before, after = (np.asarray(devices.is_stuck(device, cells)) for device in (few, many))
    assert np.all(after[before])
    assert after.sum() > before.sum()


def test_two_of_a_kind_are_independent(getkey) -> None:
    one = devices.StuckCells(devices.IdealDevice(), p_on=0.2, p_off=0.0)
    two = devices.StuckCells(one, p_on=0.2, p_off=0.0)
    stuck = devices.is_stuck(two, two.program(_half(), key=getkey()))
    assert _within_binomial(int(stuck.sum()), N, 1 - 0.8**2)


@pytest.mark.parametrize(("scale", "shape"), [(1e6, 1.0), (1e7, 2.0), (1e9, 3.0)])
def test_failures_are_weibull_distributed(scale: float, shape: float, getkey) -> None:
    device = devices.Endurance(devices.IdealDevice(), scale=scale, shape=shape, on_share=0.3)
    cells = device.program(_half(), key=getkey())
    weibull = stats.weibull_min(shape, scale=scale)
    assert stats.kstest(np.asarray(device.cycles_to_failure(cells)), weibull.cdf).pvalue > tolerances.P_VALUE
    for n in scale * np.asarray([0.1, 0.7, 1.5]):
        worn = eqx.tree_at(lambda d: d.cycles, device, jnp.asarray(n, jnp.float32))
        g, failed = np.asarray(worn.drift(cells, 0.0)), np.asarray(devices.is_stuck(worn, cells))
        assert _within_binomial(int(failed.sum()), N, weibull.cdf(n))
        assert _within_binomial(int((failed & (g > HALF)).sum()), int(failed.sum()), 0.3)
        expected = float(worn.failure_probability(jnp.asarray(n, jnp.float32)))
        np.testing.assert_allclose(expected, weibull.cdf(n), rtol=tolerances.PRIMITIVE)


def test_window_closes_by_a_power_law(getkey) -> None:
    with jax.enable_x64(True):
        targets = jnp.asarray([0.0, 0.5, 1.0]) * G_MAX
        for n, width in ((1e3, 1.0), (1e4, 1.0), (1e6, 100**-0.1), (1e8, 1e4**-0.1)):
            device = devices.Endurance(devices.IdealDevice(), cycles=n, scale=1e30, onset=1e4, closure=0.1, centre=0.25)
            low, middle, high = np.asarray(device.program(targets, key=getkey()).g) / G_MAX
            np.testing.assert_allclose(high - low, width, rtol=tolerances.FLOAT64)
            np.testing.assert_allclose(low, 0.25 * (1 - width), atol=tolerances.FLOAT64)
            np.testing.assert_allclose(middle, min(0.5, high), rtol=tolerances.FLOAT64)


def test_reprogramming_counts_cycles_and_keeps_the_strength_of_each_cell(getkey) -> None:
    device = devices.Endurance(devices.Pcm(), scale=4.0, shape=2.0)
    cells = device.program(_half(), key=getkey())
    failed = [np.asarray(devices.is_stuck(device, cells))]
    weibull = stats.weibull_min(2.0, scale=4.0)
    for n in range(1, 6):
        cells = devices.reprogram(device, cells, _half(), key=getkey())
        np.testing.assert_array_equal(np.asarray(cells.n), n)
        failed.append(np.asarray(devices.is_stuck(device, cells)))
        assert np.all(failed[-1][failed[-2]])
        assert _within_binomial(int(failed[-1].sum()), N, weibull.cdf(n))
    assert not failed[0].any()


def test_cycles_count_on_a_much_used_chip(getkey) -> None:
    # 1e9 + 1 is 1e9 in float32: the count of the cells starts at zero for this reason.
    device = devices.Endurance(devices.IdealDevice(), cycles=1e9, scale=1e12)
    cells = device.program(_half(3), key=getkey())
    for _ in range(3):
        cells = devices.reprogram(device, cells, _half(3), key=getkey())
    np.testing.assert_array_equal(np.asarray(cells.n), 3.0)


# Composition


WRAPPERS = {
    "stuck": lambda device: devices.StuckCells(device, p_on=0.1, p_off=0.05),
    "worn": lambda device: devices.Endurance(device, cycles=8e6, on_share=0.3),
    "leaking": lambda device: devices.Retention(device, tau=1e5, g_final=10e-6),
    "averaged": devices.NoiselessReads,
}
ORDERS = [
    *itertools.permutations(["stuck", "worn", "leaking"]),
    ("averaged", "leaking", "worn", "stuck"),
    ("stuck", "averaged", "worn", "leaking"),
]


def _wrapped(order: tuple[str, ...], device: devices.AbstractDevice) -> devices.AbstractDevice:
    for name in order:
        device = WRAPPERS[name](device)
    return device


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_any_order_is_the_same_chip(order: tuple[str, ...], getkey) -> None:
    key, targets = getkey(), jnp.linspace(0.0, G_MAX, N)
    device, reference = _wrapped(order, devices.Pcm()), _wrapped(ORDERS[0], devices.Pcm())
    cells, expected = device.program(targets, key=key), reference.program(targets, key=key)
    np.testing.assert_array_equal(np.asarray(device.drift(cells, 1e5)), np.asarray(reference.drift(expected, 1e5)))
    stuck = devices.is_stuck(device, cells)
    np.testing.assert_array_equal(np.asarray(stuck), np.asarray(devices.is_stuck(reference, expected)))
    # Stuck from the start or failed later, independently.
    failed = stats.weibull_min(2.0, scale=1e7).cdf(8e6)
    assert _within_binomial(int(stuck.sum()), N, 1 - 0.85 * (1 - failed))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_faults_survive_reprogramming_in_any_order(order: tuple[str, ...], getkey) -> None:
    device = devices.AtTemperature(_wrapped(order, devices.Pcm()), temperature=320.0)
    cells = device.program(_half(), key=getkey())
    again = devices.reprogram(device, cells, jnp.full(N, 5e-6), key=getkey())
    before, after = (np.asarray(devices.is_stuck(device, c)) for c in (cells, again))
    np.testing.assert_array_equal(before[before], after[before])
    assert after.sum() - before.sum() <= 5  # one cycle of 8 million fails hardly a cell
    g_before, g_after = (np.asarray(device.drift(c, 60.0)) for c in (cells, again))
    np.testing.assert_array_equal(g_before[before], g_after[before])
    assert np.mean(g_before[~after] != g_after[~after]) > 0.99
    assert abs(np.median(np.asarray(again.g)[~after]) - 5e-6) < 1e-6


def test_a_device_without_memory_reprograms_afresh(getkey) -> None:
    key, device = getkey(), devices.Pcm()
    cells = device.program(_half(10), key=getkey())
    assert eqx.tree_equal(devices.reprogram(device, cells, _half(10), key=key), device.program(_half(10), key=key))


# In tiles


def test_a_tile_is_as_it_was_with_wrappers_switched_off_and_fails_with_worn_cells(getkey) -> None:
    key, w, x = getkey(), jnp.linspace(-1.0, 1.0, 24 * 10).reshape(24, 10), jnp.linspace(-1.0, 1.0, 24)

    @jax.jit
    def answer(device):
        design = tiles.TileDesign(device=device, rows=16, cols=8)
        return mapping.program_matrix(design, w, key=key)(x, t=3600.0, key=key)

    def wrapped(cycles):
        device = devices.Endurance(devices.Retention(devices.Pcm(), tau=float("inf")), cycles=cycles)
        return devices.AtTemperature(devices.StuckCells(device, p_on=0.0, p_off=0.0))

    plain, off, worn = (np.asarray(answer(d)) for d in (devices.Pcm(), wrapped(0.0), wrapped(1e9)))
    np.testing.assert_allclose(off, plain, rtol=0, atol=tolerances.COMPOSITE * np.abs(plain).max())
    assert np.all(np.isfinite(worn))
    assert np.linalg.norm(worn - plain) > 0.5 * np.linalg.norm(plain)  # every cell has failed
    targets = jnp.abs(w) * G_MAX
    cells, bare = wrapped(0.0).program(targets, key=key), devices.Pcm().program(targets, key=key)
    np.testing.assert_array_equal(
        np.asarray(wrapped(0.0).drift(cells, 60.0)), np.asarray(devices.Pcm().drift(bare, 60.0))
    )


# Gradients


SMOOTH = {
    "temperature": lambda d: d.temperature,
    "activation energy": lambda d: d.activation_energy,
    "reference temperature": lambda d: d.reference_temperature,
    "tau": lambda d: d.device.tau,
    "stretch": lambda d: d.device.stretch,
    "final conductance": lambda d: d.device.g_final,
    "cycles, by the window": lambda d: d.device.device.cycles,
    "onset": lambda d: d.device.device.onset,
    "closure": lambda d: d.device.device.closure,
    "centre": lambda d: d.device.device.centre,
    "range": lambda d: d.device.device.device.device.g_max,
}


@pytest.fixture(scope="module")
def loss_and_gradient():
    """Mean conductance of an aged chip as a function of a factor on each parameter; compiled once for all of them."""

    def loss(factors):
        device = devices.StuckCells(devices.Pcm(), p_on=0.05, p_off=0.05)
        device = devices.Retention(devices.Endurance(device, cycles=3e6), tau=1e6, g_final=8e-6)
        device = devices.AtTemperature(device, temperature=308.15)
        for name, where in SMOOTH.items():
            device = eqx.tree_at(where, device, factors[name] * where(device))
        cells = device.program(jnp.linspace(1e-6, 25e-6, 64), key=jax.random.key(3))
        return jnp.mean(device.drift(cells, 3e5)) * 1e6

    with jax.enable_x64(True):
        one = {name: jnp.asarray(1.0) for name in SMOOTH}
        compiled = jax.jit(loss)
        return lambda name, factor: float(compiled(one | {name: jnp.asarray(factor)})), jax.jit(jax.grad(loss))(one)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_match_finite_differences(name: str, loss_and_gradient) -> None:
    loss, gradient = loss_and_gradient
    with jax.enable_x64(True):
        h = 1e-6
        difference = (loss(name, 1 + h) - loss(name, 1 - h)) / (2 * h)
    assert abs(difference) > 1e-6
    np.testing.assert_allclose(float(gradient[name]), difference, rtol=1e-4)


@pytest.mark.parametrize("name", ["scale", "shape", "n"])
def test_failure_probability_is_smooth_where_failure_is_not(name: str) -> None:
    with jax.enable_x64(True):
        values = {"scale": jnp.asarray(1e7), "shape": jnp.asarray(1.7), "n": jnp.asarray(4e6)}

        def probability(factor):
            changed = {**values, name: factor * values[name]}
            device = devices.Endurance(devices.IdealDevice(), scale=changed["scale"], shape=changed["shape"])
            return device.failure_probability(changed["n"])

        one, h = jnp.asarray(1.0), 1e-6
        difference = float(probability(one + h) - probability(one - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(probability)(one)), difference, rtol=1e-4)


def test_hard_decisions_have_zero_gradient_and_stuck_cells_no_target(getkey) -> None:
    device = devices.Endurance(devices.StuckCells(devices.IdealDevice(), p_on=0.2, p_off=0.2), cycles=8e6)
    key, targets = getkey(), _half(1000)
    read = lambda device, g: device.drift(device.program(g, key=key), 1.0)
    by_device, by_target = jax.jit(jax.grad(lambda *args: read(*args).sum(), argnums=(0, 1)))(device, targets)
    assert float(by_device.device.p_on) == float(by_device.device.p_off) == 0.0
    assert float(by_device.scale) == float(by_device.shape) == 0.0
    stuck = np.asarray(devices.is_stuck(device, device.program(targets, key=key)))
    np.testing.assert_array_equal(np.asarray(by_target), np.where(stuck, 0.0, 1.0))


def test_gradients_at_time_zero_and_in_new_cells_are_finite(getkey) -> None:
    device = devices.Endurance(devices.Retention(devices.Pcm()))
    cells = device.program(_half(4), key=getkey())
    gradients = jax.jit(jax.grad(lambda device: device.drift(cells, 0.0).sum()))(device)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradients))
    by_shape = jax.grad(lambda d: d.failure_probability(jnp.zeros(())))(device)
    assert float(by_shape.shape) == 0.0


# Refusals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: devices.StuckCells(d, p_on=-0.1, p_off=0.0), "p_on must be at least 0, at most 1, got -0.1"),
        (lambda d: devices.StuckCells(d, p_on=0.7, p_off=0.7), r"p_on \+ p_off must be at least 0, at most 1, got 1.4"),
        (lambda d: devices.StuckCells(d, p_on=float("nan"), p_off=0.0), "p_on must be .*, got nan"),
        (lambda d: devices.Endurance(d, shape=0.0), "shape must be above 0, got 0.0"),
        (lambda d: devices.Endurance(d, cycles=-1.0), "cycles must be at least 0, got -1.0"),
        (lambda d: devices.Endurance(d, on_share=1.5), "on_share must be at least 0, at most 1, got 1.5"),
        (lambda d: devices.Retention(d, tau=0.0), "tau must be above 0, got 0.0"),
        (lambda d: devices.AtTemperature(d, temperature=-5.0), "temperature must be above 0, got -5.0"),
    ],
)
def test_values_outside_of_their_range_are_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(devices.IdealDevice())


def test_traced_values_are_not_checked() -> None:
    make = lambda p: devices.StuckCells(devices.IdealDevice(), p_on=p, p_off=0.0).p_on
    assert float(jax.jit(make)(jnp.asarray(2.0))) == 2.0
