"""Programming policies: what they leave in the cells, what they count, and which of them is better at what."""

import dataclasses
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from scipy import stats

from aimcjax import devices, periphery, tiles
from aimcjax.config import build, describe
from aimcjax.devices import pulsed


NOISY = devices.StatisticalDevice(programming=0.03)
MIDDLE = jnp.full((50, 100), 12e-6)
program = eqx.filter_jit(lambda policy, device, g, key: policy.program(device, g, key=key))


def test_one_shot_is_the_device(getkey) -> None:
    key, design = getkey(), tiles.TileDesign()
    w = jr.normal(getkey(), (6, 5))
    state, report = design.program_and_report(w, key=key)
    g, _ = design.encoding.encode(w, design.device)
    assert eqx.tree_equal(state.cells, design.device.program(g, key=key))
    np.testing.assert_array_equal(np.asarray(report.pulses), 1.0)
    np.testing.assert_allclose(float(report.energy), 60 * 10e-12, rtol=1e-6)
    np.testing.assert_allclose(float(report.time), 12 * 100e-9, rtol=1e-6)  # 2 x 6 rows of cells, one after another


def test_verify_redraws_what_is_not_accepted(getkey) -> None:
    # Closed form: each write succeeds with p = P(|sigma xi| < tol), so pulses are geometric, cut at 1 + k, and accepted
    # errors are a normal distribution cut at the tolerance.
    tol, sigma, k = 0.02, 0.03, 15
    policy = tiles.WriteVerify(tolerance=tol, max_iterations=k)
    _, report = program(policy, NOISY, MIDDLE, getkey())
    pulses, n = np.asarray(report.pulses).ravel(), MIDDLE.size
    p = stats.norm.cdf(tol / sigma) - stats.norm.cdf(-tol / sigma)
    expected = np.array([p * (1 - p) ** i for i in range(k)] + [(1 - p) ** k]) * n
    counts = np.bincount(pulses.astype(int), minlength=k + 2)[1:]
    low, high = tolerances.chi_square(k)
    assert low < np.sum((counts - expected) ** 2 / expected) < high
    done = np.asarray(report.error).ravel()[pulses <= k] / 25e-6
    law = stats.truncnorm(-tol / sigma, tol / sigma, scale=sigma)
    assert stats.kstest(done, law.cdf).pvalue > tolerances.P_VALUE


def test_verify_trace_ends_where_the_cells_are(getkey) -> None:
    policy, key, g = tiles.WriteVerify(tolerance=0.01, max_iterations=12), getkey(), MIDDLE[:4, :3]
    cells, report, history = policy.trace(NOISY, g, key=key)
    assert history.shape == (12, 4, 3)
    assert eqx.tree_equal(cells, policy.program(NOISY, g, key=key)[0])
    inside = np.abs(np.asarray(history) - 12e-6) <= 0.01 * 25e-6 * (1 + 1e-6)
    first = np.where(inside.any(axis=0), inside.argmax(axis=0), 11)
    np.testing.assert_array_equal(np.asarray(report.reads), first + 1)
    settled = np.take_along_axis(np.asarray(history), first[None], axis=0)[0]
    ends = np.asarray(history)[-1]
    np.testing.assert_array_equal(ends[inside.any(axis=0)], settled[inside.any(axis=0)])


def test_correction_undoes_what_stays_the_same(getkey) -> None:
    # Levels that are 5 % off at every write: redrawing never helps, a correction does within a few writes.
    device = devices.StatisticalDevice(programming=0.001, shift=devices.LogTime(slope=0.0, offset=0.05))
    for correction, worst in ((0.0, 0.04), (1.0, 0.01)):
        policy = tiles.WriteVerify(correction=correction, tolerance=0.008)
        _, report = policy.program(device, MIDDLE[:5, :5], key=getkey())
        error = np.abs(np.asarray(report.error)) / 25e-6
        assert (error > worst).all() if correction == 0.0 else (error < worst).all()


def test_stuck_cells_use_up_their_iterations_and_stay(getkey) -> None:
    device = devices.StuckCells(NOISY, p_on=0.1, p_off=0.1)
    cells, report = program(tiles.WriteVerify(max_iterations=5), device, MIDDLE, getkey())
    stuck = np.asarray(devices.is_stuck(device, cells))
    assert abs(stuck.mean() - 0.2) < tolerances.of_mean(stuck.size) * 0.4
    np.testing.assert_array_equal(np.asarray(report.pulses)[stuck], 6.0)


