"""Yield against its closed forms, SciPy's laws, enumeration of all defects, and dies drawn at random."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import integrate, stats

from aimcjax.chips import economics
from aimcjax.chips.economics import Die, Murphy, NegativeBinomial, Poisson


MODELS = [Poisson(2e4), NegativeBinomial(2e4, 1.5), Murphy(2e4)]
NAMES = ["poisson", "negative_binomial", "murphy"]


@pytest.mark.parametrize("alpha", [1.0, 2.0, 30.0, 1000.0])
def test_average_over_clusters_is_the_negative_binomial_law(alpha: float) -> None:
    with jax.enable_x64(True):
        model = NegativeBinomial(1000.0, alpha)
        factors, weights = model.factors(256)
        for area in (1e-4, 1e-3, 1e-2):
            x = 1000.0 * area
            expected = (1.0 + x / alpha) ** -alpha
            np.testing.assert_allclose(model.good(area), expected, rtol=tolerances.FLOAT64)
            np.testing.assert_allclose(jnp.sum(weights * jnp.exp(-factors * x)), expected, atol=tolerances.FLOAT64)
        np.testing.assert_allclose(jnp.sum(weights * factors**2), 1.0 + 1.0 / alpha, rtol=tolerances.FLOAT64)


def test_murphy_is_the_triangle() -> None:
    with jax.enable_x64(True):
        model = Murphy(1000.0)
        factors, weights = model.factors(64)
        for area in (0.0, 1e-9, 1e-4, 5e-3):
            law = lambda z, area=area: (1.0 - abs(z - 1.0)) * np.exp(-1000.0 * area * z)
            expected = integrate.quad(law, 0, 1, epsabs=1e-14)[0] + integrate.quad(law, 1, 2, epsabs=1e-14)[0]
            np.testing.assert_allclose(model.good(jnp.asarray(area)), expected, rtol=1e-11)
            np.testing.assert_allclose(jnp.sum(weights * jnp.exp(-factors * 1000.0 * area)), expected, rtol=1e-11)


def test_limits_of_clustering() -> None:
    with jax.enable_x64(True):
        x = 0.7
        np.testing.assert_allclose(NegativeBinomial(x, 1e9).good(1.0), Poisson(x).good(1.0), rtol=1e-9)
        np.testing.assert_allclose(NegativeBinomial(x, 1.0).good(1.0), 1.0 / (1.0 + x), rtol=tolerances.FLOAT64)
        # The same mean and variance as the triangle: equal to second order in the number of defects.
        gap = lambda x: abs(float(NegativeBinomial(x, 6.0).good(1.0) - Murphy(x).good(1.0)))
        assert gap(0.05) < 0.2 * gap(0.1) < 1e-5


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_draws_follow_the_law(model: economics.AbstractDefectModel, getkey: object) -> None:
    n = 20_000
    draws = np.asarray(jax.vmap(lambda key: model.draw(key=key))(jr.split(getkey(), n)))  # pyright: ignore
    law = {"Poisson": None, "NegativeBinomial": stats.gamma(1.5, scale=1 / 1.5), "Murphy": stats.triang(0.5, 0, 2)}
    expected = law[type(model).__name__]
    if expected is None:
        assert np.all(draws == 1.0)
    else:
        assert stats.kstest(draws, expected.cdf).pvalue > tolerances.P_VALUE


def test_without_spares_a_die_is_one_part() -> None:
    with jax.enable_x64(True):
        die = Die(needed=24, tiles=6, tiers=4, tile_area=1e-6, tier_area=3e-7, core_area=4e-6)
        area = 6 * (1e-6 + 4 * 3e-7) + 4e-6
        for model in (Poisson(3e4), NegativeBinomial(3e4, 2.0), Murphy(3e4)):
            np.testing.assert_allclose(economics.chip_yield(die, model), model.good(area), rtol=1e-11)


def test_k_of_n_is_binomial() -> None:
    with jax.enable_x64(True):
        die = Die(needed=90, tiles=100, tile_area=1e-6, tier_area=0.0, core_area=0.0)
        q = -np.expm1(-8e4 * 1e-6)
        expected = stats.binom.cdf(10, 100, q)
        np.testing.assert_allclose(economics.chip_yield(die, Poisson(8e4)), expected, rtol=tolerances.FLOAT64)
        clustered = lambda z: stats.gamma.pdf(z, 2, scale=0.5) * stats.binom.cdf(10, 100, -np.expm1(-z * 8e-2))
        mixed = integrate.quad(clustered, 0, 30, epsabs=1e-12, limit=200)[0]
        np.testing.assert_allclose(economics.chip_yield(die, NegativeBinomial(8e4, 2.0)), mixed, rtol=1e-9)
        pairs = Die(needed=8, tiles=10, replicas=2, tile_area=4e-6, tier_area=0.0, core_area=0.0)
        q = -np.expm1(-8e4 * 4e-6)
        np.testing.assert_allclose(economics.chip_yield(pairs, Poisson(8e4)), stats.binom.cdf(2, 10, q**2), rtol=1e-11)


@pytest.mark.parametrize("together", [True, False])
def test_all_defects_enumerated(together: bool) -> None:
    """Two logical tiles of two replicas with two tiers: the 2^12 ways in which their parts can be dead."""
    rate, tile, tier, needed = 2e5, 1e-6, 2e-6, 3
    p_tile, p_tier = np.exp(-rate * tile), np.exp(-rate * tier)
    total = 0.0
    for parts in itertools.product([0, 1], repeat=12):
        alive = np.array(parts).reshape(2, 2, 3)  # tile, replica, (periphery, tier, tier)
        n_tile, n_tier = alive[..., 0].sum(), alive[..., 1:].sum()
        weight = p_tile**n_tile * (1 - p_tile) ** (4 - n_tile) * p_tier**n_tier * (1 - p_tier) ** (8 - n_tier)
        arrays = alive[..., 1:].all(-1, keepdims=True) & np.ones(2, int) if together else alive[..., 1:]
        total += weight * ((arrays & alive[..., :1]).any(1).sum() >= needed)
    with jax.enable_x64(True):
        die = Die(tile, tier, 1e-6, needed, tiles=2, tiers=2, replicas=2, tiers_fail_together=together)
        got = economics.chip_yield(die, Poisson(rate))
        np.testing.assert_allclose(got, total * np.exp(-rate * 1e-6), rtol=tolerances.FLOAT64)


DIES = {
    "spares": Die(needed=60, tiles=64, core_area=1e-6),
    "tiers alone": Die(needed=58 * 4, tiles=64, tiers=4, core_area=1e-6),
    "together, replicas": Die(needed=29 * 4, tiles=30, tiers=4, replicas=2, core_area=1e-6, tiers_fail_together=True),
}


@pytest.mark.parametrize("die", DIES.values(), ids=DIES)
def test_closed_form_is_what_drawn_dies_give(die: Die, getkey: object) -> None:
    for model in (Poisson(1e5), NegativeBinomial(1e5, 1.5), Murphy(1e5)):
        found = eqx.filter_jit(economics.simulate_yield)(die, model, n_dies=4000, key=getkey())  # pyright: ignore
        closed = float(eqx.filter_jit(economics.chip_yield)(die, model))
        assert 0.02 < closed < 0.98
        assert abs(closed - found.mean) < 4.0 * found.std_error
        assert found.std_error < 0.009


def test_gradients_are_finite_differences() -> None:
    with jax.enable_x64(True):

        def of(x: jax.Array) -> jax.Array:
            die = Die(x[2] * 1e-6, x[3] * 1e-7, x[4] * 1e-6, 14, tiles=8, tiers=2, replicas=2)
            return economics.chip_yield(die, NegativeBinomial(x[0] * 1e5, x[1]))

        x = jnp.array([2.0, 1.7, 0.9, 3.0, 1.1])
        both = jax.jit(jax.value_and_grad(of))
        value, gradient = both(x)
        compiled, steps = jax.jit(of), 1e-5 * jnp.eye(5)
        numeric = [(compiled(x + step) - compiled(x - step)) / 2e-5 for step in steps]
        np.testing.assert_allclose(gradient, jnp.stack(numeric), rtol=1e-6, atol=1e-9)
        assert 0.1 < value < 0.9
        assert np.all(np.isfinite(both(x.at[0].set(0.0))[1]))


def test_single_precision_and_growth() -> None:
    """Float32 within its rounding; more spares, replicas and fewer defects never hurt."""
    dies = [Die(needed=60, tiles=60 + s, core_area=0.0) for s in (0, 1, 2, 5)]
    found = [float(economics.chip_yield(die, NegativeBinomial(2e4))) for die in dies]
    assert np.all(np.diff(found) > 0)
    with jax.enable_x64(True):
        exact = [
            float(economics.chip_yield(Die(needed=d.needed, tiles=d.tiles, core_area=0.0), NegativeBinomial(2e4)))
            for d in dies
        ]
    np.testing.assert_allclose(found, exact, atol=tolerances.PRIMITIVE)
    twice = Die(needed=60, tiles=60, replicas=2, core_area=0.0)
    assert economics.chip_yield(twice, NegativeBinomial(2e4)) > found[0]


def test_spare_lines_repair_what_a_count_of_lines_says() -> None:
    with jax.enable_x64(True):
        array = economics.SpareLines(34, 27, 32, 24, cell_area=1e-12, row_area=4e-12, col_area=6e-12)
        rate = 1e9
        found = economics.repair(array, Poisson(rate))
        random = np.random.default_rng(0)
        n, before, after, perfect = 40_000, [], [], []
        p = lambda area: -np.expm1(-rate * area)
        dead_rows = random.binomial(34, p(4e-12), n)
        lines, stuck = random.random((n, 27)) < p(6e-12), random.binomial(32, p(1e-12), (n, 27))
        for r, line, cells in zip(dead_rows, lines, stuck, strict=True):
            bad = np.where(line, 32, cells)
            order = np.argsort(bad > 0, kind="stable")[:24]  # bad ones last; of them, as they come
            left = max(r - 2, 0) / 32
            after.append(1 - (1 - left) * (1 - bad[order].sum() / (32 * 24)))
            perfect.append(r <= 2 and not bad[order].any())
            before.append(bad[:24].sum() / (32 * 24))
        for value, sample in ((found.after, after), (found.perfect, perfect)):
            assert abs(float(value) - np.mean(sample)) < 4 * np.std(sample) / np.sqrt(n)
        np.testing.assert_allclose(found.before, p(11e-12), rtol=tolerances.FLOAT64)
        assert abs(p(7e-12) - np.mean(before)) < 4 * np.std(before) / np.sqrt(n)
        none = economics.repair(
            economics.SpareLines(32, 24, 32, 24, cell_area=1e-12, row_area=4e-12, col_area=6e-12), Poisson(rate)
        )
        np.testing.assert_allclose(none.after, none.before, rtol=1e-11)
        clustered = NegativeBinomial(rate, 0.8)
        many = economics.SpareLines(cols=264, cell_area=1e-14)
        with_lines = economics.repair(many, clustered)
        assert with_lines.after < with_lines.before
        assert with_lines.perfect > economics.repair(economics.SpareLines(cell_area=1e-14), clustered).perfect


def test_dies_of_a_wafer_against_counting() -> None:
    wafer = economics.Wafer()
    for area in (25e-6, 100e-6, 400e-6):
        pitch, radius = np.sqrt(area) + 1e-4, 0.147
        offsets = np.linspace(0, pitch, 12, endpoint=False)
        at = np.arange(-70, 70) * pitch
        best = 0
        for dx, dy in itertools.product(offsets, offsets):
            x, y = (np.maximum(np.abs(at + d), np.abs(at + d + pitch)) for d in (dx, dy))
            best = max(best, int((x[:, None] ** 2 + y**2 <= radius**2).sum()))
        np.testing.assert_allclose(wafer.dies(jnp.asarray(area)), best, rtol=0.05)


def test_price_of_a_good_die() -> None:
    with jax.enable_x64(True):
        wafer, area = economics.Wafer(coverage=1.0, price=5000.0, test_price=2.0), jnp.asarray(100e-6)
        n = np.pi * 0.147**2 / 0.0101**2 * np.exp(-0.0101 / 0.147)
        np.testing.assert_allclose(wafer.dies(area), n, rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(wafer.die_price(area, jnp.asarray(0.8)), (5000 / n + 2) / 0.8, rtol=1e-12)
        np.testing.assert_allclose(wafer.good_dies(area, jnp.asarray(0.8)), 0.8 * n, rtol=1e-12)
        assert wafer.escapes(jnp.asarray(0.8)) == 0.0
        np.testing.assert_allclose(economics.Wafer(coverage=0.9).escapes(jnp.asarray(0.5)), 1 - 0.5**0.1, rtol=1e-12)
        die = Die(needed=60, tiles=64)
        expected = economics.Wafer().die_price(die.footprint, economics.chip_yield(die, NegativeBinomial()))
        np.testing.assert_allclose(
            economics.die_price(economics.Wafer(), die, NegativeBinomial()), expected, rtol=1e-12
        )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Poisson(-1.0), "density must be at least 0 1/m2"),
        (lambda: NegativeBinomial(alpha=0.0), "alpha must be above 0"),
        (lambda: NegativeBinomial(alpha=float("inf")), "alpha must be above 0 and finite"),
        (lambda: Die(needed=9, tiles=2, tiers=4), "give it 3 tiles or more"),
        (lambda: Die(needed=0), "needed must be a whole number from 1"),
        (lambda: Die(tile_area=-1e-6), "tile_area must be at least 0 m2"),
        (lambda: economics.SpareLines(cols=0), "cols must be a whole number from 1"),
        (lambda: economics.SpareLines(cols=250), "256 x 256 lines are needed"),
        (lambda: economics.Wafer(coverage=1.2), "coverage must be at least 0, at most 1"),
    ],
)
def test_what_is_refused(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        make()  # pyright: ignore
    assert "\n" not in str(error.value)
