"""Bit-serial inputs and fabricated converters in a tile."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import devices, periphery as p, tiles


W = 0.5 * jr.normal(jr.key(1), (12, 5))
X = jnp.linspace(-1.1, 1.0, 12)
BITS = 7
CODE = np.rint(np.clip(np.asarray(X, np.float64), -1, 1) * 63)


def _read(dac, adc):
    tile = tiles.TileDesign(device=devices.IdealDevice(), dac=dac, adc=adc, rows=12, cols=5)
    run = jax.jit(lambda: tile.trace(tile.program(W, key=jr.key(2)), X, t=0.0, key=jr.key(3)))
    return run()


@pytest.mark.parametrize("slice_bits", [1, 2, 3, 4, 6])
def test_slices_are_digits(slice_bits: int) -> None:
    v, weights = p.BitSerialDac(bits=BITS, slice_bits=slice_bits, v_max=1.0).slices(X)
    digits = np.asarray(v) * (2**slice_bits - 1)
    np.testing.assert_allclose(digits, np.rint(digits), atol=1e-5)
    assert np.max(np.abs(np.rint(digits))) <= 2**slice_bits - 1
    shifted = sum(np.rint(row) * 2.0 ** (slice_bits * k) for k, row in enumerate(digits))
    np.testing.assert_array_equal(shifted, CODE)
    np.testing.assert_allclose(np.asarray(weights @ v), CODE / 63, atol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("adc_per_slice", [True, False])
@pytest.mark.parametrize("slice_bits", [1, 4])
def test_bit_serial_read_is_the_read_in_one(slice_bits: int, adc_per_slice: bool) -> None:
    serial = p.BitSerialDac(bits=BITS, slice_bits=slice_bits, adc_per_slice=adc_per_slice)
    found, at_once = _read(serial, p.IdealAdc()), _read(p.UniformDac(bits=float(BITS)), p.IdealAdc())
    for name in ("v", "i", "code", "y"):
        a, b = np.asarray(getattr(found, name)), np.asarray(getattr(at_once, name))
        np.testing.assert_allclose(a, b, atol=tolerances.COMPOSITE * np.max(np.abs(b)))
    by_x = lambda dac: jax.grad(
        lambda x: jnp.sum(p.read_array(dac, p.IdealAdc(), lambda v: (v @ W, None), x, key=jr.key(0))[2])
    )
    expected = np.asarray(by_x(p.UniformDac(bits=float(BITS)))(X))
    np.testing.assert_allclose(np.asarray(by_x(serial)(X)), expected, atol=tolerances.COMPOSITE)


def test_every_slice_is_converted_with_its_own_range() -> None:
    """Against NumPy: quantise the current of every slice, then shift and add."""
    relative, i_max = np.asarray([0.3, 0.5, 0.8]), 2e-5
    dac = p.BitSerialDac(bits=BITS, slice_bits=2, adc_range=jnp.asarray(relative, jnp.float32))
    adc = p.UniformAdc(bits=5.0, i_max=i_max, noise=0.0)
    g = np.asarray(W, np.float64) * 1e-5
    currents = lambda v: (v @ jnp.asarray(g, v.dtype), None)
    code = np.asarray(p.read_array(dac, adc, currents, X, key=jr.key(0))[2])
    expected = 0.0
    for k, bound in enumerate(relative * i_max):
        digit = np.sign(CODE) * (np.abs(CODE) // 4**k % 4)
        i = 0.2 * digit / 3 @ g
        expected = expected + 4**k * 3 / 63 * np.clip(np.rint(i / bound * 15) * bound / 15, -bound, bound)
    np.testing.assert_allclose(code, expected, atol=tolerances.COMPOSITE * np.max(np.abs(expected)))


@pytest.mark.parametrize("adc_per_slice", [True, False])
def test_drivers_compress_every_slice(adc_per_slice: bool) -> None:
    """Against NumPy; of one bit a slice, all at full range, nothing is compressed."""
    g = np.asarray(W, np.float64) * 1e-5
    for slice_bits, n in [(1, 0.3), (3, 0.3), (3, 0.0)]:
        serial = p.BitSerialDac(bits=BITS, slice_bits=slice_bits, adc_per_slice=adc_per_slice, v_max=1.0)
        dac, largest, v = p.CompressiveDac(serial, nonlinearity=n), 2**slice_bits - 1, 0.0
        for k in range(6 // slice_bits):
            digit = np.sign(CODE) * (np.abs(CODE) // 2 ** (slice_bits * k) % 2**slice_bits) / largest
            v = v + 2 ** (slice_bits * k) * largest / 63 * (1 + n) * digit / (1 + n * np.abs(digit))
        if slice_bits == 1:
            np.testing.assert_allclose(v, CODE / 63, rtol=tolerances.FLOAT64)
        found = p.read_array(dac, p.IdealAdc(), lambda v: (v @ jnp.asarray(g, v.dtype), None), X, key=jr.key(0))
        for ours, theirs in zip((dac(X), *found), (v, v, v @ g, v @ g), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=tolerances.PRIMITIVE * np.max(np.abs(theirs)))


def test_noise_of_slices_adds_with_their_weights(getkey) -> None:
    """Converter noise of three slices: variance times the sum of squared weights; of one conversion: once. Noise of the
    array is drawn in every slice, whatever converts it."""
    n = 4000
    noisy = p.NoisyAdc(p.OutputNoise(std=1e-6), p.IdealAdc())
    silent, rough = lambda v: (0.0 * v, None), lambda v: (0.0 * v, jnp.full_like(v, 1e-12))
    cases = [(adc, array, each) for adc, array in ((noisy, silent), (p.IdealAdc(), rough)) for each in (True, False)]
    for adc, array, adc_per_slice in cases:
        dac = p.BitSerialDac(bits=BITS, slice_bits=2, adc_per_slice=adc_per_slice)
        weights = np.asarray(dac.slices(X)[1], np.float64)
        read = lambda key, dac=dac, adc=adc, array=array: p.read_array(dac, adc, array, X, key=key)[2][0]
        found = np.var(np.asarray(jax.jit(jax.vmap(read))(jr.split(getkey(), n)), np.float64), ddof=1)
        expected = 1e-12 * (np.sum(weights**2) if adc_per_slice or array is rough else 1.0)
        low, high = tolerances.chi_square(n - 1)
        assert low < found * (n - 1) / expected < high


def test_a_tile_fabricates_its_converters_once_a_chip() -> None:
    adc = p.SharedAdc(p.SarAdc(bits=9, sigma_comparator=0.05), cols_per_adc=2)
    tile = tiles.TileDesign(device=devices.IdealDevice(), dac=p.LevelDac(bits=5, sigma=0.3), adc=adc, rows=12, cols=5)
    states = jax.jit(jax.vmap(lambda key: tile.program(W, key=key)))(jr.split(jr.key(0), 3))
    assert states.adc.weights.shape == (3, 3, 9)
    assert states.dac.shape == (3, 12, 31)
    read = jax.jit(jax.vmap(lambda s, key: tile.mvm(s, X, t=0.0, key=key), in_axes=(0, None)))
    ys = [np.asarray(read(states, jr.key(k))) for k in (1, 2)]
    np.testing.assert_array_equal(ys[0], ys[1])  # no noise: the same in every read
    assert len(np.unique(ys[0][:, 0])) == 3  # and different on every chip
    state = jax.tree.map(lambda leaf: leaf[1], states)
    made = p.install(adc, state.adc)
    trace = tile.trace(state, X, t=0.0, key=jr.key(1))
    np.testing.assert_allclose(trace.code, made(trace.i, key=jr.key(5)), rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(trace.v, p.install(tile.dac, state.dac)(X), rtol=tolerances.PRIMITIVE)
