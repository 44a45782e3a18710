"""Noise of circuits against its formulas, distortion against AIHWKit's, rounding against its definition."""

import dataclasses

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import constants

from aimcjax import periphery as p


N = 40_000
NOISES = {
    "thermal": (
        p.ThermalNoise(conductance=2e-3, temperature=350.0, bandwidth=3e8),
        lambda i: 4 * constants.k * 350 * 2e-3 * 3e8,
    ),
    "shot": (p.ShotNoise(bandwidth=3e8), lambda i: 2 * constants.e * abs(i) * 3e8),
    "flicker": (
        p.FlickerNoise(strength=1e-5, f_low=10.0, f_high=1e8, temperature=400.0),
        lambda i: 1e-5 * 400 / 300 * i**2 * np.log(1e7),
    ),
    "output": (p.OutputNoise(std=3e-7), lambda i: 9e-14),
}


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("i", [-2e-6, 3e-5])
def test_variance_of_noise(name: str, i: float, getkey) -> None:
    noise, expected = NOISES[name]
    read = np.asarray(p.NoisyAdc(noise, p.IdealAdc())(jnp.full(N, i), key=getkey()), np.float64)
    std = np.sqrt(expected(i))
    assert abs(read.mean() - i) < std * tolerances.of_mean(N) + 1e-6 * abs(i)
    low, high = tolerances.chi_square(N - 1)
    assert low < np.var(read, ddof=1) * (N - 1) / std**2 < high


def test_enob_is_what_a_sine_of_full_scale_shows(getkey) -> None:
    for bits, enob in [(8.0, 6.3), (10.0, 5.0), (6.0, 20.0)]:
        adc = p.EnobAdc(i_max=1.0, bits=bits, enob=enob)
        with jax.enable_x64(True):
            adc = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), adc)
            i = jnp.sin(2 * np.pi * 0.6180339887 * jnp.arange(N, dtype=jnp.float64))
            error = np.asarray(adc(i, key=getkey()) - i)
        found = (10 * np.log10(0.5 / np.mean(error**2)) - 1.7609) / 6.0206
        expected = min(enob, np.log2(2**bits - 2))  # more than the steps allow is not to be had
        # 4 deviations of a mean of squares are 2.8 %, 0.02 bits; saturation at the crests takes off about as much
        assert abs(found - expected) < 0.05


def test_stochastic_rounding_is_unbiased(getkey) -> None:
    adc = p.StochasticAdc(i_max=7.0, bits=4.0)
    for i in (-3.7, 0.2, 5.5):
        read = np.asarray(adc(jnp.full(N, i), key=getkey()), np.float64)
        fraction = i - np.floor(i)
        np.testing.assert_array_equal(np.unique(read), [np.floor(i), np.floor(i) + 1])
        assert abs(read.mean() - i) < np.sqrt(fraction * (1 - fraction)) * tolerances.of_mean(N)
    gradient = jax.grad(lambda i: jnp.sum(adc(i, key=jr.key(0))))(jnp.asarray([-8.0, -3.7, 5.5, 9.0]))
    np.testing.assert_array_equal(np.asarray(gradient), [0, 1, 1, 0])


def test_distortion_is_aihwkits(getkey) -> None:
    i = 1e-6 * jnp.linspace(-60.0, 60.0, 7)
    x = np.asarray(i, np.float64)
    adc = p.SShapedAdc(p.IdealAdc(), nonlinearity=0.2, spread=0.3, slope_calibration=0.5)
    made = p.install(adc, p.fabricate(adc, 7, key=getkey()))
    n = np.abs(0.2 * (1 + np.asarray(made.mismatch)))
    assert abs(float(jnp.std(adc.draw(N, key=getkey()))) / 0.3 - 1) < tolerances.of_std(N)
    expected = (1 + n.mean() * 0.5) ** 2 * x / (1 + n * np.abs(x) / 50e-6)
    np.testing.assert_allclose(np.asarray(made(i, key=getkey())), expected, rtol=tolerances.PRIMITIVE)
    offset = p.VoltageOffsetAdc(p.IdealAdc(), sigma_offset=0.1, compression=2e3)
    drawn = offset.draw(N, key=getkey())
    assert float(jnp.min(drawn)) == 0.0
    assert abs(float(jnp.mean(drawn)) / (0.1 / np.sqrt(2 * np.pi)) - 1) < 1.5 * tolerances.of_mean(N)  # half a normal
    made = dataclasses.replace(offset, mismatch=drawn[:7])
    expected = (1 - np.asarray(drawn[:7])) * x / (1 + 2e3 * np.abs(x))
    np.testing.assert_allclose(np.asarray(made(i, key=getkey())), expected, rtol=tolerances.PRIMITIVE)
    asymmetric = p.AsymmetricAdc(p.IdealAdc(), asymmetry=0.1)(i, key=getkey())
    np.testing.assert_allclose(np.asarray(asymmetric), np.where(x < 0, 0.9 * x, x), rtol=tolerances.PRIMITIVE)
    keeps = p.CompressiveDac(p.IdealDac(v_max=0.2), nonlinearity=0.3)(jnp.asarray([-1.0, 0.5, 1.0]))
    np.testing.assert_allclose(np.asarray(keeps), [-0.2, 0.13 / 1.15, 0.2], rtol=tolerances.PRIMITIVE)


def test_pulses_lose_their_edges() -> None:
    dac = p.PulseWidthDac(v_max=1.0, bits=5.0, clock=1e9, t_edge=2e-9)  # 15 periods at most, two of them lost
    v = dac(jnp.asarray([-1.0, -2 / 15, 0.0, 1 / 15, 8 / 15]))
    np.testing.assert_allclose(np.asarray(v), [-13 / 15, 0, 0, 0, 6 / 15], atol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(dac.duration(), 15e-9, rtol=tolerances.PRIMITIVE)


def test_dac_with_measured_levels() -> None:
    levels = jnp.asarray([[-0.9, -0.6, -0.4, 0.05, 0.3, 0.7, 1.1]])
    dac = p.LevelDac(v_max=2.0, bits=3, mismatch=levels)
    v = dac(jnp.asarray([-2.0, 0.1, 0.4, 1.0]))
    np.testing.assert_allclose(np.asarray(v), [-1.8, 0.1, 0.6, 2.2], rtol=tolerances.PRIMITIVE)
    by_x = jax.grad(lambda x: jnp.sum(dac(x)))(jnp.asarray([-2.0, 0.1, 0.4, 0.9]))
    np.testing.assert_allclose(np.asarray(by_x), [0, 2, 2, 2], rtol=tolerances.PRIMITIVE)
    by_level = jax.grad(lambda levels: jnp.sum(dataclasses.replace(dac, mismatch=levels)(jnp.asarray([0.1, 0.4]))))
    np.testing.assert_array_equal(np.asarray(by_level(levels)), [[0, 0, 0, 2, 2, 0, 0]])