def test_a_tile_of_150x150_is_verified_in_under_a_second(getkey) -> None:
    # AIHWKit users report 43 minutes; two cores, compiled.
    design = tiles.TileDesign(policy=tiles.WriteVerify())
    w = jr.normal(getkey(), (150, 150))
    run = eqx.filter_jit(lambda design, w, key: design.program_and_report(w, key=key))
    jax.block_until_ready(run(design, w, getkey()))
    started = time.perf_counter()
    _, report = jax.block_until_ready(run(design, w, getkey()))
    assert time.perf_counter() - started < 1.0
    _, once = tiles.TileDesign().program_and_report(w, key=getkey())
    assert np.std(report.error) < 0.5 * np.std(once.error)


IO = {"dac": periphery.IdealDac(), "adc": periphery.IdealAdc()}
WEIGHTS = 0.8 * jr.uniform(jr.key(3), (16, 6), minval=-1.0)


@eqx.filter_jit
def product_error(design: tiles.TileDesign, key: jax.Array) -> tuple[jax.Array, tiles.ProgrammingReport]:
    """Of many random products of a tile just programmed, without read noise."""
    key_program, key_x = jr.split(key)
    state, report = design.program_and_report(WEIGHTS, key=key_program)
    x = jr.uniform(key_x, (50, 16), minval=-1.0)
    snapshot = design.at(state, 0.0)
    y, exact = jax.vmap(lambda x: design.expected(snapshot, x))(x), x @ WEIGHTS
    return jnp.linalg.norm(y - exact) / jnp.linalg.norm(exact), report


def test_gradient_programming_corrects_what_the_outputs_show(getkey) -> None:
    # The wires take a part of every current: verified cells have the right conductance and the wrong product.
    design = tiles.TileDesign(
        device=devices.StatisticalDevice(programming=0.005),
        crossbar=tiles.CubicIrDrop(r_wire=80.0),
        encoding=tiles.DifferentialPair(w_max=1.0),
        **IO,
    )
    error = {}
    for policy in (tiles.WriteVerify(tolerance=0.005), tiles.GradientProgramming(tolerance=0.005)):
        found, _ = product_error(dataclasses.replace(design, policy=policy), getkey())
        error[type(policy).__name__] = float(found)
    assert error["GradientProgramming"] < 0.5 * error["WriteVerify"]


@pytest.mark.parametrize(
    "encoding",
    [
        tiles.Replicated(tiles.Offset(), copies=2),
        tiles.OffsetUnitColumn(),
        tiles.SignificancePairs(significance=[1.0, 3.0]),
        tiles.BitSliced(tiles.DifferentialPair(w_max=1.0), bits=7, slices=2),
    ],
    ids=lambda encoding: encoding.name,
)
def test_gradient_programming_reads_the_sense_lines_of_every_encoding(encoding, getkey) -> None:
    device = devices.StatisticalDevice(programming=0.03)
    design = tiles.TileDesign(device=device, encoding=encoding, policy=tiles.OneShot(), **IO)
    key = getkey()
    once, _ = product_error(design, key)
    policy = tiles.GradientProgramming(iterations=30)
    better, report = product_error(dataclasses.replace(design, policy=policy), key)
    assert float(better) < 0.6 * float(once)
    # 16 orthogonal inputs a round, all rows at once, sense lines one after another; writes row by row of cells.
    pulses = np.asarray(report.pulses)
    read_time = 30 * 16 * len(encoding.ranges) * 250e-9
    np.testing.assert_allclose(float(report.time), read_time + 100e-9 * pulses.max(axis=-1).sum(), rtol=1e-5)
    np.testing.assert_allclose(float(report.energy), 10e-12 * pulses.sum() + 0.25e-12 * 480 * pulses.size, rtol=1e-5)


class Weak(periphery.AbstractAdc):
    """Answers 3 % too little."""

    def __call__(self, i: jax.Array, *, key: jax.Array) -> jax.Array:
        """The code [A]."""
        del key
        return 0.97 * i


