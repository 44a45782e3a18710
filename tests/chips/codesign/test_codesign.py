"""Designs by gradient: against finite differences, closed forms, brute force, and themselves on other chips."""

import dataclasses
import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract

from aimcjax import chips, devices, nn, periphery, tiles
from aimcjax.chips import codesign
from aimcjax.chips.codesign import _problem
from aimcjax.models import Mlp
from aimcjax.training import cross_entropy
from aimcjax.units import nm, uA


STEPS = codesign.Descent(steps=12, batch_size=8, n_chips=2, learning_rate=0.3, round_samples=16, round_chips=2)
TILE = tiles.TileDesign(
    rows=6,
    cols=6,
    device=devices.IdealDevice(),
    dac=periphery.UniformDac(bits=7),
    adc=periphery.UniformAdc(bits=8, i_max=20 * uA, noise=0.1 * uA),
)
ADC = periphery.AndrulisCost()
CHIP = chips.Chip(core=chips.Core(adc=ADC))


def _task() -> tuple[Any, jax.Array, jax.Array]:
    x = jr.uniform(jr.key(1), (24, 5), float, -1.0, 1.0)
    model = Mlp(5, 3, (6,), key=jr.key(0))
    model = jax.tree.map(lambda leaf: leaf.astype(float) if eqx.is_inexact_array(leaf) else leaf, model)
    return model, x, jnp.argmax(x[:, :3], axis=1)


def _pose(tile: Any = TILE, **how: Any) -> codesign.Problem:
    model, x, y = _task()
    analog = nn.convert(model, [nn.Rule(".*", tile)])
    return codesign.pose(analog, CHIP, x, y, **{"loss": cross_entropy, "key": jr.key(2), **how})[0]


@pytest.fixture(autouse=True)
def lenient():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        yield


@pytest.fixture(scope="module")
def problem() -> codesign.Problem:
    return _pose()


def test_gradients_of_loss_and_costs_are_finite_differences() -> None:
    """In bits, voltage and both periods, and of costs in node and rate, for one set of chips."""
    with jax.enable_x64(True):
        cells = dataclasses.replace(TILE, device=devices.Pcm())
        design = dataclasses.replace(cells, dac=periphery.IdealDac(v_max=TILE.dac.v_max))
        problem = _pose(cells, variables=codesign.VARIABLES)
        smooth = nn.with_designs(problem.model, nn.convert(_task()[0], [nn.Rule(".*", design)]))
        problem = dataclasses.replace(problem, model=smooth)
        choice = dataclasses.replace(problem.start, bits=jnp.asarray([4.3, 5.6]))
        keys = jr.split(jr.key(3), 2)

        @jax.jit
        def quantities(v: jax.Array) -> jax.Array:
            logs = v[2:]
            at = codesign.Choice(
                v[:2], *(getattr(choice, n) * jnp.exp(logs[i]) for i, n in enumerate(codesign.VARIABLES[1:]))
            )
            adc = dataclasses.replace(ADC, rate=ADC.rate * jnp.exp(logs[4]))
            core = dataclasses.replace(problem.chip.core, adc=adc)
            chip = dataclasses.replace(
                problem.chip, core=core, technology=chips.Technology(node=40 * nm * jnp.exp(logs[3]))
            )
            here = dataclasses.replace(problem, chip=chip)
            found = codesign.relaxed_terms(here, codesign.Weights(), at, problem.x, problem.y, keys)
            ref = problem.reference
            return jnp.stack([found.loss, found.energy_J / ref.energy_J, found.latency_s / ref.latency_s])

        at = jnp.concatenate([choice.bits, jnp.zeros(5)])
        slopes, eps = np.asarray(jax.jit(jax.jacrev(quantities))(at)), 1e-4
        for index in range(len(at)):
            step = jnp.zeros_like(at).at[index].set(eps)
            f = [np.asarray(quantities(at + k * step)) for k in (-2, -1, 1, 2)]
            finite = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * eps)
            np.testing.assert_allclose(slopes[:, index], finite, rtol=1e-6, atol=1e-9)
        assert np.all(np.abs(slopes[0, :5]) > 1e-6)  # no part of the loss is blind to what is chosen
        assert np.all(np.abs(slopes[1]) > 1e-6)


