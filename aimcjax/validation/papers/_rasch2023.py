r"""The standard crossbar of Rasch et al. 2023: its error in a product, as it ages and source by source.

The error is $\langle\|y - \hat y\|\rangle / \langle\|y\|\rangle$ for normal weights of 512x512 (deviation 0.246) and
inputs uniform in [-1, 1], over four chips.
"""

import dataclasses
import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ...devices import Pcm
from ...mapping import program_matrix
from ...periphery import IdealAdc, IdealDac, NoisyAdc, OutputNoise, UniformAdc, UniformDac
from ...tiles import CubicIrDrop, IdealCrossbar, TileDesign, preset
from ...units import day, hour, year
from .._check import Absolute, Check, Origin, Paper, Range, Relative


PAPER = Paper(
    "rasch2023", "Rasch et al., Nat. Commun. 14:5282 (2023); numbers of its simulator, AIHWKit 1.2.0",
    "https://doi.org/10.1038/s41467-023-40770-4",
)  # fmt: skip
_SIZE, _INPUTS, _CHIPS, _STD = 512, 300, 4, 0.246


@functools.partial(jax.jit, static_argnames="uniform")
def _error(tile: TileDesign, key: jax.Array, t: jax.Array, uniform: bool = False) -> jax.Array:
    key_w, key_x, key_program, key_read = jr.split(key, 4)
    shape = (_SIZE, _SIZE)
    w = jr.uniform(key_w, shape, minval=-1.0) if uniform else _STD * jr.normal(key_w, shape)
    xs = jr.uniform(key_x, (_INPUTS, _SIZE), minval=-1.0)
    matrix = program_matrix(tile, w, key=key_program).at(t)
    y = jax.vmap(lambda x, key: matrix(x, key=key))(xs, jr.split(key_read, _INPUTS))
    norm = lambda z: jnp.mean(jnp.linalg.norm(z, axis=1))
    return norm(y - xs @ w) / norm(xs @ w)


def _over_chips(tile: TileDesign, t: float = 0.0, uniform: bool = False) -> float:
    return float(np.mean([_error(tile, jr.key(chip), jnp.asarray(t), uniform) for chip in range(_CHIPS)]))


@functools.cache
def _aged(t: float) -> float:
    return _over_chips(preset("standard_pcm"), t)


@functools.cache
def _with(*, programming: bool = False, reads: bool = False, converters: bool = False, output: bool = False) -> float:
    """The standard tile without IR drop and noise that accumulates, with nothing else but what is named."""
    tile, pcm = preset("standard_pcm"), Pcm()
    device = Pcm(
        programming=pcm.programming if programming else 0.0, read_noise=pcm.read_noise if reads else 0.0,
        accumulated=0.0,
    )  # fmt: skip
    assert isinstance(tile.adc, UniformAdc)
    std = tile.adc.noise if output else 0 * tile.adc.noise
    adc = dataclasses.replace(tile.adc, noise=std) if converters else NoisyAdc(noise=OutputNoise(std), adc=IdealAdc())
    dac = tile.dac if converters else IdealDac(v_max=tile.dac.v_max)
    parts = (device, IdealCrossbar(), dac, adc)
    return _over_chips(eqx.tree_at(lambda t: (t.device, t.crossbar, t.dac, t.adc), tile, parts))


def _output_noise() -> float:
    # Weights beyond one saturate: E[max(|w| - 1, 0)^2] / E[w^2] of normal weights comes on top.
    a = 1 / _STD
    tail, density = math.erfc(a / 2**0.5) / 2, math.exp(-(a**2) / 2) / (2 * math.pi) ** 0.5
    return math.hypot(0.04 / (_STD * (_SIZE / 3) ** 0.5), (2 * ((1 + a**2) * tail - a * density)) ** 0.5)


def _steps() -> list[float]:
    tile, fine = preset("standard_pcm"), jnp.linspace(-1.2, 1.2, 20_001)
    assert isinstance(tile.dac, UniformDac)
    assert isinstance(tile.adc, UniformAdc)
    quiet = dataclasses.replace(tile.adc, noise=0 * tile.adc.noise)
    levels = (tile.dac(fine), quiet(fine * quiet.i_max, key=jr.key(0)))
    return [float(len(np.unique(np.asarray(level))) - 1) for level in levels]