def test_gradient_programming_sees_the_converters_of_the_tile(getkey) -> None:
    # The cells are written as much higher as the converters answer less.
    policy, device = tiles.GradientProgramming(tolerance=1e-4, iterations=20), devices.IdealDevice()
    design = tiles.TileDesign(
        device=device, encoding=tiles.DifferentialPair(w_max=1.0), dac=IO["dac"], adc=Weak(), policy=policy
    )
    g = design.program(WEIGHTS, key=getkey()).cells.g
    held = np.asarray(g[0] - g[1]) / 25e-6
    assert np.max(np.abs(held * 0.97 - np.asarray(WEIGHTS))) < 1.1e-4
    with pytest.raises(ValueError, match=r"TileDesign\(policy=...\), got cells of shape \(4, 2, 2\) and no readout"):
        policy.program(design.device, jnp.ones((4, 2, 2)), key=getkey())


def test_verify_counts_the_time_of_pulses_and_reads(getkey) -> None:
    _, report = program(tiles.WriteVerify(max_iterations=6), NOISY, MIDDLE[:6, :4], getkey())
    by_row = [np.asarray(count).max(axis=-1).sum() for count in (report.pulses, report.reads)]
    np.testing.assert_allclose(float(report.time), 100e-9 * by_row[0] + 250e-9 * by_row[1], rtol=1e-5)


def test_bad_policies_are_named(getkey) -> None:
    with pytest.raises(ValueError, match="needs a device of `devices.pulsed` or .*, got Pcm"):
        POLICIES["predictor"].program(devices.Pcm(), MIDDLE, key=getkey())
    for w, times in ((jnp.zeros((2, 2)), jnp.ones(1)), (jnp.ones((2, 2)), jnp.zeros(0))):
        with pytest.raises(ValueError, match="weights that are not all zero, one time or more"):
            tiles.optimize_table(devices.Pcm(), w, times, key=getkey())
    for make in (tiles.WriteVerify, tiles.GradientProgramming):
        with pytest.raises(ValueError, match="tolerance is above 0, got -1"):
            make(tolerance=-1.0)
    with pytest.raises(ValueError, match="iterations is at least 0, got -1"):
        tiles.GradientProgramming(iterations=-1)


def test_a_tile_of_pulsed_cells_is_programmed_by_every_policy(getkey) -> None:
    cells = pulsed.PulsedDevice(step=pulsed.SoftBounds(), dw_min=0.01)
    pulsed_device = tiles.PulsedConductance(cells, g_min=1e-6)
    design = tiles.TileDesign(device=pulsed_device, encoding=tiles.Offset(w_max=2.0), **IO)
    network = eqx.nn.MLP(4, "scalar", width_size=4, depth=1, key=jr.key(0))
    policies = (tiles.WriteVerify(), tiles.GradientProgramming(), tiles.PulsePredictor(network))
    key = getkey()
    once, report = product_error(design, key)
    # One shot: the nominal number of pulses from zero weight, the middle of the range. Half of it is what cells reach.
    g, _ = design.encoding.encode(WEIGHTS, pulsed_device)
    nominal = np.abs(np.asarray((g - 13e-6) / 24e-6 * 1.2 / 0.01, np.float64))
    assert np.max(np.abs(np.asarray(report.pulses) - nominal)) <= 0.5 + 1e-3
    for policy in policies:
        error, report = product_error(dataclasses.replace(design, policy=policy), key)
        assert float(error) < 0.5 * float(once)
        assert report.error.shape == g.shape


def test_pulsed_cells_in_tiles_stay_when_they_are_written_again(getkey) -> None:
    device, target = tiles.PulsedConductance(pulsed.PulsedDevice()), jnp.full((3, 2), 13e-6)
    cells = device.program(target, key=getkey())
    again = devices.reprogram(device, cells, 0.95 * target, key=getkey())
    assert eqx.tree_equal(again.cells.traits, cells.cells.traits)
    assert bool(jnp.all(again.g < cells.g))
    assert eqx.tree_equal(build(describe(device), devices.AbstractDevice), device)


