"""Costs of conversions: published spot values, and a differentiable fit that behaves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances

from aimcjax import periphery as p
from aimcjax.units import GHz, Hz, MHz, aJ, nm, ns, pJ, um2


# Energy [pJ] and area [um2] of the published model, at 1 MS/s, 100 MS/s, 1 GS/s, 10 GS/s, as printed (5 digits)
RATES = (1e6, 1e8, 1e9, 1e10)
TABLE = {
    (32, 4): [(0.92375, 1424.5), (0.92375, 3274.1), (0.92375, 4963.8), (0.92375, 7525.4)],
    (32, 6): [(1.0651, 1486.5), (1.0651, 3416.6), (1.0651, 5179.8), (1.0651, 7852.8)],
    (32, 8): [(1.7137, 1713.7), (1.7137, 3938.9), (1.7137, 5971.6), (7.5121, 14086)],
    (32, 10): [(3.3097, 2086.7), (3.3097, 4796.0), (13.945, 11180), (63.931, 26728)],
    (22, 8): [(0.84724, 956.8), (0.84724, 2199.0), (0.84724, 3333.9), (3.7139, 7864.1)],
    (7, 8): [(0.098405, 161.1), (0.098405, 370.3), (0.098405, 561.4), (0.43136, 1324.3)],
}
EIGHT_BITS = p.UniformAdc(bits=8.0)


def _energy(bits: jax.Array, rate: jax.Array, node: jax.Array, *, smooth: bool) -> jax.Array:
    model = p.AndrulisCost(rate=rate, node=node, smooth=smooth)
    return p.conversion_cost(model, p.UniformAdc(bits=bits)).energy


def test_andrulis_spot_values() -> None:
    for (node, bits), rows in TABLE.items():
        for rate, (energy, area) in zip(RATES, rows, strict=True):
            model = p.AndrulisCost(rate=rate, node=node * nm, smooth=False)
            found = p.conversion_cost(model, p.UniformAdc(bits=float(bits)))
            np.testing.assert_allclose(found.energy / pJ, energy, rtol=6e-5)
            np.testing.assert_allclose(found.area / um2, area, rtol=3e-4)  # four digits where it is small
            np.testing.assert_allclose(found.latency, 1 / rate, rtol=tolerances.PRIMITIVE)


def test_smooth_andrulis_is_exact_away_from_its_corner() -> None:
    for bits, rate in [
        (6.0, 1 * MHz),
        (8.0, 10 * MHz),
        (8.0, 1 * GHz),
        (8.0, 10 * GHz),
        (10.0, 5 * GHz),
        (12.0, 1 * GHz),
    ]:
        exact, smooth = (_energy(bits, rate, 32 * nm, smooth=mode) for mode in (False, True))
        np.testing.assert_allclose(smooth, exact, rtol=4e-3)  # 1 GS/s is 0.2 dB from the corner


def test_smooth_andrulis_gradients_are_finite_differences() -> None:
    """By the logarithms of all three arguments, on both sides of the corner, at it, and below 4.4 bits."""
    with jax.enable_x64(True):
        log_energy = lambda z: jnp.log(_energy(z[0], jnp.exp(z[1]), jnp.exp(z[2]), smooth=True))
        for bits in (2.0, 4.0, 4.388, 6.0, 8.0, 8.5, 12.0):
            for rate in (1e6, 1.07e9, 9e9):
                z = jnp.asarray([bits, np.log(rate), np.log(32 * nm)])
                gradient = np.asarray(jax.grad(log_energy)(z))
                for k in range(3):
                    h = 1e-5 * jnp.eye(3)[k]
                    difference = (log_energy(z + h) - log_energy(z - h)) / 2e-5
                    np.testing.assert_allclose(gradient[k], difference, rtol=1e-6, atol=1e-8)
                assert np.all(np.isfinite(gradient))
                assert gradient[0] > 0  # the fit itself falls below 4.4 bits
                np.testing.assert_allclose(gradient[2], 1.8800369206815004, rtol=tolerances.FLOAT64)
        slope = jax.grad(log_energy)(jnp.asarray([8.0, np.log(2e9), np.log(32 * nm)]))[0]
        assert abs(float(slope) - 1.03) < 0.05  # of the published fit at 8 bits, 2 GS/s


def test_component_table_figures_of_merit_and_ramp() -> None:
    isaac = p.conversion_cost(p.IsaacCost(), EIGHT_BITS)
    np.testing.assert_allclose([isaac.energy / pJ, isaac.area / um2], [1.667, 1200], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(isaac.latency, 1 / 1.2e9, rtol=tolerances.PRIMITIVE)
    one_bit = p.conversion_cost(p.IsaacCost(), p.UniformDac(bits=1.0))
    np.testing.assert_allclose([one_bit.energy / pJ, one_bit.area / um2], [0.41667, 0.166], rtol=tolerances.PRIMITIVE)
    walden = p.conversion_cost(p.WaldenCost(merit=10e-15), p.EnobAdc(bits=8.0, enob=7.0))
    np.testing.assert_allclose(walden.energy, 1280e-15, rtol=tolerances.PRIMITIVE)
    # 50 dB of SNDR at a merit of 170 dB: 120 dB below a joule, halved
    schreier = p.conversion_cost(p.SchreierCost(merit=170.0), p.UniformAdc(bits=(50 - 1.76091) / 6.0206))
    np.testing.assert_allclose(schreier.energy, 0.5 * pJ, rtol=tolerances.COMPOSITE)
    ramp = p.conversion_cost(p.ClockedCost(t_sample=100 * ns, clock=1 * GHz), p.RampAdc(bits=8))
    np.testing.assert_allclose(ramp.latency, 354 * ns, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(ramp.energy / pJ, 1.45 + 254 * 0.3, rtol=tolerances.PRIMITIVE)
    sar = p.conversion_cost(p.ClockedCost(t_sample=0.0, clock=1 * GHz), p.SarAdc(bits=8))
    np.testing.assert_allclose(sar.latency, 9 * ns, rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize(
    "model",
    [p.AndrulisCost(), p.IsaacCost(), p.WaldenCost(), p.SchreierCost(), p.ClockedCost()],
    ids=lambda model: type(model).__name__,
)
def test_sharing_costs_time_and_wrappers_nothing(model) -> None:
    plain, shared, noisy = (
        p.conversion_cost(model, adc)
        for adc in (
            p.SarAdc(bits=8),
            p.SharedAdc(p.SarAdc(bits=8), cols_per_adc=8),
            p.NoisyAdc(p.ShotNoise(), p.SarAdc(bits=8)),
        )
    )
    np.testing.assert_allclose(shared.latency, 8 * plain.latency, rtol=tolerances.PRIMITIVE)
    assert (float(shared.energy), float(shared.area)) == (float(plain.energy), float(plain.area))
    assert (float(noisy.energy), float(noisy.latency)) == (float(plain.energy), float(plain.latency))
    for junk in (None, 8):
        with pytest.raises(ValueError, match=f"a conversion is that of an ADC or a DAC, got {junk}"):
            p.conversion_cost(model, junk)
    with pytest.raises(ValueError, match="IdealAdc is ideal and has no cost"):
        p.conversion_cost(model, p.IdealAdc())


def test_what_is_no_cost_model_is_refused() -> None:
    with pytest.raises(ValueError, match="float is no cost model; use one such as"):
        p.conversion_cost(1 * aJ * Hz, EIGHT_BITS)


def test_what_takes_its_time_pays_a_driver_of_few_bits() -> None:
    """Eight bits, one at a time: a 1-bit driver used seven times; two at a time, a 2-bit one four times; one pulse."""
    one = (0.41667 * pJ, 0.166 * um2)
    for dac, energy, area in [
        (p.BitSerialDac(bits=8, slice_bits=1), 7, 1),
        (p.BitSerialDac(bits=8, slice_bits=2), 4 * 2, 2),
        (p.CompressiveDac(p.BitSerialDac(bits=8, slice_bits=2)), 4 * 2, 2),
        (p.PulseWidthDac(bits=8.0), 1, 1),
        (p.UniformDac(bits=8.0), 2**7, 2**7),
    ]:
        found = p.conversion_cost(p.IsaacCost(), dac)
        np.testing.assert_allclose([found.energy, found.area], [energy * one[0], area * one[1]], rtol=1e-5)
    serial, analog = (p.BitSerialDac(bits=8, slice_bits=2, adc_per_slice=digital) for digital in (True, False))
    assert (p.reads(serial), p.conversions(serial)) == (4, 4)
    assert (p.reads(analog), p.conversions(p.CompressiveDac(analog))) == (4, 1)
    assert (p.reads(p.UniformDac()), p.conversions(p.UniformDac())) == (1, 1)


@pytest.mark.parametrize("model", [p.AndrulisCost(), p.WaldenCost(), p.SchreierCost()])
def test_fits_to_adcs_have_no_price_for_a_dac(model) -> None:
    with pytest.raises(ValueError, match="is a fit to ADCs and has no price for UniformDac"):
        p.conversion_cost(model, p.UniformDac())


def test_drivers_double_with_the_bits_they_set_at_once() -> None:
    """Eight bits at once are the 0.41667 pJ of the library; two at a time, four times a 64th of it."""
    whole, serial = (
        p.conversion_cost(p.DriverCost(), dac) for dac in (p.UniformDac(bits=8.0), p.BitSerialDac(bits=8, slice_bits=2))
    )
    np.testing.assert_allclose(whole.energy / pJ, 0.41667, rtol=1e-5)
    np.testing.assert_allclose(serial.energy, whole.energy / 16, rtol=1e-5)
    np.testing.assert_allclose(serial.area, whole.area / 64, rtol=1e-5)
    with pytest.raises(ValueError, match="DriverCost prices drivers of rows and not UniformAdc"):
        p.conversion_cost(p.DriverCost(), p.UniformAdc())
