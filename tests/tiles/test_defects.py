"""Defects of arrays: their statistics, what spare lines recover, what parity sees."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from scipy import stats

from aimcjax import devices, periphery, tiles
from aimcjax.config import build, describe


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


def _faulty_array(encoding, shape, key):
    """Cells of an array of `shape` on which about a third of the places is faulty."""
    device = devices.StuckCells(IDEAL, p_on=0.1, p_off=0.1)
    n = len(encoding.polarity)
    return device, device.program(jnp.full((n, *shape), 10e-6), key=key)


def _error_of(found, w, encoding, device, cells):
    """What the weights will hold there, by writing them into the cells that are not stuck."""
    at = np.ix_(range(len(encoding.polarity)), np.asarray(found.rows), np.asarray(found.cols))
    target, gain = encoding.encode(w, device)
    stuck = np.asarray(devices.is_stuck(device, cells))[at]
    g = np.where(stuck, np.asarray(cells.g)[at], np.asarray(target))
    held = tiles.decode_weights(encoding, jnp.asarray(g), gain, device)
    return float(np.sum((np.asarray(held) - np.asarray(w)) ** 2))


REMAPPED = {
    "pairs of fixed scale": tiles.DifferentialPair(w_max=1.0),
    "pairs": tiles.DifferentialPair(),
    "offsets": tiles.Offset(),
    "slices": tiles.BitSliced(bits=5, slices=2, on_line=True),
}


@pytest.mark.parametrize("name", REMAPPED)
def test_remap_is_the_best_of_all_places(name: str, getkey) -> None:
    # Against all rows on all columns of a small array, each written and decoded.
    encoding, random = REMAPPED[name], np.random.default_rng(0)
    w, q = jnp.asarray(random.uniform(-1, 1, (3, 2)), jnp.float32), random.uniform(size=(3, 2))
    device, cells = _faulty_array(encoding, (4, 3), getkey())
    error = jax.jit(lambda g, gain: tiles.decode_weights(encoding, g, gain, device))
    target, gain = (np.asarray(a) for a in encoding.encode(w, device))
    g, stuck = np.asarray(cells.g), np.asarray(devices.is_stuck(device, cells))
    cost = {}
    for rows, cols in itertools.product(itertools.permutations(range(4), 3), itertools.permutations(range(3), 2)):
        at = np.ix_(range(len(g)), rows, cols)
        held = np.asarray(error(np.where(stuck[at], g[at], target), gain))
        cost[rows, cols] = float(np.sum(q * (held - np.asarray(w)) ** 2))
    found = tiles.remap(w, encoding, device, cells, importance=q)
    ours = cost[tuple(np.asarray(found.rows).tolist()), tuple(np.asarray(found.cols).tolist())]
    assert ours <= min(cost.values()) + 1e-6
    assert min(cost.values()) < 0.5 * np.median(list(cost.values()))


def test_remap_is_near_the_best_where_there_are_too_many_orders(getkey) -> None:
    # 360 orders of columns, each with the best rows, against 32 starts.
    random, encoding, shares = np.random.default_rng(1), tiles.DifferentialPair(w_max=1.0), []
    for _ in range(12):
        w = jnp.asarray(random.uniform(-1, 1, (5, 4)), jnp.float32)
        device, cells = _faulty_array(encoding, (6, 6), getkey())
        places = [tiles.remap(w, encoding, device, cells, restarts=n) for n in (360, 32)]
        places.append(tiles.Remap(jnp.arange(5), jnp.arange(4), (6, 6)))
        best, ours, plain = (_error_of(found, w, encoding, device, cells) for found in places)
        shares.append((ours - best) / (plain - best))
    assert np.mean(np.asarray(shares) < 1e-6) > 0.7
    assert max(shares) < 0.2


def test_remap_names_what_does_not_fit(getkey) -> None:
    pair = tiles.DifferentialPair()
    device, cells = _faulty_array(pair, (4, 3), getkey())
    w = jnp.ones((4, 3))
    for bad, message in (
        (jnp.ones((5, 3)), r"a matrix of \(5, 3\) does not fit cells of \(2, 4, 3\)"),
        (jnp.ones(3), r"a matrix of \(3,\) does not fit"),
        (w.at[0, 0].set(jnp.nan), "got 1 NaN or infinite of 12"),
    ):
        with pytest.raises(ValueError, match=message):
            tiles.remap(bad, pair, device, cells)
    with pytest.raises(ValueError, match=r"importance .* got shape \(3,\)"):
        tiles.remap(w, pair, device, cells, importance=jnp.ones(3))
    with pytest.raises(ValueError, match="without a reference column"):
        tiles.remap(w, tiles.OffsetUnitColumn(), device, cells)
    found = tiles.remap(w[:2, :2], pair, device, cells)
    for use, bad, shape in (
        (found.place, jnp.ones((1, 2)), r"\(2, 2\), got \(1, 2\)"),
        (found.inputs, jnp.ones(1), r"\(2,\), got \(1,\)"),
        (found.outputs, jnp.ones(2), r"\(3,\), got \(2,\)"),
    ):
        with pytest.raises(ValueError, match=shape):
            use(bad)


def test_spare_lines_recover_a_tile(getkey) -> None:
    device = tiles.ArrayDefects(IDEAL, p_row=0.06, p_on=0.01, p_off=0.01)
    design = tiles.TileDesign(device=device, dac=periphery.IdealDac(), adc=periphery.IdealAdc())
    w, x, key = jr.uniform(getkey(), (32, 24), minval=-1.0), jr.uniform(getkey(), (32,), minval=-1.0), getkey()
    blank = design.program(jnp.zeros((40, 28)), key=key)
    assert np.asarray(devices.is_stuck(device, blank.cells))[:, :32, :24].any()
    found = tiles.remap(w, design.encoding, device, blank.cells)
    error = []
    for place in (tiles.Remap(jnp.arange(32), jnp.arange(24), (40, 28)), found):
        state = design.program(place.place(w), key=key)
        y = place.outputs(design.mvm(state, place.inputs(x), t=0.0, key=key))
        error.append(float(jnp.linalg.norm(y - x @ w)))
    assert error[1] < 0.3 * error[0]


@pytest.mark.parametrize("encoding", [tiles.DifferentialPair(), tiles.DifferentialPair(w_max=1.0)])
def test_parity_sees_a_broken_cell_and_nothing_else(encoding, getkey) -> None:
    # Also at a fixed scale, where the plain sum of 24 weights does not fit a cell.
    w = tiles.with_parity(jr.uniform(getkey(), (16, 24), minval=0.2))
    adc = periphery.UniformAdc(bits=14.0, i_max=100e-6, noise=0.002e-6)
    design = tiles.TileDesign(device=IDEAL, encoding=encoding, dac=periphery.IdealDac(), adc=adc)
    state, xs = design.program(w, key=getkey()), jr.uniform(getkey(), (100, 16), minval=-1.0)
    exact = xs @ w
    np.testing.assert_allclose(np.asarray(exact[:, :-1].sum(axis=1)), 24.0 * np.asarray(exact[:, -1]), atol=1e-3)
    read = jax.jit(
        lambda state, key: jax.vmap(lambda x, k: design.mvm(state, x, t=0.0, key=k))(xs, jr.split(key, len(xs)))
    )
    sigma = jnp.std(tiles.parity_residual(read(state, getkey())))
    # A deviation of what is converted 25 times: noise and a uniform error of half a step.
    step = 100e-6 / 8191
    of_read = np.sqrt((0.002e-6) ** 2 + step**2 / 12) / 0.2 / 25e-6
    gain = np.asarray(state.gain) * 25e-6
    expected = of_read * np.sqrt(np.sum(gain[:-1] ** 2) + (24 * gain[-1]) ** 2)
    assert abs(float(sigma) / expected - 1.0) < 1.5 * tolerances.of_std(100)
    assert not bool(tiles.parity_alarm(read(state, getkey()), sigma, threshold=5.0))
    broken = eqx.tree_at(lambda s: s.cells.g, state, state.cells.g.at[0, 3, 2].set(1e-6))
    assert bool(tiles.parity_alarm(read(broken, getkey()), sigma, threshold=5.0))
    assert bool(tiles.parity_alarm(1.0 + jnp.arange(25.0), 1.0))  # one product


def test_parity_needs_a_matrix() -> None:
    with pytest.raises(ValueError, match=r"got an array of shape \(3,\)"):
        tiles.with_parity(jnp.ones(3))
    with pytest.raises(ValueError, match=r"got an array of shape \(1,\)"):
        tiles.parity_residual(jnp.ones(1))


def test_shares_and_radius_are_checked() -> None:
    for wrong, message in (
        ({"p_on": 2.0}, "p_on must be at least 0, at most 1, got 2"),
        ({"p_row": -0.1}, "p_row must be at least 0"),
        ({"radius": 40.0}, "radius must be above 0, at most 4, got 40"),
    ):
        with pytest.raises(ValueError, match=message):
            tiles.ArrayDefects(IDEAL, **wrong)


def test_defects_in_configs() -> None:
    device = tiles.ArrayDefects(devices.Pcm(), p_row=0.01, p_on=0.02)
    assert eqx.tree_equal(build(describe(device), devices.AbstractDevice), device)
    assert isinstance(build({"type": "array_defects", "device": "pcm"}, devices.AbstractDevice), tiles.ArrayDefects)


@pytest.mark.slow
def test_contract(getkey) -> None:
    device = tiles.ArrayDefects(devices.Pcm(), p_row=0.1, p_col=0.1, p_on=0.1, p_off=0.1)

    def call(device, g, key):
        cells = device.program(jnp.abs(g) * 10e-6, key=key)
        return (device.drift(cells, 60.0) + device.read_std(cells, 60.0)) / 10e-6 + 0.0 * device.radius

    check_contract(Entry(device, call, jr.normal(jr.key(0), (2, 4, 3))), getkey())
