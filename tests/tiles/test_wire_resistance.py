"""The crossbar with wires: its effective matrix, pairs of cells, noise, gradients, and what its first order leaves."""

import jax
import jax.numpy as jnp
import jax.random as jr
import nodal
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from jax.test_util import check_grads

from aimcjax import devices, periphery, tiles
from aimcjax.tiles._effective_matrix import effective_matrix
from aimcjax.tiles._wires import Wires, line_modes


PAIR = np.asarray([1.0, -1.0])
V_MAX = 0.2
KINDS = {
    "separate": tiles.WireResistance(r_row=30.0, r_col=50.0, r_driver=20.0, r_sense=10.0),
    "interleaved": tiles.WireResistance(r_row=30.0, r_col=50.0, r_driver=20.0, r_sense=10.0, interleaved=True),
    "gate": tiles.WireResistance(r_row=30.0, r_col=50.0, source="gate"),
    "series": tiles.SeriesResistance(r_row=3.0, r_col=5.0),
}


def _cells(seed: int, *shape: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return 1e-4 * random.uniform(size=shape) * (random.uniform(size=shape) < 0.8)


@pytest.mark.parametrize("kind", KINDS)
def test_contract(kind: str, getkey) -> None:
    g = jnp.asarray(_cells(0, 2, 4, 3), jnp.float32)

    def call(crossbar, v, key):
        v = jnp.sign(jnp.round(v)) if kind == "gate" else v  # the suite moves inputs; gates are on or off
        prepared = crossbar.prepare(g, 0.02 * g, jnp.asarray(PAIR, v.dtype))
        return crossbar.currents(prepared, V_MAX * v, v_max=jnp.asarray(V_MAX), key=key) / 2e-5

    check_contract(Entry(KINDS[kind], call, jnp.linspace(-0.9, 0.9, 4)), getkey())


@pytest.mark.parametrize(
    "rs", [(0.0, 0.0, 0.0, 0.0), (1.0, 2.0, 0.0, 30.0), (0.0, 9.0, 40.0, 0.0), (1e5, 2e4, 0.0, 1e3)]
)
def test_effective_matrix_is_the_array(rs: tuple) -> None:
    # In double precision against nodal analysis column by column; in single precision to rounding.
    for rows, cols in ((1, 1), (9, 4), (4, 10)):
        g = 1e-6 + _cells(rows, rows, cols)
        expected = np.stack([nodal.input_currents(g, row, *rs) for row in np.eye(rows)])
        for dtype, bound in ((jnp.float64, 1e-9), (jnp.float32, tolerances.PRIMITIVE)):
            with jax.enable_x64(dtype == jnp.float64):
                wires = Wires(*(jnp.asarray(r, dtype) for r in rs))
                found = np.asarray(jax.jit(effective_matrix)(jnp.asarray(g, dtype), wires))
            np.testing.assert_allclose(found, expected, rtol=0, atol=bound * np.max(expected))


def test_effective_matrix_of_a_large_array() -> None:
    # Errors of single precision must not add up along 128 rows.
    g, v = _cells(2, 128, 128), np.random.default_rng(3).uniform(-1, 1, 128)
    expected = nodal.input_currents(g, v, 0.5, 0.5)
    wires = Wires(*(jnp.asarray(r, jnp.float32) for r in (0.5, 0.5, 0.0, 0.0)))
    found = v @ np.asarray(jax.jit(effective_matrix)(jnp.asarray(g, jnp.float32), wires), np.float64)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerances.PRIMITIVE * np.max(np.abs(expected)))


@pytest.mark.parametrize("kind", ["separate", "interleaved", "gate"])
def test_pairs_of_cells_against_nodal_analysis(kind: str) -> None:
    g, v = _cells(4, 2, 6, 4), V_MAX * np.linspace(-1, 1, 6)
    rs = dict(r_row=30.0, r_col=50.0, r_driver=20.0, r_sense=10.0)
    if kind == "separate":
        plus, minus = (nodal.input_currents(one, v, **rs) for one in g)
    elif kind == "interleaved":
        side_by_side = np.zeros((6, 8))
        side_by_side[:, 0::2], side_by_side[:, 1::2] = g
        i = nodal.input_currents(side_by_side, v, **rs)
        plus, minus = i[0::2], i[1::2]
    else:
        v = V_MAX * np.asarray([1.0, -1.0, 0.0, 1.0, -1.0, -1.0])  # a negative input is a read that is subtracted
        both = lambda one: [nodal.gate_currents(one, s * v > 0, 30.0, 50.0) for s in (1, -1)]
        plus, minus = (V_MAX * np.subtract(*both(one)) for one in g)
    with jax.enable_x64(True):
        prepared = KINDS[kind].prepare(jnp.asarray(g), None, jnp.asarray(PAIR))
        read = KINDS[kind].mean_currents(prepared, jnp.asarray(v), v_max=jnp.asarray(V_MAX))
    size = np.max(np.abs(plus))  # the resistances of `KINDS` are leaves of single precision
    np.testing.assert_allclose(np.asarray(read) / size, (plus - minus) / size, rtol=0, atol=1e-9)


