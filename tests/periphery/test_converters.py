"""Converters: the contract, the closed form of a quantiser, and its documented surrogate gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
import tolerances
from contract import Entry, check_contract

from aimcjax import periphery


V = jnp.linspace(-1.3, 1.3, 41)
DACS = {"ideal": (periphery.IdealDac(), True), "uniform": (periphery.UniformDac(), False)}
ADCS = {
    "ideal": (periphery.IdealAdc(), 1e-6),
    "uniform": (periphery.UniformAdc(), 1e-6),
    "uniform, 3 bits": (periphery.UniformAdc(bits=3.0, i_max=20e-6), 1e-6),
}


@pytest.mark.parametrize("name", DACS)
def test_dac_contract(name: str, getkey) -> None:
    dac, smooth = DACS[name]
    check_contract(Entry(dac, lambda dac, x, key: dac(x) / 0.2, V, smooth), getkey())


@pytest.mark.parametrize("name", ADCS)
def test_adc_contract(name: str, getkey) -> None:
    adc, scale = ADCS[name]
    check_contract(Entry(adc, lambda adc, i, key: adc(i * scale, key=key) / scale, 40 * V, name == "ideal"), getkey())


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 10])
def test_quantiser_levels_and_half_lsb(bits: int) -> None:
    with jax.enable_x64(True):
        z = jnp.linspace(-1.0, 1.0, 20002)  # an even count: no point lies on a tie
        q = np.asarray(periphery.quantize(z, jnp.asarray(1.0), jnp.asarray(float(bits))))
    step = 2 / (2**bits - 2)
    assert len(np.unique(np.rint(q / step))) == 2**bits - 1
    np.testing.assert_allclose(np.max(np.abs(q - np.asarray(z))), step / 2, rtol=1e-3)
    np.testing.assert_allclose(q, reference.quantize(np.asarray(z), 1.0, bits), atol=tolerances.FLOAT64)
    np.testing.assert_allclose(q, -q[::-1], atol=tolerances.FLOAT64)


def test_quantiser_saturates() -> None:
    q = periphery.quantize(jnp.asarray([-7.0, 7.0]), jnp.asarray(2.0), jnp.asarray(8.0))
    np.testing.assert_array_equal(np.asarray(q), [-2.0, 2.0])


def test_surrogate_gradients_are_as_documented() -> None:
    bound, bits, step = jnp.asarray(1.0), jnp.asarray(4.0), 1 / 7
    z = jnp.asarray([-1.7, -0.31, 0.05, 0.62, 1.2])
    by_z = jax.vmap(jax.grad(lambda z: periphery.quantize(z, bound, bits)))(z)
    np.testing.assert_array_equal(np.asarray(by_z), [0, 1, 1, 1, 0])
    by_bound = jax.vmap(lambda z: jax.grad(lambda b: periphery.quantize(z, b, bits))(bound))(z)
    inside = np.rint(np.asarray(z) / step) * step - np.asarray(z)  # LSQ: round(z / step) step / b - z / b
    np.testing.assert_allclose(np.asarray(by_bound), [-1, *inside[1:4], 1], atol=tolerances.PRIMITIVE)


def test_bits_are_an_axis() -> None:
    bits = jnp.arange(2.0, 9.0)
    z = jnp.linspace(-1.0, 1.0, 101)
    errors = jax.vmap(lambda b: jnp.max(jnp.abs(periphery.quantize(z, jnp.asarray(1.0), b) - z)))(bits)
    assert np.all(np.diff(np.asarray(errors)) < 0)


def test_adc_noise_is_referred_to_the_input(getkey) -> None:
    adc = periphery.UniformAdc(i_max=50e-6, noise=0.2e-6, bits=20.0)
    read = np.asarray(adc(jnp.full(100_000, 3e-6), key=getkey()), np.float64)
    assert abs(read.mean() - 3e-6) < 0.2e-6 * tolerances.of_mean(100_000)
    assert abs(read.std() / 0.2e-6 - 1) < tolerances.of_std(100_000)