def _wires() -> float:
    crossbar = preset("standard_pcm").crossbar
    assert isinstance(crossbar, CubicIrDrop)
    return 1 / float(crossbar.r_wire * Pcm().g_max)


_PEER = "its chips differ by 0.001; four chips of either simulator and what floats and draws differ in"
_FROM = (
    "no number is at hand: the square of the error is that at programming plus one that grows as the logarithm of "
    "the age, set by the error at one hour"
)

CHECKS = (
    *(Check(PAPER, f"error_{name}", f"error of a product {when}", functools.partial(_aged, t), value, Absolute(0.005),
            _PEER, Origin.PEER, seconds=seconds)
      for name, when, t, value, seconds in (("programmed", "at programming", 0.0, 0.1389, 6.0),
                                            ("1_s", "after 1 s", 1.0, 0.1388, 1.5),
                                            ("1_h", "after 1 h", hour, 0.1562, 1.5))),
    Check(PAPER, "error_about", "error of a product after 1 h, about 15 %", functools.partial(_aged, hour), 0.15,
          Absolute(0.01), "a rounded number: one in its last digit", Origin.PRINTED,
          to_be_verified="the value, the definition of the error and the deviation 0.246 of the weights", seconds=1.5),
    Check(PAPER, "error_1_day", "error of a product after 1 day", functools.partial(_aged, day), (),
          Range(0.165, 0.20), _FROM, Origin.STATED, seconds=1.5),
    Check(PAPER, "error_1_year", "error of a product after 1 year", functools.partial(_aged, year), (),
          Range(0.20, 0.28), _FROM, Origin.STATED, seconds=1.5),
    Check(PAPER, "error_uniform", "error of a product with weights uniform in [-1, 1], which saturate the ADC",
          lambda: _over_chips(preset("standard_pcm"), uniform=True), 0.27, Absolute(0.01), "two digits given",
          Origin.PEER, seconds=4.0),
    Check(PAPER, "only_output_noise", "error with output noise alone", lambda: _with(output=True), 0.0125,
          Absolute(0.0005), "half of the last digit and half of the difference of its chips", Origin.PEER, seconds=3.0),
    Check(PAPER, "only_read_noise", "error with short-term read noise alone", lambda: _with(reads=True), 0.0316,
          Absolute(0.001), "its chips differ by as much", Origin.PEER, seconds=3.0),
    Check(PAPER, "only_output_noise_law", "the same by its law, 0.04 / (0.246 sqrt(512 / 3)), with weights above one",
          lambda: _with(output=True), _output_noise(), Relative(0.01),
          "each chip has a dozen weights above one, of four chips", Origin.FORMULA,
          to_be_verified="the deviation 0.246 of the weights", seconds=1.5),
    Check(PAPER, "only_io", "error with converters, output and read noise",
          lambda: _with(converters=True, output=True, reads=True), 0.0379, Absolute(0.001),
          "its chips differ by as much", Origin.PEER, seconds=3.0),
    Check(PAPER, "only_programming", "error with programming noise alone", lambda: _with(programming=True), 0.1038,
          Absolute(0.002), "its chips differ by 0.001, so do ours", Origin.PEER, seconds=3.0),
    Check(PAPER, "programming_and_io", "error with programming noise, converters, output and read noise",
          lambda: _with(programming=True, converters=True, output=True, reads=True), 0.1104, Absolute(0.002),
          "its chips differ by 0.001, so do ours", Origin.PEER, seconds=3.0),
    Check(PAPER, "steps", "steps of DAC and ADC of 8 bits", _steps, (254.0, 254.0), Absolute(0.0), "whole numbers",
          Origin.FORMULA),
    Check(PAPER, "wires", "resistance of a full cell over that of a segment of wire, 1 / (0.35 Ohm x 5 uS)", _wires,
          571428.57, Relative(1e-6), "single precision", Origin.FORMULA),
)  # fmt: skip
