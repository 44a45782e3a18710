"""Ranges, noise and bound management against AIHWKit's rules written out again, and calibration against the optimum."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import reference
import tolerances
from scipy import integrate, optimize, stats

from aimcjax import periphery as p


X = np.asarray([0.3, -1.2, 0.7, 0.05, -0.4], np.float32)


def test_ranges_of_a_vector() -> None:
    x = jnp.asarray(X)
    assert float(p.AbsMax()(x)) == np.float32(1.2)
    assert float(p.AbsMax(cap=0.5)(x)) == 0.5
    assert float(p.Maximum()(x)) == np.float32(0.7)
    assert float(p.StaticRange(2.5)(x)) == 2.5
    np.testing.assert_allclose(p.LearnedRange(np.log(3.0))(x), 3.0, rtol=tolerances.PRIMITIVE)
    rms = np.sqrt(np.mean(X.astype(np.float64) ** 2))
    np.testing.assert_allclose(p.Deviations(2.0)(x), 2 * rms, rtol=tolerances.PRIMITIVE)
    # max(1.2, min(max(1.05, 1.6) w / b, 1.2 rho / step)), each of the three in turn
    for w, b, rho, expected in [(0.6, 12.0, 0.25, 1.2), (9.0, 10.0, 0.25, 1.44), (9.0, 0.1, 0.25, 1.2 * 0.25 * 63)]:
        found = p.AbsMaxNpSum(w_assumed=w, bound=b, resolution=rho)(x)
        np.testing.assert_allclose(found, expected, rtol=tolerances.PRIMITIVE)
    for make in (p.AbsMax, p.Maximum, p.Deviations, p.AbsMaxNpSum, p.AverageAbsMax):
        zero, slope = jax.value_and_grad(lambda x, make=make: make()(x))(jnp.zeros(3))
        assert float(zero) == 0.0
        assert np.all(np.isfinite(np.asarray(slope)))


def test_running_range() -> None:
    range_, expected = p.AverageAbsMax(decay=0.1), None
    for x in (2.0, 4.0, 1.0):
        range_ = range_.update(jnp.asarray([x, -0.5]))
        expected = x if expected is None else 0.9 * expected + 0.1 * x
        np.testing.assert_allclose(range_(jnp.asarray([7.0])), expected, rtol=tolerances.PRIMITIVE)
    at_once = p.observed(p.AverageAbsMax(decay=0.1), jnp.asarray([[2.0, -0.5], [4.0, -0.5], [1.0, -0.5]]))
    np.testing.assert_allclose(at_once.average, range_.average, rtol=tolerances.PRIMITIVE)
    assert p.observed(p.AbsMax(), jnp.ones((2, 2))) == p.AbsMax()


def test_learned_range_has_the_gradient_of_lsq() -> None:
    """d/dr of r quant(x / r): round(x/r/step) step - x/r inside, the sign outside; times r by the logarithm."""
    x, r, bits = jnp.asarray([0.31, -0.62, 3.0, -2.2]), 1.5, jnp.asarray(4.0)

    def read(range_: p.LearnedRange, x: jax.Array) -> jax.Array:
        scale = range_(x[None])
        return scale * p.quantize(x / scale, jnp.asarray(1.0), bits)

    found = jax.vmap(lambda x: jax.grad(read)(p.LearnedRange(np.log(r)), x).log_range)(x)
    z = np.asarray(x) / r
    expected = r * np.where(np.abs(z) < 1, np.rint(z * 7) / 7 - z, np.sign(z))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=tolerances.COMPOSITE)


W = np.asarray(jr.normal(jr.key(3), (5, 4)), np.float64) * 0.8


def _product(bound: float, noise: float = 0.0):
    adc = p.UniformAdc(i_max=bound, bits=9.0, noise=noise)

    # No steps of the DAC: at r = 2 the largest input, half of 63 steps, is always on a tie
    def product(x: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        y = x.clip(-1.0, 1.0) @ jnp.asarray(W, x.dtype)
        return adc(y, key=key), jnp.any(jnp.abs(y) > bound * (1 + 0.5 / 255))

    return product


def _aihwkit(x: np.ndarray, bound: float, *, worst_case: bool = False) -> tuple[np.ndarray, float]:
    """AIHWKit's forward pass of one vector in NumPy: quantise, clip, repeat; returns the output and the last r."""
    alpha = np.max(np.abs(x))
    if alpha <= 0:
        return np.zeros(W.shape[1]), 0.0
    d_in, d_out, r, round_ = 2 / 126, 2 * bound / 510, 0.5, 0
    while True:
        r, round_ = r * 2, round_ + 1
        if round_ == 2 and worst_case:
            sums = max(x[x > 0].sum(), -x[x < 0].sum())
            alpha, r = max(alpha, min(sums * 0.6 / bound, alpha / d_in * 0.25)), 1.0
        s = 1 / (alpha * r)
        y = np.clip(x * s, -1, 1) @ W
        y = np.rint(y / d_out) * d_out
        clipped, y = np.any(np.abs(y) > bound + d_out / 2), np.clip(y, -bound, bound)
        if not clipped or int(r) > 1000 or r > 0.25 / (2 / 126):
            return y / s, r


