"""INL, DNL and offsets of many fabricated converters against what their mismatch should give."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import periphery as p


def _made(adc, n: int, key: jax.Array):
    return p.install(adc, p.fabricate(adc, n, key=key))


def _codes(adc, z: np.ndarray, n: int, key: jax.Array) -> np.ndarray:
    """Codes of `n` fabricated converters, one a column, at inputs `z` in steps: `[inputs, converters]`."""
    made, step = _made(adc, n, key), float(adc.i_max) / (2 ** (adc.bits - 1) - 1)
    read = jax.jit(jax.vmap(lambda i: made(jnp.full(n, i), key=jr.key(0))))
    return np.asarray(read(jnp.asarray(z * step, jnp.float32)), np.float64) / step


def _check_variance(samples: np.ndarray, expected: np.ndarray | float, n: int) -> None:
    """Sample variances (over the last axis) of normal numbers have chi-square laws."""
    low, high = tolerances.chi_square(n - 1)
    ratio = np.var(samples, axis=-1, ddof=1) * (n - 1) / expected
    assert np.all((low < ratio) & (ratio < high)), (ratio / (n - 1), low / (n - 1), high / (n - 1))


def test_sar_levels_are_as_noisy_as_their_capacitors(getkey) -> None:
    n, sigma, bits = 4000, 1e-3, 8
    size = 2**bits
    weights = np.asarray(p.SarAdc(bits=bits, sigma_capacitor=sigma).draw(n, key=getkey()).weights, np.float64)
    bit = (np.arange(size)[:, None] >> np.arange(bits)) & 1
    levels = bit @ weights.T
    codes = np.asarray([1, 37, 64, 128, 200, 255])
    inl = levels[codes] - codes[:, None]
    _check_variance(inl, sigma**2 * codes * (size - codes) / size, n)
    step = levels[128] - levels[127] - 1.0
    _check_variance(step, sigma**2 * (size / 2 * (1 - 1 / size) ** 2 + (size / 2 - 1) * (1 + 1 / size) ** 2), n)


def test_sar_codes_are_those_of_its_levels(getkey) -> None:
    """A search has to end at the code that counting monotonic levels gives: 12 bits, errors of many steps."""
    bits, n = 12, 64
    made = _made(p.SarAdc(bits=bits, sigma_capacitor=0.02, sigma_comparator=0.001), n, getkey())
    step = float(made.i_max) / 2047
    z = np.linspace(-1900.0, 1900.0, 51) + 0.123
    found = np.asarray(
        jax.jit(jax.vmap(lambda z: made(jnp.full(n, z * step), key=jr.key(0))))(jnp.asarray(z, jnp.float32))
    )
    weights, offset = (np.asarray(leaf, np.float64) for leaf in (made.mismatch.weights, made.mismatch.offset))
    for column in range(0, n, 7):
        for row in range(0, len(z), 5):
            code, level = 0, 0.0
            for k in reversed(range(bits)):
                if z[row] + 2048 > level + weights[column, k] - 0.5 + offset[column]:
                    code, level = code + 2**k, level + weights[column, k]
            assert abs(found[row, column] / step - (code - 2048)) <= 1e-3 * max(1, abs(code - 2048))


def test_flash_counts_its_thresholds(getkey) -> None:
    n, bits, sigma = 20_000, 4, 0.8  # in steps: bubbles are common
    adc = p.FlashAdc(bits=bits, sigma_comparator=sigma / 7)
    z = np.asarray([-5.2, -0.3, 2.1, 6.4])
    codes = _codes(adc, z, n, getkey())
    passed = stats.norm.cdf((z[:, None] - (np.arange(-7, 7) + 0.5)) / sigma)
    expected, variance = passed.sum(axis=1) - 7, (passed * (1 - passed)).sum(axis=1)
    assert np.all(np.abs(codes.mean(axis=1) - expected) < np.sqrt(variance) * tolerances.of_mean(n))
    np.testing.assert_allclose(codes.var(axis=1), variance, rtol=0.05)  # 4 deviations of a variance, kurtosis to 5


def test_ramp_is_a_trimmed_random_walk(getkey) -> None:
    n, sigma, bits = 4000, 0.05, 8
    adc = p.RampAdc(bits=bits, sigma_step=sigma)
    inl = jax.jit(jax.vmap(lambda key: adc.draw(1, key=key).inl))(jr.split(getkey(), n))
    inl = np.asarray(inl, np.float64).T
    size = 2**bits - 2
    k = np.asarray([1, 50, 127, 200])
    _check_variance(inl[k - 1], sigma**2 * k * (size - k) / size, n)
    _check_variance(inl[100] - inl[99], sigma**2 * (1 - 1 / size), n)
    np.testing.assert_allclose(inl[-1], 0.0, atol=1e-5)


def test_ramp_gain_and_offset_of_columns(getkey) -> None:
    n, bits = 4000, 12
    adc = p.RampAdc(bits=bits, sigma_step=0.0, sigma_capacitor=0.005, sigma_comparator=0.003, gain=100.0)
    z = np.asarray([0.0, 1500.0])
    codes = _codes(adc, z, n, getkey())
    mean = z / 1.01 * (1 + 0.005**2)
    sigma = np.sqrt((0.003 * 2047) ** 2 + (0.005 * mean) ** 2 + 1 / 12)
    assert np.all(np.abs(codes.mean(axis=1) - mean) < sigma * tolerances.of_mean(n))
    _check_variance(codes, sigma**2, n)


def _residues(z: float, bits: int) -> np.ndarray:
    """V_k - d_k of the ideal stages, weighted with 2^(bits-1-k)."""
    v, found = z / 2 ** (bits - 1), []
    for k in range(1, bits):
        d = float(v > 0.25) - float(v < -0.25)
        found.append((v - d) * 2 ** (bits - 1 - k))
        v = 2 * v - d
    return np.asarray(found)


@pytest.mark.parametrize("kind", [p.PipelineAdc, p.CyclicAdc])
def test_residue_converters_add_up_their_stages(kind: type, getkey) -> None:
    n, bits, sigma = 4000, 12, 0.003
    adc = kind(bits=bits, sigma_capacitor=sigma, sigma_comparator=0.0, gain=1e12)
    z = np.asarray([-1500.3, 700.2, 1200.4])
    error = _codes(adc, z, n, getkey()) - z[:, None]
    parts = np.stack([_residues(value, bits) for value in z])
    added = np.sum(parts**2, axis=1) if kind is p.PipelineAdc else np.sum(parts, axis=1) ** 2
    _check_variance(error, 2 * sigma**2 * added + 1 / 12, n)


@pytest.mark.parametrize("kind", [p.PipelineAdc, p.CyclicAdc])
def test_digital_redundancy_forgives_comparators(kind: type, getkey) -> None:
    """Offsets up to a quarter of the reference: the same codes as without."""
    wrong = kind(bits=8, sigma_capacitor=0.0, sigma_comparator=0.05, gain=1e12)
    z = np.linspace(-120, 120, 97) + 0.17
    codes = _codes(wrong, z, 50, getkey())
    np.testing.assert_allclose(codes, np.broadcast_to(np.rint(z)[:, None], codes.shape), atol=1e-3)


@pytest.mark.parametrize("kind", [p.PipelineAdc, p.CyclicAdc])
def test_finite_gain_loses_the_same_fraction_in_every_stage(kind: type, getkey) -> None:
    """beta is 1/2: each residue is short by 2/A, to first order; A large enough for that."""
    bits, gain = 14, 500.0
    z = np.asarray([-5500.2, 3000.4, 7100.3])
    code = _codes(kind(bits=bits, sigma_capacitor=0.0, sigma_comparator=0.0, gain=gain), z, 1, getkey())[:, 0]
    for value, found in zip(z, code, strict=True):
        v, short = value / 2 ** (bits - 1), 0.0
        for k in range(1, bits):
            d = float(v > 0.25) - float(v < -0.25)
            v = 2 * v - d
            short += -2 / gain * v * 2 ** (bits - 1 - k)
        assert abs(short) > 0.9
        assert abs(found - value - short) < 0.6 + 0.02 * abs(short)


def test_dac_levels_are_those_of_unit_elements(getkey) -> None:
    n, bits, sigma = 4000, 7, 0.01
    levels = np.asarray(p.LevelDac(bits=bits, sigma=sigma).draw(n, key=getkey()), np.float64)
    largest = 63
    k = np.asarray([1, 20, 31, 50])
    inl = levels[:, largest + k].T * largest - k[:, None]
    _check_variance(inl, sigma**2 * k * (largest - k) / largest, n)
    _check_variance((levels[:, largest + 21] - levels[:, largest + 20]) * largest, sigma**2 * (1 - 1 / largest), n)
    np.testing.assert_array_equal(levels, -levels[:, ::-1])


def test_mismatch_is_of_the_chip_and_shared_by_columns_of_a_converter(getkey) -> None:
    adc = p.SharedAdc(p.SarAdc(bits=8, sigma_capacitor=0.05, sigma_comparator=0.05), cols_per_adc=4)
    made = _made(adc, 10, getkey())
    assert made.adc.mismatch.weights.shape == (3, 8)
    i = jnp.full(10, 11.3e-6)
    first, again = (np.asarray(made(i, key=getkey())) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(set(first[:4])) == len(set(first[4:8])) == len(set(first[8:])) == 1
    assert len(set(first)) == 3
    alone = p.install(p.SarAdc(bits=8), made.adc.mismatch)
    np.testing.assert_allclose(first[::4], np.asarray(alone(i[:3], key=getkey())), rtol=tolerances.PRIMITIVE)
    assert p.fabricate(p.NoisyAdc(p.ShotNoise(), p.UniformAdc()), 10, key=getkey()) is None
    assert p.fabricate(made, 10, key=getkey()) is None  # it has its parts


def test_sign_magnitude_reads_a_wrong_polarity_as_zero() -> None:
    mismatch = p.SignMagnitudeAdc().draw(3, key=jr.key(0))
    mismatch = type(mismatch)(offset=jnp.asarray([3e-6, 3e-6, 0.0]), gain=jnp.asarray([0.0, 0.1, 0.1]))
    adc = p.SignMagnitudeAdc(bits=8.0, i_max=127e-6, mismatch=mismatch)
    read = lambda i: np.asarray(adc(1e-6 * jnp.asarray(i), key=jr.key(0))) / 1e-6
    np.testing.assert_allclose(read([-2.0, -10.0, -10.0]), [0, -11, -11], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(read([2.0, 10.0, 10.0]), [2, 10, 10], rtol=tolerances.PRIMITIVE)
