"""Currents of arrays with wires: QUCS, an independent nodal analysis, closed forms, finite differences."""

import jax
import jax.numpy as jnp
import jax.random as jr
import nodal
import numpy as np
import pytest
import tolerances
from jax.test_util import check_grads

from aimcjax import tiles
from aimcjax.tiles import _wire_solve


CIRCUITS = {"input": nodal.input_currents, "gate": nodal.gate_currents}
NODAL = 1e-9  # two solvers of one circuit in double precision; conditions of some 1e6 times rounding
RESISTANCES = [
    dict(r_row=0.0, r_col=0.0),
    dict(r_row=1.0, r_col=2.0),
    dict(r_row=0.0, r_col=3.0, r_driver=40.0),
    dict(r_row=5.0, r_col=0.0, r_sense=100.0),
    dict(r_row=300.0, r_col=20.0, r_driver=7.0, r_sense=3.0),
    dict(r_row=1e5, r_col=3e4, r_driver=0.0, r_sense=1e3),
]


def _array(seed: int, rows: int, cols: int, source: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    g = random.uniform(0.0, 1e-4, (rows, cols)) * (random.uniform(size=(rows, cols)) < 0.8)
    v = random.normal(size=rows) if source == "input" else (random.uniform(size=rows) < 0.7).astype(float)
    return g, v


def test_qucs_vectors() -> None:
    # badcrossbar's comparison with QUCS: 5x4 cells of 10, 20, ..., 200 Ohm.
    with jax.enable_x64(True):
        g = 1.0 / (10.0 * np.arange(1.0, 21.0).reshape(5, 4))
        i = tiles.crossbar_currents(g, np.arange(5.0), r_row=1.0, r_col=2.0)
        np.testing.assert_allclose(i, [0.060570196651, 0.059327610717, 0.056348738829, 0.053352354575], rtol=1e-9)


@pytest.mark.parametrize("source", ["input", "gate"])
def test_one_cell(source: str) -> None:
    with jax.enable_x64(True):
        i = tiles.crossbar_currents(np.full((1, 1), 0.1), np.ones(1), r_row=1.0, r_col=2.0, source=source)
        np.testing.assert_allclose(i, [1 / 13], rtol=tolerances.FLOAT64)


@pytest.mark.parametrize(
    ("n", "first", "last", "mean"), [(16, 0.99619, 0.99203, 0.99350), (32, 0.98659, 0.96991, 0.97564)]
)
def test_published_uniform_arrays(n: int, first: float, last: float, mean: float) -> None:
    i = np.asarray(tiles.crossbar_currents(np.full((n, n), 1e-4), np.ones(n), r_row=0.35, r_col=0.35)) / (n * 1e-4)
    np.testing.assert_allclose([i[0], i[-1], i.mean()], [first, last, mean], atol=6e-6)


@pytest.mark.parametrize("source", ["input", "gate"])
@pytest.mark.parametrize("case", range(len(RESISTANCES)))
def test_nodal_analysis(source: str, case: int) -> None:
    for rows, cols in ((1, 7), (6, 1), (23, 12)):
        g, v = _array(case, rows, cols, source)
        expected = CIRCUITS[source](g, v, **RESISTANCES[case])
        size = np.max(np.abs(expected)) or 1.0
        with jax.enable_x64(True):
            double = tiles.crossbar_currents(g, v, source=source, **RESISTANCES[case])
        single = tiles.crossbar_currents(g.astype(np.float32), v.astype(np.float32), source=source, **RESISTANCES[case])
        assert double.dtype == np.float64
        assert single.dtype == np.float32
        np.testing.assert_allclose(np.asarray(double) / size, expected / size, rtol=0, atol=NODAL)
        np.testing.assert_allclose(np.asarray(single) / size, expected / size, rtol=0, atol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("source", ["input", "gate"])
def test_only_the_ratio_of_resistances_matters(source: str) -> None:
    g, v = _array(3, 8, 5, source)
    with jax.enable_x64(True):
        one = tiles.crossbar_currents(g, v, r_row=20.0, r_col=30.0, r_driver=4.0, source=source)
        other = tiles.crossbar_currents(1e3 * g, v, r_row=20e-3, r_col=30e-3, r_driver=4e-3, source=source)
        np.testing.assert_allclose(np.asarray(other), 1e3 * np.asarray(one), rtol=1e-11)


def test_currents_scale_with_the_voltages() -> None:
    g, v = _array(4, 16, 9, "input")
    g, v = g.astype(np.float32), v.astype(np.float32)
    for r in (0.1, 30.0, 1e4):
        one = np.asarray(tiles.crossbar_currents(g, v, r_row=r, r_col=r))
        for scale in (2.0**-30, 2.0**10):
            np.testing.assert_array_equal(
                np.asarray(tiles.crossbar_currents(g, np.float32(scale) * v, r_row=r, r_col=r)), np.float32(scale) * one
            )


def test_no_resistance_is_the_limit_of_small_ones() -> None:
    g, v = _array(5, 12, 7, "input")
    with jax.enable_x64(True):
        ideal = v @ g
        for r, bound in ((0.0, 1e-14), (1e-6, 1e-7), (1e-3, 1e-4)):
            i = np.asarray(tiles.crossbar_currents(g, v, r_row=r, r_col=r))
            assert np.max(np.abs(i - ideal)) < bound * np.max(np.abs(ideal))


@pytest.mark.parametrize("source", ["input", "gate"])
@pytest.mark.parametrize("r", [0.0, 50.0, 1e4])
def test_gradients(source: str, r: float) -> None:
    with jax.enable_x64(True):
        g, v = map(jnp.asarray, _array(6, 4, 5, source))
        rs = jnp.asarray([r, 0.5 * r, 0.2 * r, 0.1 * r])

        def i(g, v, rs):
            return 1e4 * tiles.crossbar_currents(1e-4 * g, v if source == "input" else v > 0,
                r_row=rs[0], r_col=rs[1], r_driver=rs[2], r_sense=rs[3], source=source)  # fmt: skip

        if r == 0:  # finite differences would need negative resistances: one-sided, second order
            exact = jax.jacrev(i, 2)(1e4 * g + 0.1, v, rs)
            for k in range(4):
                h = jnp.zeros(4).at[k].set(0.1)
                f = [i(1e4 * g + 0.1, v, m * h) for m in range(3)]
                np.testing.assert_allclose(exact[:, k], (-1.5 * f[0] + 2 * f[1] - 0.5 * f[2]) / 0.1, rtol=1e-6)
        else:
            moved = lambda g, u, rs: i(g, u if source == "input" else v, r * rs)
            check_grads(moved, (1e4 * g + 0.1, v, rs / r), order=1, modes=["fwd", "rev"], atol=1e-7, rtol=1e-6)
        assert np.all(np.isfinite(np.asarray(jax.grad(lambda g: jnp.sum(i(g, v, rs)))(jnp.zeros_like(g)))))


def test_batches_and_arrays_by_vmap() -> None:
    key_g, key_v = jr.split(jr.key(0))
    g, v = 1e-4 * jr.uniform(key_g, (3, 10, 6)), jr.normal(key_v, (4, 10))
    solve = lambda g, v: tiles.crossbar_currents(g, v, r_row=10.0, r_col=20.0)
    batched = jax.jit(jax.vmap(jax.vmap(solve, (None, 0)), (0, None)))(g, v)
    looped = np.asarray([[solve(one, w) for w in v] for one in g])
    np.testing.assert_allclose(batched, looped, rtol=0, atol=tolerances.PRIMITIVE * np.max(np.abs(looped)))


@pytest.mark.usefixtures("as_installed")
def test_bad_input_is_named() -> None:
    g, v = np.ones((3, 2)), np.ones(3)
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(2,\)"):
        tiles.crossbar_currents(g, np.ones(2), r_row=1.0, r_col=1.0)
    with pytest.raises(ValueError, match="not negative; split"):
        tiles.crossbar_currents(-g, v, r_row=1.0, r_col=1.0)
    with pytest.raises(ValueError, match="r_row is a resistance in ohms from 0 up, got -1.0"):
        tiles.crossbar_currents(g, v, r_row=-1.0, r_col=1.0)
    with pytest.raises(ValueError, match="unknown source 'side'"):
        tiles.crossbar_currents(g, v, r_row=1.0, r_col=1.0, source="side")


def test_no_convergence_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_wire_solve, "_MOST_STEPS", 1)
    g, v = _array(7, 9, 8, "input")
    with pytest.raises(ValueError, match="did not converge"):
        tiles.crossbar_currents(g, v, r_row=100.0, r_col=100.0)
    jitted = jax.jit(lambda g, v: tiles.crossbar_currents(g, v, r_row=100.0, r_col=100.0))
    assert np.all(np.isnan(np.asarray(jitted(g, v))))