def test_steps_as_noise_have_the_error_of_steps_and_its_slope() -> None:
    r"""$\Delta^2/12$, and its derivative in bits; the quantiser's own derivative gives the same on average."""
    n, i_max, bits = 40_000, 20 * uA, jnp.asarray(5.0)
    i = jr.uniform(jr.key(0), (n,), float, -0.9 * i_max, 0.9 * i_max)
    step = lambda bits: 2.0 * i_max / (2.0**bits - 2.0)
    expected = step(bits) ** 2 / 12
    slope = jax.grad(lambda bits: step(bits) ** 2 / 12)(bits)
    for adc in (codesign.RelaxedAdc(i_max=i_max, noise=0.0, bits=5.0), periphery.UniformAdc(i_max, noise=0.0)):
        error = lambda bits, adc=adc: jnp.mean((codesign.with_bits(adc, bits)(i, key=jr.key(1)) - i) ** 2)
        found, gradient = jax.jit(jax.value_and_grad(error))(bits)
        spread = tolerances.of_mean(n) * (0.8**0.5)  # u^2 / <u^2> has variance 4/5
        np.testing.assert_allclose(found, expected, rtol=spread)
        np.testing.assert_allclose(gradient, slope, rtol=spread)


def test_relaxed_adc_keeps_the_contract() -> None:
    adc = codesign.RelaxedAdc(i_max=20 * uA, noise=0.1 * uA, bits=5.0)
    check_contract(Entry(adc, lambda adc, x, key: adc(uA * x, key=key) / uA, jnp.asarray([1.0, -3.0, 8.0])), jr.key(0))


def test_rounding_finds_the_optimum_of_separable_objectives() -> None:
    relaxed = codesign.Choice(jnp.asarray([4.4, 5.9, 7.5, 3.2]), *(jnp.asarray(1.0) for _ in range(3)))
    box = codesign.make_box({"bits": (3.0, 7.0)}, 4)
    target = np.asarray([4.8, 5.2, 7.4, 5.6])  # the last one is far from where the descent stopped

    def judge(choice: codesign.Choice) -> Any:
        value = jnp.sum(jnp.asarray([1.0, 2.0, 0.5, 3.0]) * (choice.bits - jnp.asarray(target)) ** 2)
        return codesign.Terms(value, value, value, value, value)

    rounded, found = codesign.round_bits(relaxed, judge, box)
    best = min(
        itertools.product(*[np.arange(3.0, 8.0)] * 4),
        key=lambda bits: np.sum([1.0, 2.0, 0.5, 3.0] * (np.asarray(bits) - target) ** 2),
    )
    assert tuple(np.asarray(rounded.bits)) == best
    assert float(found.objective) == pytest.approx(float(judge(rounded).objective))


def test_weights_buy_energy_and_never_compile_again() -> None:
    traces = []

    def loss(outputs: jax.Array, y: jax.Array) -> jax.Array:
        traces.append(y)
        return cross_entropy(outputs, y)

    problem = _pose(loss=loss)
    cheap, dear, bound = 0.01, 30.0, codesign.make_box({"bits": (6.0, 7.0)}, 2)
    precise = codesign.solve(problem, codesign.Weights(energy=cheap), STEPS, key=jr.key(5))
    compiled = len(traces)
    frugal = codesign.solve(problem, codesign.Weights(energy=dear), STEPS, key=jr.key(6))
    within = codesign.solve(dataclasses.replace(problem, box=bound), codesign.Weights(dear), STEPS, key=jr.key(6))
    assert len(traces) == compiled
    assert float(frugal.after.energy_J) < float(precise.after.energy_J)
    assert float(frugal.relaxed.bits.max()) < 8.0
    for found, low, high in ((precise, 3, 10), (frugal, 3, 10), (within, 6, 7)):
        bits = np.asarray(found.rounded.bits)
        np.testing.assert_array_equal(bits, np.round(bits))
        assert bits.min() >= low
        assert bits.max() <= high
        np.testing.assert_array_equal(found.rounded.v_max, problem.start.v_max)  # not among the variables