@pytest.mark.parametrize("worst_case", [False, True])
@pytest.mark.parametrize("bound", [12.0, 0.6, 0.15, 0.01])
def test_management_is_aihwkits_for_every_vector(bound: float, worst_case: bool) -> None:
    """Bounds that never, sometimes and always saturate; a batch whose vectors need different rounds, and zeros."""
    xs = np.concatenate(
        [np.asarray(jr.normal(jr.key(4), (30, 5))) * np.asarray([[1.0, 0.1, 0.01] * 10]).T, [[0.0] * 5]]
    )
    xs = xs.astype(np.float32)
    fallback = p.AbsMaxNpSum(bound=bound) if worst_case else None
    management = p.BoundManagement(fallback=fallback)
    run = lambda x: p.managed_product(_product(bound), x, key=jr.key(0), bound=management)
    found = np.asarray(jax.jit(jax.vmap(run))(jnp.asarray(xs)))
    wanted = [_aihwkit(x.astype(np.float64), bound, worst_case=worst_case) for x in xs]
    expected, rounds = np.stack([y for y, _ in wanted]), {r for _, r in wanted}
    assert len(rounds) > 2 or bound in (12.0, 0.01)
    # a single rounding on a tie may go the other way: at most one step of the coarsest round
    same = np.isclose(found, expected, rtol=1e-4, atol=1e-6 * bound)
    assert same.mean() > 0.97
    np.testing.assert_array_equal(found[-1], 0.0)


def test_without_bound_management_there_is_one_round() -> None:
    x = jnp.asarray(X)
    y = p.managed_product(_product(12.0), x, key=jr.key(0))
    np.testing.assert_allclose(np.asarray(y), _aihwkit(X.astype(np.float64), 12.0)[0], rtol=tolerances.COMPOSITE)
    twice = p.managed_product(_product(12.0), x, key=jr.key(0), noise=p.StaticRange(2.4))
    expected = np.clip(X / 2.4, -1, 1) @ W
    np.testing.assert_allclose(np.asarray(twice), 2.4 * np.rint(expected * 255 / 12) / 255 * 12, rtol=1e-4)


def test_gradient_through_management_is_the_straight_through_product() -> None:
    """With the factor held fixed: the range cancels and what is left is the product, where nothing saturates."""
    product, bound = _product(0.6), p.BoundManagement()
    total = lambda x: jnp.sum(p.managed_product(product, x, key=jr.key(0), noise=p.StaticRange(1.5), bound=bound))
    by_x = jax.jit(jax.grad(total))(jnp.asarray(X))
    np.testing.assert_allclose(np.asarray(by_x), W.sum(axis=1), rtol=tolerances.COMPOSITE)


def test_noise_is_drawn_anew_in_each_round_and_vector(getkey) -> None:
    product, bound = _product(12.0, noise=0.3), p.BoundManagement()
    run = lambda x, key: p.managed_product(product, x, key=key, bound=bound)
    ys = jax.jit(jax.vmap(run))(jnp.broadcast_to(jnp.asarray(X), (200, 5)), jr.split(getkey(), 200))
    deviation = np.std(np.asarray(ys, np.float64), axis=0) / (0.3 * 1.2)
    assert np.all(np.abs(deviation - 1) < tolerances.of_std(200))


