"""Two hundred random tiles and grids against a statement of the same physics in float64 NumPy."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import reference

from aimcjax import devices, periphery, tiles
from aimcjax.mapping import program_matrix


@dataclasses.dataclass
class Structure:
    """What is compiled once: kinds, whole bits and sizes. Everything else is drawn for each design."""

    dac: str
    adc: str
    encoding: str
    bits: int
    n_in: int
    n_out: int
    rows: int
    cols: int


STRUCTURES = [
    Structure("uniform", "uniform", "pair", 6, 7, 5, 8, 8),
    Structure("uniform", "sar", "offset", 7, 9, 4, 4, 3),
    Structure("pulse", "ramp", "unit column", 6, 6, 7, 6, 4),
    Structure("sign", "flash", "significance", 5, 8, 3, 3, 3),
    Structure("serial", "uniform", "sliced", 5, 6, 5, 4, 5),
    Structure("serial", "cyclic", "unit column", 8, 5, 5, 3, 2),
    Structure("sign", "pipeline", "replicated", 9, 10, 2, 4, 1),
    Structure("uniform", "binary", "pair", 4, 5, 6, 3, 6),
    Structure("serial analog", "ternary", "sliced", 6, 7, 4, 7, 2),
    Structure("pulse", "sign", "on line", 6, 8, 6, 5, 3),
]
DESIGNS = 20  # of each structure: 200


def _adc(kind: str, bits: int, i_max: float) -> periphery.AbstractAdc:
    exact = {"sigma_capacitor": 0.0}
    return {
        "uniform": lambda: periphery.UniformAdc(bits=float(bits), i_max=i_max, noise=0.0),
        "sign": lambda: periphery.SignMagnitudeAdc(bits=float(bits), i_max=i_max),
        "sar": lambda: periphery.SharedAdc(periphery.SarAdc(bits=bits, i_max=i_max, **exact), cols_per_adc=3),
        "flash": lambda: periphery.FlashAdc(bits=bits, i_max=i_max, sigma_comparator=0.0),
        "ramp": lambda: periphery.RampAdc(bits=bits, i_max=i_max, sigma_step=0.0, gain=1e30, **exact),
        "pipeline": lambda: periphery.PipelineAdc(bits=bits, i_max=i_max, sigma_comparator=0.0, gain=1e30, **exact),
        "cyclic": lambda: periphery.CyclicAdc(bits=bits, i_max=i_max, sigma_comparator=0.0, gain=1e30, **exact),
        "binary": lambda: periphery.BinarySense(i_out=i_max / 3, threshold=0.05 * i_max),
        "ternary": lambda: periphery.TernarySense(i_out=i_max / 3, threshold=0.2 * i_max),
    }[kind]()


def _dac(kind: str, bits: float, v_max: float) -> periphery.AbstractDac:
    return {
        "uniform": lambda: periphery.UniformDac(bits=bits, v_max=v_max),
        "sign": lambda: periphery.SignMagnitudeDac(bits=bits, v_max=v_max),
        "pulse": lambda: periphery.PulseWidthDac(bits=bits, v_max=v_max),
        "serial": lambda: periphery.BitSerialDac(bits=6, slice_bits=2, v_max=v_max),
        "serial analog": lambda: periphery.BitSerialDac(bits=6, slice_bits=2, v_max=v_max, adc_per_slice=False),
    }[kind]()


def _encoding(kind: str, full_scale: np.ndarray) -> tiles.AbstractEncoding:
    return {
        "pair": lambda: tiles.DifferentialPair(),
        "offset": lambda: tiles.Offset(),
        "unit column": lambda: tiles.OffsetUnitColumn(),
        "significance": lambda: tiles.SignificancePairs(),
        "replicated": lambda: tiles.Replicated(copies=3),
        "sliced": lambda: tiles.BitSliced(bits=7, slices=3, full_scale=jnp.asarray(full_scale)),
        "on line": lambda: tiles.BitSliced(bits=7, slices=2, on_line=True),
    }[kind]()


def _expected(
    s: Structure, w: np.ndarray, x: np.ndarray, g_min: float, v_max: float, i_max: float, bits: float, full_scale: Any
) -> reference.Code:
    """The same matrix by the equations, block by block; one range a line."""
    if s.adc in ("binary", "ternary"):
        threshold = (0.05 if s.adc == "binary" else 0.2) * i_max
        adc = lambda i: reference.sense(i, i_max / 3, threshold, ternary=s.adc == "ternary")
    else:
        adc = lambda i: reference.convert(i, i_max, s.bits)
    total = reference.Code(np.zeros(s.n_out), np.zeros(s.n_out))
    for rows, cols in reference.tiles(s.n_in, s.n_out, s.rows, s.cols):
        block, part = w[rows, cols], x[rows]
        reads = reference.serial(part, v_max, 6, 2) if "serial" in s.dac else reference.pulses(part, v_max, bits)
        if s.dac == "serial analog":
            reads = [(1.0, sum(weight * v for weight, v in reads))]
        held, ranges = _held(s.encoding, block, g_min), full_scale if s.encoding == "sliced" else (1.0,)
        found = reference.tile(block, reads, held, s.encoding, adc, v_max=v_max, ranges=ranges)
        total.value[cols] += found.value
        total.slack[cols] += found.slack
    return total


def _held(encoding: str, w: np.ndarray, g_min: float) -> list:
    if encoding == "sliced":
        return reference.lines(w, encoding, g_min, 25e-6, bits=7, slices=3)
    if encoding == "on line":  # two digits of three bits on one line, as large as the upper one
        low, high = reference.lines(w, "sliced", g_min, 25e-6, bits=7, slices=2)
        return [(low[0] / 8 + high[0], high[1])]
    return reference.lines(w, encoding, g_min, 25e-6, factor=4.0 if encoding == "significance" else 1.0)


@pytest.mark.parametrize("index", range(len(STRUCTURES)))
def test_fuzz_against_float64(index: int) -> None:
    """Two hundred random designs on grids of tiles. A decision on a tie may go either way, by one step of its code."""
    s, random = STRUCTURES[index], np.random.default_rng(index)
    drawn = []
    for _ in range(DESIGNS):
        v_max = random.uniform(0.05, 0.5)
        numbers = {"g_min": random.uniform(0, 5e-6), "v_max": v_max, "i_max": random.uniform(1, 6) * 25e-6 * v_max}
        numbers |= {"bits": float(random.integers(3, 9)), "full_scale": random.uniform(0.2, 1.5, 3)}
        drawn.append((random.normal(size=(s.n_in, s.n_out)), random.uniform(-1.2, 1.2, s.n_in), numbers))

    def design(n: dict[str, Any]) -> tiles.TileDesign:
        return tiles.TileDesign(
            device=devices.IdealDevice(g_min=n["g_min"]),
            encoding=_encoding(s.encoding, n["full_scale"]),
            dac=_dac(s.dac, n["bits"], n["v_max"]),
            adc=_adc(s.adc, s.bits, n["i_max"]),
            rows=s.rows,
            cols=s.cols,
        )

    with jax.enable_x64(True):
        designs = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[design(numbers) for _, _, numbers in drawn])
        ws, xs = (jnp.asarray(np.stack(arrays)) for arrays in list(zip(*drawn, strict=True))[:2])
        multiply = lambda design, w, x: program_matrix(design, w, key=jr.key(0))(x, t=0.0, key=jr.key(1))
        ours = np.asarray(jax.jit(jax.vmap(multiply))(designs, ws, xs))
    n_open = 0
    for y, (w, x, numbers) in zip(ours, drawn, strict=True):
        theirs = _expected(s, w, x, **numbers)
        n_open += np.count_nonzero(theirs.slack)
        assert np.all(np.abs(y - theirs.value) <= 1e-9 * np.max(np.abs(theirs.value)) + 1e-12 + theirs.slack)
    assert n_open <= 0.02 * ours.size