POLICIES = {
    "one shot": tiles.OneShot(),
    "verify": tiles.WriteVerify(max_iterations=2),
    "gradient": tiles.GradientProgramming(iterations=2),
    "predictor": tiles.PulsePredictor(eqx.nn.MLP(4, "scalar", width_size=2, depth=1, key=jr.key(0)), max_iterations=2),
}
EAGER_SCANS = ("gradient", "predictor")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in EAGER_SCANS else name for name in POLICIES]
)
def test_contract(name: str, getkey) -> None:
    device = tiles.PulsedConductance() if name == "predictor" else NOISY
    readout = tiles.Readout(tiles.IdealCrossbar(), tiles.DifferentialPair(), **IO)
    arrays, functions = eqx.partition(POLICIES[name], eqx.is_array)  # a network has functions for leaves

    def call(arrays, w, key):
        g, _ = readout.encoding.encode(w, device)
        cells, report = eqx.combine(arrays, functions).program(device, g, key=key, readout=readout)
        return cells.g / 25e-6 + report.energy * 1e9 + report.time * 1e3

    check_contract(Entry(arrays, call, jr.normal(jr.key(0), (4, 3))), getkey())


@pytest.mark.slow
def test_policies_pulse_cells_that_learn_in_place(getkey) -> None:
    device = pulsed.PulsedDevice(step=pulsed.SoftBounds(), dw_min=0.01)
    target = jr.uniform(getkey(), (16, 8), minval=-0.2, maxval=0.2)
    errors = {}
    for policy in (tiles.OneShot(), tiles.WriteVerify()):
        _, report = program(policy, device, target, getkey())
        errors[type(policy).__name__] = float(jnp.sqrt(jnp.mean(report.error**2)))
    assert errors["WriteVerify"] < 0.3 * errors["OneShot"]


@pytest.mark.slow
def test_learned_pulses_are_fewer_for_the_same_error(getkey) -> None:
    # Up and down pulses differ by a factor of two and more, which nominal bursts do not know.
    device = pulsed.PulsedDevice(step=pulsed.SoftBounds(), dw_min=0.01, up_down=0.5)
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        learned = tiles.train_pulse_predictor(device, key=getkey())
    learned = dataclasses.replace(learned, max_iterations=60)
    target, key = jr.uniform(getkey(), (100, 100), minval=-0.2, maxval=0.2), getkey()
    _, theirs = program(tiles.WriteVerify(max_iterations=60), device, target, key)
    _, ours = program(learned, device, target, key)
    rms = lambda report: float(jnp.sqrt(jnp.mean(report.error**2)))
    assert rms(ours) <= rms(theirs)
    assert float(ours.pulses.mean()) < float(theirs.pulses.mean())
    counts = (np.asarray(report.pulses).ravel() for report in (ours, theirs))
    assert stats.mannwhitneyu(*counts, alternative="less").pvalue < tolerances.P_VALUE
    with pytest.raises(ValueError, match="needs a device of `devices.pulsed` or .*, got Pcm"):
        learned.program(devices.Pcm(), target, key=key)


@pytest.mark.slow
def test_tables_undo_a_drift_that_depends_on_the_conductance(getkey) -> None:
    # Noise-free, one late time: small conductances drift more, which no common factor undoes, a table does.
    law = devices.ClippedLog(slope=-0.05, offset=0.03, low=0.0, high=0.15)
    quiet = {"programming": 0.0, "nu_std": 0.0, "accumulated": 0.0, "read_noise": 0.0}
    device = devices.Pcm(nu_mean=law, **quiet)
    w, late = jr.uniform(getkey(), (20, 20), minval=-1.0), jnp.asarray([1e6])
    before = tiles.error_over_time(tiles.DifferentialPair(), device, w, late, key=getkey())
    with jax.numpy_dtype_promotion("standard"):  # optax is not written for strict promotion
        table, errors = tiles.optimize_table(device, w, late, key=getkey(), significance=(1.0,), steps=150)
    after = tiles.error_over_time(table, device, jr.uniform(getkey(), (20, 20), minval=-1.0), late, key=getkey())
    assert float(errors[-1]) < 0.1 * float(errors[0])
    assert float(after) < 0.1 * float(before)


def test_config_round_trip() -> None:
    for policy in (tiles.OneShot(), tiles.WriteVerify(tolerance=0.02), tiles.GradientProgramming(rate=0.1)):
        again = build(describe(policy), tiles.AbstractProgrammingPolicy)
        assert eqx.tree_equal(again, policy)
