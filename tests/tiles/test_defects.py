"""Defects of arrays: their statistics, what spare lines recover, what parity sees."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices, periphery, tiles


IDEAL = devices.IdealDevice(g_min=1e-6)
G = jnp.full((2, 64, 80), 10e-6)


def test_dead_lines_conduct_nothing(getkey) -> None:
    device = tiles.ArrayDefects(IDEAL, p_row=0.1, p_col=0.2)
    rows, cols = [], []
    for _ in range(10):
        g = np.asarray(device.program(G, key=getkey()).g)
        dead = g == 0.0
        row, col = dead.all(axis=(0, 2)), dead.all(axis=1)
        np.testing.assert_array_equal(dead, row[None, :, None] | col[:, None, :])
        np.testing.assert_array_equal(g[~dead], np.float32(10e-6))
        rows.append(row.sum()), cols.append(col.sum())
    for found, n, p in ((sum(rows), 640, 0.1), (sum(cols), 1600, 0.2)):
        assert stats.binomtest(int(found), n, p).pvalue > tolerances.P_VALUE


def test_clusters_have_the_marginal_and_the_correlation_of_the_law(getkey) -> None:
    # Closed form: a Gaussian kernel of radius a gives correlation exp(-d^2 / 4 a^2), and u of two places follows the
    # bivariate normal: P(both) = P(z1 < q, z2 < q).
    p, radius, key = 0.1, 1.5, getkey()
    device = tiles.ArrayDefects(IDEAL, p_on=p, radius=radius)
    stuck = np.asarray(jax.jit(lambda k: device.program(jnp.full((400, 400), 10e-6), key=k).g)(key)) > 20e-6
    n_effective = stuck.size / (4 * np.pi * radius**2)
    assert abs(stuck.mean() - p) < 4 * np.sqrt(p * (1 - p) / n_effective)
    for d in (1, 3):
        rho = np.exp(-(d**2) / (4 * radius**2))
        both = stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf([stats.norm.ppf(p)] * 2)
        found = np.mean(stuck[:, d:] & stuck[:, :-d])
        assert abs(found - both) < 4 * np.sqrt(both / n_effective)


def test_faults_stay_and_grow(getkey) -> None:
    key, again = getkey(), getkey()
    few = tiles.ArrayDefects(devices.Pcm(), p_row=0.05, p_on=0.05, p_off=0.05)
    many = tiles.ArrayDefects(devices.Pcm(), p_row=0.1, p_on=0.1, p_off=0.1)
    cells, worse = few.program(G, key=key), many.program(G, key=key)
    assert not np.any(np.asarray(few.faults(cells) & ~many.faults(worse)))
    rewritten = devices.reprogram(few, cells, 0.5 * G, key=again)
    faulty = np.asarray(devices.is_stuck(few, rewritten))
    np.testing.assert_array_equal(np.asarray(rewritten.g)[faulty], np.asarray(cells.g)[faulty])
    np.testing.assert_array_equal(np.asarray(few.read_std(cells, 1.0))[faulty], 0.0)
    with pytest.raises(ValueError, match="rows and columns"):
        few.program(G[0, 0], key=key)


def test_remap_is_the_best_assignment(getkey) -> None:
    # Rows alone, against all permutations of a small array.
    random = np.random.default_rng(0)
    w, h, s = random.normal(size=(4, 3)), random.normal(size=(6, 3)), random.uniform(size=(6, 3)) < 0.4
    q = random.uniform(size=w.shape)
    cost = lambda rows, cols: np.sum(s[np.ix_(rows, cols)] * q * (h[np.ix_(rows, cols)] - w) ** 2)
    best = min(
        cost(list(r), list(c)) for r in itertools.permutations(range(6), 4) for c in itertools.permutations(range(3))
    )
    found = tiles.remap(w, h, s, importance=q)
    ours = cost(list(np.asarray(found.rows)), list(np.asarray(found.cols)))
    assert best - 1e-12 <= ours <= cost(range(4), range(3))
    rows_only = min(cost(list(r), [0, 1, 2]) for r in itertools.permutations(range(6), 4))
    assert ours <= rows_only + 1e-12
    with pytest.raises(ValueError, match="does not fit"):
        tiles.remap(w, h[:3], s[:3])


def test_spare_lines_recover_a_tile(getkey) -> None:
    device = tiles.ArrayDefects(IDEAL, p_row=0.06, p_on=0.01, p_off=0.01)
    design = tiles.TileDesign(
        device=device, encoding=tiles.DifferentialPair(w_max=1.0), dac=periphery.IdealDac(), adc=periphery.IdealAdc()
    )
    w, x, key = jr.uniform(getkey(), (32, 24), minval=-1.0), jr.uniform(getkey(), (32,), minval=-1.0), getkey()
    blank = design.program(jnp.zeros((40, 28)), key=key)
    stuck = np.asarray(devices.is_stuck(device, blank.cells)).any(axis=0)
    assert stuck[:32, :24].any()
    held = tiles.decode_weights(design.encoding, blank.cells.g, blank.gain, device)
    found = tiles.remap(w, held, stuck)
    error = []
    for place in (tiles.Remap(jnp.arange(32), jnp.arange(24), (40, 28)), found):
        state = design.program(place.place(w), key=key)
        y = place.outputs(design.mvm(state, place.inputs(x), t=0.0, key=key))
        error.append(float(jnp.linalg.norm(y - x @ w)))
    assert error[1] < 0.3 * error[0]


def test_parity_sees_a_broken_cell_and_nothing_else(getkey) -> None:
    w = tiles.with_parity(jr.uniform(getkey(), (16, 8), minval=-1.0))
    design = tiles.TileDesign(
        device=IDEAL, dac=periphery.IdealDac(), adc=periphery.UniformAdc(bits=14.0, noise=0.01e-6)
    )
    state, xs = design.program(w, key=getkey()), jr.uniform(getkey(), (200, 16), minval=-1.0)

    def read(state, xs, key):
        return jax.vmap(lambda x, k: design.mvm(state, x, t=0.0, key=k))(xs, jr.split(key, len(xs)))

    sigma = jnp.std(jax.vmap(tiles.parity_residual)(read(state, xs, getkey())))
    assert not bool(tiles.parity_alarm(read(state, xs[:20], getkey()), sigma, threshold=5.0))
    broken = eqx.tree_at(lambda s: s.cells.g, state, state.cells.g.at[0, 3, 2].set(25e-6).at[1, 3, 2].set(1e-6))
    assert bool(tiles.parity_alarm(read(broken, xs[:20], getkey()), sigma, threshold=5.0))