def test_optimise_takes_the_best_of_copies_and_its_costs_are_those_of_the_placement() -> None:
    model, x, y = _task()
    analog = nn.convert(model, [nn.Rule(".*", TILE)])
    found = chips.optimise(
        analog, CHIP, x, y, loss=cross_entropy, key=jr.key(2), weight_energy=1.0, weight_area=0.5,
        weight_latency=0.5, descent=STEPS, replicas=({}, {"layers/0": 2}),
    )  # fmt: skip
    objectives = [value for *_, value in found.tried]
    assert len(set(objectives)) == 2  # copies cost area and take less time
    assert found.placement.counts.replicas[0] == 1 + bool(found.replicas)
    assert float(found.solution.after.objective) == min(objectives)
    cost = chips.cost(found.placement)
    np.testing.assert_allclose(cost.energy_J, found.solution.after.energy_J, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(cost.area_m2, found.solution.after.area_m2, rtol=tolerances.PRIMITIVE)
    bits = {name: float(layer.design.adc.bits) for name, layer in nn.analog_layers(found.model).items()}
    assert bits == dict(zip(found.problem.names, np.asarray(found.solution.rounded.bits).tolist(), strict=True))


def test_scores_are_paired_by_chips(problem: codesign.Problem) -> None:
    _, x, y = _task()
    score = lambda bits, key: codesign.score(
        problem, codesign.uniform(problem, bits), x, y, metric=cross_entropy, n_chips=4, key=key
    )
    one, finer, other = score(8.0, jr.key(0)), score(9.0, jr.key(0)), score(8.0, jr.key(1))
    paired, unpaired = np.std(finer.scores - one.scores), np.std(other.scores - one.scores)
    assert 0 < paired < unpaired
    assert one.energy_J < finer.energy_J
    key_program, key_read, _ = jr.split(jr.split(jr.key(0), 4)[0], 3)

    @eqx.filter_jit
    def by_hand(model: Any) -> jax.Array:
        return nn.apply(nn.at(nn.program(model, key=key_program), t=3600.0), x, key=key_read)

    read = by_hand(problem.model)
    np.testing.assert_allclose(one.scores[0], cross_entropy(read, y), rtol=tolerances.COMPOSITE)


def test_a_chip_is_read_at_its_age_whatever_the_period_of_its_calibration() -> None:
    """Rarely measured it has the factors of when it was written, often measured those of its age; and it is never
    older than its refresh period."""
    problem = _pose(dataclasses.replace(TILE, device=devices.Pcm()), t=1e6)
    chip, key = eqx.filter_jit(nn.program)(problem.model, key=jr.key(4)), jr.key(5)
    at = eqx.filter_jit(nn.at)

    def matrix(snapshot: Any) -> Any:
        return next(iter(nn.analog_layers(snapshot).values())).matrix

    @eqx.filter_jit
    def read(problem: codesign.Problem, period: jax.Array) -> Any:
        choice = dataclasses.replace(problem.start, compensation_period=period, refresh_period=jnp.asarray(100.0))
        return matrix(_problem.read_after(problem, choice, chip, key))

    for refreshed, age in ((False, jnp.asarray(1e6)), (True, 100.0 * jr.uniform(key, (2,))[0])):
        here = dataclasses.replace(problem, remeasured=True, refreshed=refreshed)
        seldom, often = (read(here, jnp.asarray(period)) for period in (1e12, 1e-3))
        new, old = matrix(at(chip, t=jnp.asarray(0.0))), matrix(at(chip, t=age))
        np.testing.assert_allclose(seldom.factor, new.factor, rtol=tolerances.PRIMITIVE)
        np.testing.assert_allclose(often.factor, old.factor, rtol=tolerances.PRIMITIVE)
        assert np.all(np.asarray(old.factor) > 1.01 * np.asarray(new.factor))
        for found in (seldom, often):
            for one, other in zip(jax.tree.leaves(found.tiles), jax.tree.leaves(old.tiles), strict=True):
                np.testing.assert_allclose(one, other, rtol=tolerances.PRIMITIVE)


def test_upkeep_is_shared_out_over_inferences() -> None:
    """Twice the period, half the energy: of writing all cells, and of calibration vectors through all matrices."""
    keep = codesign.Upkeep(rate=10.0)
    plain = _pose(upkeep=keep)
    energy = lambda problem, choice: float(codesign.bill_of(problem, choice, smooth=False)[1])
    base = energy(plain, plain.start)
    for flag, name in (("refreshed", "refresh_period"), ("remeasured", "compensation_period")):
        problem = dataclasses.replace(plain, **{flag: True})
        at = lambda t, name=name: dataclasses.replace(plain.start, **{name: jnp.asarray(t)})
        short, long = (energy(problem, at(t)) - base for t in (1e-3, 2e-3))
        assert short == pytest.approx(2 * long, rel=1e-3)
    rewritten = float(keep.write_energy) * plain.counts.n_cells / (1e-3 * 10.0)
    refreshed = dataclasses.replace(plain, refreshed=True)
    found = energy(refreshed, dataclasses.replace(plain.start, refresh_period=jnp.asarray(1e-3))) - base
    assert found == pytest.approx(rewritten, rel=1e-4)


def test_fronts() -> None:
    energies, scores = np.asarray([1.0, 2.0, 3.0, 3.0, 4.0]), np.asarray([0.2, 0.5, 0.4, 0.9, 0.9])
    assert codesign.on_front(energies, scores).tolist() == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"variables": ("bit",)}, "unknown variable 'bit'.*bits"),
        ({"variables": ()}, "nothing to optimise"),
        ({"weight_energy": -1.0}, "weight_energy is a number from 0, got -1.0"),
        ({"bounds": {"bits": (8.0, 3.0)}}, "bounds of bits.*the smaller one first"),
        ({"bounds": {"bits": (4.1, 4.9)}}, "bounds of bits.*whole number between"),
        ({"tiles": ()}, "at least one entry"),
        ({"descent": STEPS._replace(steps=0)}, "steps is above 0"),
    ],
)
def test_bad_input_is_refused_in_one_line(how: dict[str, Any], words: str) -> None:
    model, x, y = _task()
    analog = nn.convert(model, [nn.Rule(".*", TILE)])
    with pytest.raises(ValueError, match=words) as error:
        chips.optimise(analog, CHIP, x, y, **{"loss": cross_entropy, "key": jr.key(0), **how})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("design", "words"),
    [
        (None, "no analog layers"),
        (tiles.WeightLevelTile(rows=6, cols=6), "layer layers/0: WeightLevelTile has no ADCs"),
        (dataclasses.replace(TILE, adc=periphery.IdealAdc()), "layer layers/0: IdealAdc has no bits"),
        (dataclasses.replace(TILE, adc=periphery.SarAdc()), "layer layers/0: SarAdc has no bits"),
    ],
)
def test_models_without_resolutions_are_refused(design: Any, words: str) -> None:
    model, x, y = _task()
    analog = model if design is None else nn.convert(model, [nn.Rule(".*", design)])
    with pytest.raises(ValueError, match=words):
        chips.optimise(analog, CHIP, x, y, loss=cross_entropy, key=jr.key(0))
