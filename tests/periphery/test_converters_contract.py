"""Every converter under the contract, at its ideal limit, and its surrogate gradient."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import reference
import tolerances
from contract import Entry, check_contract

from aimcjax import periphery as p


I = 1e-6 * jnp.linspace(-61.0, 61.0, 13)
X = jnp.linspace(-1.3, 1.3, 13)
SPREAD = {"sigma_capacitor": 0.05, "sigma_comparator": 0.02}
ADCS = {
    "sar": p.SarAdc(bits=3, **SPREAD),
    "flash": p.FlashAdc(bits=4, sigma_comparator=0.05),
    "ramp": p.RampAdc(bits=4, sigma_step=0.3, **SPREAD),
    "pipeline": p.PipelineAdc(bits=3, sigma_parasitic=0.1, gain=100.0, **SPREAD),
    "cyclic": p.CyclicAdc(bits=3, sigma_parasitic=0.1, gain=100.0, **SPREAD),
    "sign magnitude": p.SignMagnitudeAdc(sigma_comparator=0.02, sigma_polarity=0.05),
    "stochastic": p.StochasticAdc(bits=4.0),
    "enob": p.EnobAdc(enob=6.0),
    "binary": p.BinarySense(sigma_comparator=1e-6),
    "ternary": p.TernarySense(sigma_comparator=1e-6),
    "shared": p.SharedAdc(p.SarAdc(bits=2, **SPREAD), cols_per_adc=5),
    "thermal": p.NoisyAdc(p.ThermalNoise(), p.IdealAdc()),
    "shot": p.NoisyAdc(p.ShotNoise(), p.UniformAdc()),
    "flicker": p.NoisyAdc(p.FlickerNoise(), p.UniformAdc()),
    "output noise": p.NoisyAdc(p.OutputNoise(), p.UniformAdc()),
    "s-shaped": p.SShapedAdc(p.UniformAdc(), spread=0.1, slope_calibration=0.5),
    "voltage offset": p.VoltageOffsetAdc(p.FlashAdc(bits=3), compression=1e3),
    "asymmetric": p.AsymmetricAdc(p.IdealAdc()),
}
DACS = {
    "sign magnitude": p.SignMagnitudeDac(asymmetry=0.1),
    "level": p.LevelDac(bits=5, sigma=0.2),
    "pulse width": p.PulseWidthDac(t_edge=2e-9),
    "bit serial": p.BitSerialDac(bits=6, slice_bits=2),
    "compressive": p.CompressiveDac(p.LevelDac(bits=5)),
}
IDEAL = {
    "sar": p.SarAdc(bits=6),
    "flash": p.FlashAdc(bits=6),
    "ramp": p.RampAdc(bits=6, gain=1e12),
    "pipeline": p.PipelineAdc(bits=6, gain=1e12),
    "cyclic": p.CyclicAdc(bits=6, gain=1e12),
    "sign magnitude": p.SignMagnitudeAdc(bits=6.0),
    "enob": p.EnobAdc(bits=6.0, enob=20.0),
    "shared": p.SharedAdc(p.SarAdc(bits=6), cols_per_adc=7),
    "s-shaped": p.SShapedAdc(p.UniformAdc(bits=6.0, noise=0.0), nonlinearity=0.0),
    "voltage offset": p.VoltageOffsetAdc(p.UniformAdc(bits=6.0, noise=0.0)),
    "asymmetric": p.AsymmetricAdc(p.UniformAdc(bits=6.0, noise=0.0), asymmetry=0.0),
    "noisy": p.NoisyAdc(p.OutputNoise(std=0.0), p.UniformAdc(bits=6.0, noise=0.0)),
}

_made = eqx.filter_jit(lambda part, n, key: p.install(part, p.fabricate(part, n, key=key)))
_read = eqx.filter_jit(lambda adc, i, key: adc(i, key=key))


@pytest.mark.parametrize("name", ADCS)
def test_adc_contract(name: str, getkey) -> None:
    adc = ADCS[name]
    made = _made(adc, I.size, getkey())
    check_contract(Entry(made, lambda adc, x, key: adc(x * 1e-6, key=key) / 1e-6, I / 1e-6), getkey())


@pytest.mark.parametrize("name", DACS)
def test_dac_contract(name: str, getkey) -> None:
    dac = DACS[name]
    made = _made(dac, X.size, getkey())
    check_contract(Entry(made, lambda dac, x, key: dac(x) / 0.2, X), getkey())


@pytest.mark.parametrize("name", [*IDEAL, "level dac", "sign magnitude dac", "pulse width dac", "bit serial dac"])
def test_ideal_limit_is_the_uniform_converter(name: str) -> None:
    """In double precision, on 4000 currents none of which lies on a tie, 6 bits: half a step, and the uniform code."""
    dacs = {
        "level dac": p.LevelDac(bits=6, v_max=50e-6),
        "sign magnitude dac": p.SignMagnitudeDac(bits=6.0, v_max=50e-6),
        "pulse width dac": p.PulseWidthDac(bits=6.0, v_max=50e-6),
        "bit serial dac": p.BitSerialDac(bits=6, slice_bits=2, v_max=50e-6),
    }
    with jax.enable_x64(True):
        as_double = lambda tree: jax.tree.map(lambda leaf: leaf.astype(jnp.float64), tree)
        i = jnp.linspace(-1.2, 1.2, 4000) * 50e-6
        convert = (lambda i: as_double(IDEAL[name])(i, key=jr.key(0))) if name in IDEAL else as_double(dacs[name])
        q = convert(i if name in IDEAL else i / 50e-6)
    i, q, step = np.asarray(i), np.asarray(q), 50e-6 / 31
    inside = np.abs(i) < 50e-6
    assert np.max(np.abs(q - i)[inside]) <= step / 2 * (1 + 1e-6)
    # the leaves are single precision numbers, so full scale is exact to 6e-8 only
    np.testing.assert_allclose(q, reference.quantize(i, 50e-6, 6), atol=1e-7 * 50e-6)


@pytest.mark.parametrize("name", ["sar", "flash", "ramp", "pipeline", "cyclic", "sign magnitude"])
def test_gradient_is_that_of_the_uniform_converter(name: str, getkey) -> None:
    adc = ADCS[name] if name != "sign magnitude" else p.SignMagnitudeAdc(sigma_comparator=0.02, bits=5.0)
    made = _made(adc, 4, getkey())
    i = 1e-6 * jnp.asarray([-80.0, -20.3, 11.7, 77.0])
    by_i = jax.jit(jax.grad(lambda i: jnp.sum(made(i, key=jr.key(0)))))(i)
    np.testing.assert_allclose(np.asarray(by_i), [0, 1, 1, 0], atol=tolerances.PRIMITIVE)
    uniform = p.UniformAdc(noise=0.0, bits=float(adc.bits))
    total = lambda adc: jnp.sum(adc(i, key=jr.key(0)) * jnp.asarray([1.0, -2.0, 3.0, 0.5]))
    by_range, expected = (jax.jit(jax.grad(total))(adc).i_max for adc in (made, uniform))
    np.testing.assert_allclose(by_range, expected, rtol=tolerances.PRIMITIVE)


def test_gradients_of_decisions_are_those_of_a_clip() -> None:
    i = 1e-6 * jnp.asarray([-7.0, -2.0, 0.3, 4.0, 6.0])
    for adc in (p.BinarySense(i_out=2e-6), p.TernarySense(i_out=2e-6)):
        by_i = jax.grad(lambda i, adc=adc: jnp.sum(adc(i, key=jr.key(0))))(i)
        np.testing.assert_allclose(np.asarray(by_i), [0, 0.4, 0.4, 0.4, 0], rtol=tolerances.PRIMITIVE)


def test_decisions() -> None:
    i = 1e-6 * jnp.asarray([-2.0, -0.4, 0.2, 0.9])
    read = lambda adc: np.asarray(adc(i, key=jr.key(0))) / 1e-6
    np.testing.assert_allclose(read(p.BinarySense()), [-1, -1, 1, 1], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(read(p.BinarySense(threshold=5e-7)), [-1, -1, -1, 1], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(read(p.TernarySense()), [-1, 0, 0, 1], rtol=tolerances.PRIMITIVE)


def test_what_has_no_width_is_refused() -> None:
    for make in (p.SarAdc, p.FlashAdc, p.RampAdc, p.PipelineAdc, p.CyclicAdc, p.LevelDac, p.BitSerialDac):
        for bits in (1, 40):
            with pytest.raises(ValueError, match=f"bits is a whole number from 2 to .*, got {bits}"):
                make(bits=bits)
    with pytest.raises(ValueError, match="slice_bits is a whole number from 1 to 7, got 8"):
        p.BitSerialDac(bits=8, slice_bits=8)
    with pytest.raises(ValueError, match="one number for each of 4 slices"):
        p.BitSerialDac(bits=8, slice_bits=2, adc_range=jnp.ones(3))
    with pytest.raises(ValueError, match="31 levels, got an array of"):
        p.LevelDac(bits=5, mismatch=jnp.ones((1, 32)))
    with pytest.raises(ValueError, match="cols_per_adc is a whole number from 1, got 0"):
        p.SharedAdc(p.IdealAdc(), cols_per_adc=0)


@pytest.mark.parametrize("name", ADCS)
def test_what_is_no_current_is_no_code(name: str) -> None:
    """A solve that failed must be seen behind the converter, and in its own column alone."""
    adc, i = ADCS[name], jnp.asarray([1e-6, jnp.nan, -3e-6, 2e-5])
    for made in (adc, _made(adc, 4, jr.key(0))):
        found = np.asarray(_read(made, i, jr.key(1)))
        np.testing.assert_array_equal(np.isnan(found), [False, True, False, False])


@pytest.mark.parametrize("name", DACS)
def test_what_is_no_input_is_no_voltage(name: str) -> None:
    dac, x = DACS[name], jnp.asarray([0.5, jnp.nan, -0.2])
    for made in (dac, _made(dac, 3, jr.key(0))):
        np.testing.assert_array_equal(np.isnan(np.asarray(made(x))), [False, True, False])


JUNK = {
    "adc must be an ADC, got None": lambda: p.SharedAdc(None),
    "adc must be an ADC, got <class": lambda: p.SharedAdc(p.SarAdc),
    "adc must be an ADC, got ShotNoise": lambda: p.NoisyAdc(p.ShotNoise(), p.ShotNoise()),
    "noise must be a noise, got UniformAdc": lambda: p.NoisyAdc(p.UniformAdc(), p.ShotNoise()),
    "dac must be a DAC, got None": lambda: p.CompressiveDac(None),
    "fallback must be a range such as `AbsMaxNpSum.*, got 3.0": lambda: p.BoundManagement(fallback=3.0),
    "sigma_capacitor is a standard deviation, 0 or more, got -1": lambda: p.SarAdc(sigma_capacitor=-1.0),
    "spread is a standard deviation, 0 or more, got nan": lambda: p.SShapedAdc(p.SarAdc(), spread=float("nan")),
    "std is a standard deviation, 0 or more, got -1": lambda: p.OutputNoise(std=-1.0),
    "f_low is at most f_high": lambda: p.FlickerNoise(f_low=2.0, f_high=1.0),
    "bits is a whole number from 2 to 16, got True": lambda: p.SarAdc(bits=True),
}


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("message", JUNK)
def test_what_is_no_part_of_a_converter_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JUNK[message]()


FABRICATED = [
    n for n in ADCS if jax.eval_shape(lambda key, n=n: p.fabricate(ADCS[n], 5, key=key), jr.key(0)) is not None
]


@pytest.mark.parametrize("name", FABRICATED)
def test_converters_of_another_number_of_lines_are_refused(name: str) -> None:
    made = _made(ADCS[name], 12, jr.key(0))
    with pytest.raises(ValueError, match="fabricated converters cannot serve"):
        made(jnp.zeros(5), key=jr.key(0))


def test_wrappers_of_one_kind_draw_on_their_own() -> None:
    twice = p.SShapedAdc(p.SShapedAdc(p.IdealAdc(), spread=0.3), spread=0.3)
    outer, (inner, _) = p.fabricate(twice, 50, key=jr.key(0))
    assert abs(np.corrcoef(outer, inner)[0, 1]) < 0.5  # 3.5 standard errors


def test_numpys_whole_numbers_are_whole() -> None:
    for make in (p.SarAdc, p.BitSerialDac, p.LevelDac):
        assert make(bits=np.int64(5)) == make(bits=5)
    assert p.SharedAdc(p.IdealAdc(), cols_per_adc=np.int32(3)).cols_per_adc == 3


def test_a_band_upside_down_is_heard_of() -> None:
    variance = jax.jit(lambda f: p.FlickerNoise(f_low=f, f_high=1.0).variance(jnp.ones(2)))
    np.testing.assert_array_equal(np.isnan(variance(2.0)), True)
    np.testing.assert_array_equal(variance(1.0), 0.0)