@pytest.mark.parametrize("bits", [3, 4, 6])
def test_calibration_finds_the_optimal_range_of_a_normal(bits: int) -> None:
    """The mean squared error of the closed-form quantiser, integrated and minimised by SciPy."""
    largest = 2 ** (bits - 1) - 1

    def error(bound: float) -> float:
        step = bound / largest
        edges = [0, *(np.arange(largest) + 0.5) * step, 12.0]
        cell = lambda k: integrate.quad(lambda x: (x - k * step) ** 2 * stats.norm.pdf(x), edges[k], edges[k + 1])[0]
        return 2 * sum(cell(k) for k in range(largest + 1))

    best = optimize.minimize_scalar(error, bounds=(0.5, 8.0), method="bounded")
    samples = stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000) * 3e-6
    found = float(p.calibrate_range(jnp.asarray(samples, jnp.float32), bits))
    assert error(found / 3e-6) < best.fun * 1.002
    np.testing.assert_allclose(found / 3e-6, best.x, rtol=0.03)


LAWS = {
    "normal": lambda u: stats.norm.ppf(u),
    "laplace": lambda u: stats.laplace.ppf(u),
    "rectified": lambda u: np.maximum(stats.norm.ppf(u), 0.0),
    "outlier": lambda u: np.where(u == u.max(), 50.0, stats.norm.ppf(u)),
    "two levels": lambda u: np.sign(u - 0.5),
    "codes of four bits": lambda u: np.rint(14 * u - 7),
}


@pytest.mark.parametrize("name", LAWS)
def test_no_range_has_a_smaller_error_than_the_calibrated(name: str) -> None:
    """Against the best of 4000 ranges in double precision, from 2 bits to 16."""
    x = (LAWS[name]((np.arange(800) + 0.5) / 800) * 3e-6).astype(np.float32)
    exact, largest = x.astype(np.float64), float(np.max(np.abs(x)))
    calibrate = jax.jit(lambda bits: p.calibrate_range(jnp.asarray(x), bits))
    for bits in (2, 3, 4, 8, 12, 16):
        error = lambda bound, bits=bits: np.mean((reference.quantize(exact, bound, bits) - exact) ** 2)
        best = min(error(bound) for bound in [largest, *np.geomspace(2e-3 * largest, largest, 4000)])
        found = float(calibrate(float(bits)))
        assert 0 < found <= largest * (1 + 1e-6)
        assert error(found) <= 1.01 * best + (3e-7 * largest) ** 2  # single precision rounds the range by 6e-8


def test_other_calibrations_and_slices() -> None:
    samples = 1e-6 * jnp.asarray([[1.0, -3.0, 2.0], [0.1, 0.2, 0.05]])
    np.testing.assert_allclose(p.calibrate_range(samples, 8, "max"), 3e-6, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(p.calibrate_range(samples, 8, "granular", step=1e-8), 127e-8, rtol=tolerances.PRIMITIVE)
    of_slices = jax.vmap(lambda s: p.calibrate_range(s, 12.0))(samples)
    np.testing.assert_allclose(np.asarray(of_slices), [3e-6, 2e-7], rtol=0.02)  # twelve bits: no reason to saturate
    np.testing.assert_allclose(p.worst_case_range(256, 25e-6, 0.2), 1.28e-3)
    assert float(p.calibrate_range(jnp.zeros(4), 8)) == 0.0
    with pytest.raises(ValueError, match="unknown method 'min' of calibration; known: mse, max, granular"):
        p.calibrate_range(samples, 8, "min")
    with pytest.raises(ValueError, match="`step` goes with method 'granular'"):
        p.calibrate_range(samples, 8, "granular")
    with pytest.raises(ValueError, match="`step` goes with method 'granular'"):
        p.calibrate_range(samples, 8, "max", step=1e-8)
    with pytest.raises(ValueError, match="got 1 NaN or infinite of 3"):
        p.calibrate_range(jnp.asarray([1.0, jnp.nan, 2.0]), 8)
    with pytest.raises(ValueError, match="more than one bit, got bits=1"):
        p.calibrate_range(samples, 1)
    with pytest.raises(ValueError, match="got 0 samples"):
        p.calibrate_range(jnp.zeros(0), 8)
