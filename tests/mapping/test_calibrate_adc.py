"""Ranges of ADCs from calibration vectors: against worst-case ranges, slice by slice, and a search over ranges."""

import dataclasses

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import devices, mapping, periphery as p, tiles


ROWS, COLS, BITS = 12, 5, 5
W = 0.3 * jr.normal(jr.key(1), (ROWS, COLS))
XS = jr.uniform(jr.key(2), (40, ROWS), minval=-1.0)
WORST = float(p.worst_case_range(ROWS, 25e-6, 0.2))
KEY = jr.key(3)
SLICED = tiles.BitSliced(bits=7, slices=3)
SERIAL = p.BitSerialDac(bits=7, slice_bits=2)


def _tile(**parts) -> tiles.TileDesign:
    parts = {"adc": p.UniformAdc(bits=float(BITS), i_max=WORST, noise=0.0), "dac": p.UniformDac(bits=7.0), **parts}
    return tiles.TileDesign(device=devices.IdealDevice(), rows=ROWS, cols=COLS, **parts)


@jax.jit
def _traces(tile: tiles.TileDesign, state: tiles.TileState) -> tiles.TileTrace:
    return jax.vmap(lambda x: tile.trace(state, x, t=0.0, key=KEY))(XS)


def _error(tile: tiles.TileDesign, state: tiles.TileState) -> float:
    """Mean squared error of outputs against the same tile with an ideal ADC."""
    exact = _traces(dataclasses.replace(tile, adc=p.IdealAdc()), dataclasses.replace(state, adc=None)).y
    return float(jnp.mean((_traces(tile, state).y - exact) ** 2))


CASES = {
    "plain": _tile(),
    "offset": _tile(encoding=tiles.OffsetUnitColumn()),
    "replicated": _tile(encoding=tiles.Replicated(SLICED)),
    "sliced weights": _tile(encoding=SLICED),
    "sliced inputs": _tile(dac=SERIAL),
    "both": _tile(encoding=SLICED, dac=p.CompressiveDac(SERIAL, nonlinearity=0.1)),
    "analog shift": _tile(dac=dataclasses.replace(SERIAL, adc_per_slice=False)),
}


@pytest.mark.parametrize("name", CASES)
def test_error_is_smaller_than_with_the_worst_case(name: str) -> None:
    tile = CASES[name]
    state = tile.program(W, key=KEY)
    found = mapping.calibrate_adc(tile, state, XS, key=KEY)
    assert _error(found, state) < 0.5 * _error(tile, state)
    assert 0 < float(found.adc.i_max) < WORST


def test_every_slice_has_the_best_range() -> None:
    """Error of the codes of each slice, against 300 ranges of its own."""
    tile = CASES["sliced weights"]
    state = tile.program(W, key=KEY)
    found = mapping.calibrate_adc(tile, state, XS, key=KEY)
    exact = np.asarray(_traces(tile, state).i, np.float64)
    ours = np.asarray(_traces(found, state).code, np.float64)
    assert found.encoding.full_scale.shape == (3,)
    assert float(jnp.max(found.encoding.full_scale)) == 1.0
    for g in range(3):
        error = lambda code, g=g: np.mean((code - exact[:, g]) ** 2)
        quantised = lambda bound, g=g: np.clip(np.rint(exact[:, g] / bound * 15) * bound / 15, -bound, bound)
        best = min(error(quantised(bound)) for bound in np.geomspace(1e-3, 1.0, 300) * np.abs(exact[:, g]).max())
        assert error(ours[:, g]) <= 1.02 * best
        assert error(ours[:, g]) <= error(quantised(WORST))


def test_ranges_of_input_slices_are_the_largest_currents() -> None:
    tile = CASES["sliced inputs"]
    found = mapping.calibrate_adc(tile, tile.program(W, key=KEY), XS, key=KEY, method="max")
    w = np.asarray(W, np.float64)
    code = np.rint(np.asarray(XS, np.float64) * 63)
    digits = [np.sign(code) * (np.abs(code) // 4**k % 4) / 3 for k in range(3)]
    largest = np.asarray([np.max(np.abs(0.2 * d @ (25e-6 * w / np.abs(w).max(axis=0)))) for d in digits])
    np.testing.assert_allclose(found.adc.i_max * found.dac.adc_range, largest, rtol=tolerances.COMPOSITE)


def test_a_matrix_on_tiles_and_wrapped_converters() -> None:
    """All tiles count, padding does not; what is around an ADC acts before its range."""
    adc = p.AsymmetricAdc(p.SharedAdc(p.SarAdc(bits=6), cols_per_adc=2), asymmetry=0.5)
    tile = tiles.TileDesign(device=devices.IdealDevice(), dac=p.IdealDac(), adc=adc, rows=8, cols=4)
    matrix = mapping.program_matrix(tile, W, key=KEY)  # two by two tiles
    found = mapping.calibrate_adc(tile, matrix, XS, key=KEY, method="max")
    largest = 0.0
    for rows in (slice(0, 6), slice(6, 12)):
        for cols in (slice(0, 3), slice(3, 5)):
            w = np.asarray(W, np.float64)[rows, cols]
            i = 0.2 * np.asarray(XS)[:, rows] @ (25e-6 * w / np.abs(w).max(axis=0))
            largest = max(largest, np.max(np.where(i < 0, -0.5 * i, i)))
    np.testing.assert_allclose(found.adc.adc.adc.i_max, largest, rtol=tolerances.COMPOSITE)
    again = dataclasses.replace(matrix, design=found)
    assert again(XS[0], t=0.0, key=KEY).shape == (COLS,)


def test_managed_tiles_are_calibrated_on_scaled_vectors() -> None:
    tile = CASES["plain"]
    managed = tiles.ManagedTile(tile)
    state = tile.program(W, key=KEY)
    found = mapping.calibrate_adc(managed, state, 7.0 * XS, key=KEY, method="max")
    scaled = mapping.calibrate_adc(tile, state, XS / jnp.max(jnp.abs(XS), axis=1, keepdims=True), key=KEY, method="max")
    np.testing.assert_allclose(found.tile.adc.i_max, scaled.adc.i_max, rtol=tolerances.PRIMITIVE)


def test_what_cannot_be_calibrated_is_named() -> None:
    ideal = _tile(adc=p.IdealAdc())
    with pytest.raises(ValueError, match="IdealAdc has no range to calibrate"):
        mapping.calibrate_adc(ideal, ideal.program(W, key=KEY), XS, key=KEY)
    training = tiles.WeightLevelTile()
    with pytest.raises(ValueError, match="those of a `TileDesign`, got WeightLevelTile"):
        mapping.calibrate_adc(training, training.program(W, key=KEY), XS, key=KEY)
    tile = CASES["plain"]
    with pytest.raises(ValueError, match="all currents are zero"):
        mapping.calibrate_adc(tile, tile.program(W, key=KEY), 0.0 * XS, key=KEY)