def test_first_order_is_first_order() -> None:
    # Halving the wire quarters what the first order leaves, for signed inputs too.
    g, v = 1e-5 + _cells(5, 1, 12, 9), np.random.default_rng(6).uniform(-1, 1, 12)
    left = []
    with jax.enable_x64(True):
        for r in (1.0, 0.5):
            exact = nodal.input_currents(g[0], v, r, 2 * r, 3 * r, 4 * r)
            crossbar = tiles.SeriesResistance(r_row=r, r_col=2 * r, r_driver=3 * r, r_sense=4 * r)
            prepared = crossbar.prepare(jnp.asarray(g), None, jnp.ones(1))
            found = np.asarray(crossbar.mean_currents(prepared, jnp.asarray(v), v_max=jnp.ones(())))
            left.append(np.linalg.norm(found - exact))
    np.testing.assert_allclose(left[0] / left[1], 4.0, rtol=0.05)


def test_gradient_of_the_effective_matrix() -> None:
    with jax.enable_x64(True):
        weights = jnp.asarray(np.random.default_rng(7).normal(size=(4, 3)))

        def total(g, rs):
            return 1e4 * jnp.sum(weights * effective_matrix(1e-4 * g, Wires(*(100.0 * jnp.asarray(rs)))))

        g = 0.1 + jnp.asarray(1e4 * _cells(8, 4, 3))
        check_grads(total, (g, jnp.asarray([1.0, 2.0, 0.5, 0.3])), order=1, modes=["rev"], atol=1e-7, rtol=1e-6)


def test_noise_of_a_column(getkey) -> None:
    # Every cell drawn on its own and the circuit solved again; the stated approximation is within 5 % here.
    n, g = 600, jnp.asarray(1e-5 + 9e-5 * np.random.default_rng(9).uniform(size=(2, 16, 3)), jnp.float32)
    v, crossbar, polarity = (
        V_MAX * jnp.linspace(0.2, 1.0, 16),
        tiles.WireResistance(r_row=20.0, r_col=20.0),
        jnp.asarray(PAIR, jnp.float32),
    )
    prepare = lambda g, std: crossbar.prepare(g, std, polarity)
    mean = lambda g: crossbar.mean_currents(prepare(g, None), v, v_max=jnp.asarray(V_MAX))
    exact = np.asarray(jax.jit(jax.vmap(lambda k: mean(g * (1 + 0.05 * jr.normal(k, g.shape)))))(jr.split(getkey(), n)))
    ours = np.asarray(
        jax.jit(jax.vmap(lambda k: crossbar.currents(prepare(g, 0.05 * g), v, v_max=jnp.asarray(V_MAX), key=k)))(
            jr.split(getkey(), n)
        )
    )
    ratio = ours.std(axis=0) / exact.std(axis=0)
    assert np.all(np.abs(ratio - 1) < 0.05 + tolerances.of_std(n) * 2**0.5)
    ideal = np.asarray(jnp.sqrt(v**2 @ jnp.sum((0.05 * g) ** 2, axis=0)))
    assert np.all(ideal / exact.std(axis=0) > 1.1)  # without the wires the noise would be seen larger


def test_tile_reads_what_it_prepared(getkey) -> None:
    crossbar = tiles.WireResistance(r_row=20.0, r_col=20.0)
    io = {"device": devices.IdealDevice(), "dac": periphery.IdealDac(), "adc": periphery.IdealAdc()}
    design = tiles.TileDesign(crossbar=crossbar, **io)
    w, x = jr.normal(getkey(), (6, 4)), jnp.linspace(-1, 1, 6)
    state = design.program(w, key=getkey())
    snapshot = design.at(state, 0.0)
    g = np.asarray(snapshot.g, np.float64)
    v = V_MAX * np.asarray(x, np.float64)
    i = sum(sign * nodal.input_currents(one, v, 20.0, 20.0) for sign, one in zip(PAIR, g, strict=True))
    expected = np.asarray(snapshot.gain) * i / V_MAX
    np.testing.assert_allclose(design.read(snapshot, x, key=getkey()), expected, atol=tolerances.COMPOSITE)
    np.testing.assert_allclose(design.expected(snapshot, x), expected, atol=tolerances.COMPOSITE)


@pytest.mark.parametrize(("r", "r_end"), [(1.0, 0.0), (1.0, 1e-3), (2.0, 1e4), (0.0, 1.0), (1e-6, 1.0), (0.0, 0.0)])
def test_modes_of_a_line(r: float, r_end: float) -> None:
    # Standing waves against the matrix that they diagonalise, stated from the line.
    for n in (40,):
        place = np.arange(1, n + 1)
        line = r_end + r * np.minimum(place[:, None], place[None])
        for dtype, bound in ((jnp.float64, tolerances.FLOAT64), (jnp.float32, tolerances.PRIMITIVE)):
            with jax.enable_x64(dtype == jnp.float64):
                q, values = (
                    np.asarray(a, np.float64) for a in line_modes(n, jnp.asarray(r, dtype), jnp.asarray(r_end, dtype))
                )
            np.testing.assert_allclose(q.T @ q, np.eye(n), atol=bound)
            np.testing.assert_allclose(q * values @ q.T, line, rtol=0, atol=bound * (r + r_end) * n)


def test_bad_source_is_named() -> None:
    with pytest.raises(ValueError, match="unknown source 'side'; choose one of"):
        tiles.WireResistance(source="side")
