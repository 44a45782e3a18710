"""A matrix on many tiles: partition, ideal limit, drift compensation."""

import dataclasses

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from hypothesis import given, settings, strategies as st

from aimcjax import devices, periphery, tiles
from aimcjax.mapping import (
    ColumnDriftCompensation,
    GlobalDriftCompensation,
    Partition,
    program_matrix,
    programming_report,
)


sizes = st.integers(1, 60)


@given(n_in=sizes, n_out=sizes, rows=sizes, cols=sizes)
@settings(max_examples=300, deadline=None)
def test_ranges_cover_every_weight_once(n_in: int, n_out: int, rows: int, cols: int) -> None:
    part = Partition(n_in, n_out, rows, cols)
    covered = np.zeros((n_in, n_out), int)
    for i in range(part.grid_rows):
        for j in range(part.grid_cols):
            (r0, r1), (c0, c1) = part.row_range(i), part.col_range(j)
            assert 0 < r1 - r0 <= rows
            assert 0 < c1 - c0 <= cols
            covered[r0:r1, c0:c1] += 1
    assert np.all(covered == 1)
    assert part.block_rows <= rows
    assert part.n_tiles == -(-n_in // rows) * -(-n_out // cols)


def test_partition_is_balanced() -> None:
    part = Partition(520, 10, 512, 512)
    assert [part.row_range(i) for i in range(2)] == [(0, 260), (260, 520)]


def test_split_and_join() -> None:
    part, w, x = Partition(5, 7, 2, 3), jr.normal(jr.key(0), (5, 7)), jnp.arange(5.0)
    blocks = part.split_matrix(w)
    assert blocks.shape == (3, 3, 2, 3)
    y = part.join_vector(jnp.einsum("ir,ijrc->jc", part.split_vector(x), blocks))
    np.testing.assert_allclose(np.asarray(y), np.asarray(x @ w), rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("shape", [(1, 1), (300, 520), (64, 64), (65, 10), (7, 130)])
def test_ideal_limit(shape: tuple[int, int], getkey) -> None:
    design = tiles.preset("ideal")
    w, x = 3.0 * jr.normal(getkey(), shape), jr.uniform(getkey(), (shape[0],), minval=-1)
    y = program_matrix(design, w, key=getkey())(x, t=1e6, key=getkey())
    exact = np.asarray(x, np.float64) @ np.asarray(w, np.float64)
    assert np.linalg.norm(np.asarray(y) - exact) < 1e-6 * np.linalg.norm(exact)


@pytest.mark.parametrize("width", [1, 3], ids=["tile", "column"])
def test_partial_sums_have_the_factor_of_their_tile(width: int, getkey) -> None:
    """Against NumPy: every block times its own factor, for all columns or for each."""
    random = np.random.default_rng(0)
    w, x, factor = random.normal(size=(8, 6)), random.uniform(-1, 1, 8), random.uniform(0.5, 2.0, (2, 2, width))
    design = dataclasses.replace(tiles.preset("ideal"), rows=4, cols=3)
    snapshot = program_matrix(design, jnp.asarray(w, jnp.float32), key=getkey()).at(0.0)
    snapshot = dataclasses.replace(snapshot, factor=jnp.asarray(factor, jnp.float32))
    y = snapshot(jnp.asarray(x, jnp.float32), key=getkey())
    scaled = w * np.repeat(factor.repeat(3 // width, axis=2).reshape(2, 6), 4, axis=0)
    np.testing.assert_allclose(np.asarray(y), x @ scaled, atol=tolerances.PRIMITIVE * np.abs(w).sum())


def test_reads_of_tiles_are_independent(getkey) -> None:
    """Noise of two conversions adds up in every output, and no two outputs share any."""
    n, adc = 4000, periphery.NoisyAdc(periphery.OutputNoise(std=1e-6), periphery.IdealAdc())
    design = dataclasses.replace(tiles.preset("ideal"), rows=4, cols=3, adc=adc)
    snapshot = program_matrix(design, jnp.ones((8, 6)), key=getkey()).at(0.0)
    read = jax.jit(jax.vmap(lambda key: snapshot(jnp.zeros(8), key=key)))
    y = np.asarray(read(jr.split(getkey(), n)), np.float64)
    std = 2**0.5 * 1e-6 / float(design.device.g_max * design.dac.v_max)
    assert np.all(np.abs(y.std(axis=0) / std - 1) < tolerances.of_std(n))
    assert np.all(np.abs(np.corrcoef(y.T)[np.triu_indices(6, 1)]) < tolerances.of_mean(n))


def test_tiles_have_noise_of_their_own(getkey) -> None:
    matrix = program_matrix(tiles.TileDesign(rows=4, cols=4), jnp.ones((8, 8)), key=getkey())
    g = np.asarray(matrix.tiles.cells.g)[:, :, 0].reshape(4, -1)
    assert len(np.unique(g.round(12), axis=0)) == 4
    y = matrix(jnp.ones(8), t=0.0, key=getkey())
    assert len(np.unique(np.asarray(y))) > 2


def test_compensation_undoes_a_common_drift(getkey) -> None:
    # With one exponent for all cells, drift is a factor and compensation is exact.
    device = devices.Pcm(nu_mean=0.06, nu_std=0.0, accumulated=0.0, programming=0.0, read_noise=0.0)
    design = tiles.TileDesign(device=device, dac=periphery.IdealDac(), adc=periphery.IdealAdc())
    w, x = jr.normal(getkey(), (30, 20)), jr.uniform(getkey(), (30,), minval=-1)
    matrix = program_matrix(design, w, key=getkey())
    snapshot = matrix.at(86400.0)
    np.testing.assert_allclose(float(snapshot.factor[0, 0, 0]), ((86400 + 20) / 20) ** 0.06, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(np.asarray(snapshot(x, key=getkey())), np.asarray(x @ w), atol=1e-4)
    off = program_matrix(design, w, key=getkey(), compensation=GlobalDriftCompensation(strength=0.0)).at(86400.0)
    np.testing.assert_array_equal(np.asarray(off.factor), 1.0)


def test_every_column_gets_back_what_drift_took_from_it() -> None:
    """Columns that kept a, b and c of themselves need 1/a, 1/b and 1/c; one that answers nothing is left alone."""
    reference = np.random.default_rng(0).normal(size=(16, 4)) * [1.0, 3.0, 0.2, 0.0]
    kept, to32 = np.asarray([0.9, 0.5, 0.7, 1.0]), lambda y: jnp.asarray(y, jnp.float32)
    for strength in (1.0, 0.5, 0.0):
        factor = ColumnDriftCompensation(strength=strength).factor(to32(reference), to32(reference * kept))
        np.testing.assert_allclose(factor, kept**-strength, rtol=tolerances.PRIMITIVE)
    total = np.abs(reference).sum() / np.abs(reference * kept).sum()
    found = GlobalDriftCompensation(strength=0.5).factor(to32(reference), to32(reference * kept))
    np.testing.assert_allclose(found, [total**0.5], rtol=tolerances.PRIMITIVE)


def test_calibration_vectors_are_orthogonal_and_start_with_the_published_one() -> None:
    vectors = GlobalDriftCompensation().vectors(64)
    np.testing.assert_array_equal(vectors[0], 0.5)
    np.testing.assert_allclose(vectors @ vectors.T, 16.0 * np.eye(16), atol=tolerances.FLOAT64)
    assert GlobalDriftCompensation().vectors(3).shape == (3, 3)


def test_ageing_is_a_function_of_chip_and_time(getkey) -> None:
    matrix, key, x = (
        program_matrix(tiles.TileDesign(), jr.normal(getkey(), (20, 10)), key=getkey()),
        getkey(),
        jnp.ones(20),
    )
    y = matrix(x, t=3600.0, key=key)
    matrix(x, t=1e7, key=key)
    np.testing.assert_array_equal(np.asarray(matrix(x, t=3600.0, key=key)), np.asarray(y))


def test_time_as_a_python_number_does_not_recompile(getkey) -> None:
    from aimcjax.mapping import _matrix

    matrix = program_matrix(tiles.TileDesign(), jr.normal(getkey(), (9, 5)), key=getkey())
    matrix.at(1.0)
    before = _matrix._age._cached._cache_size()
    for t in (2.0, 3, jnp.asarray(4.0)):
        matrix.at(t)
    assert _matrix._age._cached._cache_size() == before


def test_report_is_of_the_chip_that_is_programmed(getkey) -> None:
    design = tiles.TileDesign(rows=8, cols=6, policy=tiles.WriteVerify(tolerance=0.02))
    w, key = jr.normal(getkey(), (12, 5)), getkey()
    report = programming_report(design, w, key=key)
    matrix = program_matrix(design, w, key=key)
    g = np.asarray(jax.vmap(jax.vmap(lambda cells: design.device.drift(cells, 0.0)))(matrix.tiles.cells))
    blocks = matrix.partition.split_matrix(w)
    target = np.asarray(jax.vmap(jax.vmap(lambda block: design.encoding.encode(block, design.device)[0]))(blocks))
    np.testing.assert_allclose(np.asarray(report.error), g - target, atol=1e-5 * float(design.device.g_max))
    cost, pulses, reads = design.policy.cost, np.asarray(report.pulses), np.asarray(report.reads)
    energy = float(cost.write_energy) * pulses.sum() + float(cost.read_energy) * reads.sum()
    np.testing.assert_allclose(float(jnp.sum(report.energy)), energy, rtol=1e-5)
    with pytest.raises(ValueError, match="WeightLevelTile has no cells"):
        programming_report(tiles.WeightLevelTile(), w, key=key)


def test_bad_input_is_named(getkey) -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        program_matrix(tiles.TileDesign(), jnp.full((2, 2), jnp.inf), key=getkey())
    with pytest.raises(ValueError, match="non-empty"):
        program_matrix(tiles.TileDesign(), jnp.ones((0, 2)), key=getkey())
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
        program_matrix(tiles.TileDesign(), jnp.ones((2, 2)), key=getkey())(jnp.ones(3), t=0.0, key=getkey())
    with pytest.raises(ValueError, match="positive sizes, got rows=0"):
        Partition(2, 2, 0, 2)


@pytest.mark.usefixtures("as_installed")
def test_lists_are_matrices_and_times_are_not_negative(getkey) -> None:
    matrix = program_matrix(tiles.TileDesign(rows=4, cols=4), [[0.5, 1.0], [0.25, 0.1]], key=getkey())
    assert (matrix.partition.n_in, matrix.partition.n_out) == (2, 2)
    for t in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="a time after programming is at least 0 seconds, got t="):
            matrix.at(t)


@pytest.mark.usefixtures("as_installed")
def test_a_part_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(ValueError, match="adc must be an AbstractAdc, got Pcm"):
        tiles.TileDesign(adc=devices.Pcm())
