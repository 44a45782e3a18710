"""Tiles of cells that are not linear, cells with selectors in wires, steep laws."""

import jax
import jax.numpy as jnp
import nodal
import numpy as np
import pytest
import tolerances
from jax.test_util import check_grads
from scipy import optimize

from aimcjax import devices, periphery, tiles
from aimcjax.tiles._nonlinear_currents import _voltages
from aimcjax.tiles._wires import Wires


DEVICE = devices.NonlinearDevice(devices.IdealDevice(), devices.CubicIV(10.0))
IO = {"dac": periphery.IdealDac(), "adc": periphery.IdealAdc()}


def test_tile_of_nonlinear_cells(getkey) -> None:
    design = tiles.TileDesign(device=DEVICE, crossbar=tiles.NonlinearCrossbar(DEVICE), **IO)
    w, x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32), np.linspace(-1, 1, 4, dtype=np.float32)
    state = design.program(jnp.asarray(w), key=getkey())
    v = 0.2 * x
    expected = (v - 10.0 * v**3) / 0.2 @ w  # without wires every cell is on its own
    y = design.mvm(state, jnp.asarray(x), t=0.0, key=getkey())
    np.testing.assert_allclose(y, expected, atol=tolerances.COMPOSITE * np.max(np.abs(w)))
    read = lambda x: jnp.sum(design.mvm(state, x, t=0.0, key=jax.random.key(0)) ** 2)
    slope = jax.jit(jax.grad(read))(jnp.asarray(x))
    closed = 2 * (1 - 30.0 * v**2) * (w @ expected)
    np.testing.assert_allclose(slope, closed, atol=tolerances.COMPOSITE * np.max(np.abs(closed)))


def test_nonlinear_cells_are_not_read_as_linear() -> None:
    for device in (DEVICE, devices.NoiselessReads(DEVICE), devices.preset("rram_milo2021")):
        with pytest.raises(ValueError, match="takes cells as linear, got a device with a current-voltage law"):
            tiles.TileDesign(device=device)
    tiles.TileDesign(device=devices.NoiselessReads(devices.IdealDevice()))


def _by_scipy(current, b, r_row: float, r_col: float) -> np.ndarray:
    """Voltages of the cells by SciPy, from Kirchhoff's laws of the lines."""
    rows, cols = b.shape
    row = r_row * np.minimum.outer(np.arange(1, cols + 1), np.arange(1, cols + 1))
    col = r_col * (rows - np.maximum.outer(np.arange(rows), np.arange(rows)))

    def unbalanced(e):
        i = current(e.reshape(b.shape))
        return (e.reshape(b.shape) + i @ row + col @ i - b).ravel()

    found = optimize.root(unbalanced, np.zeros(b.size), tol=1e-13)
    assert np.max(np.abs(found.fun)) < 1e-10
    return found.x.reshape(b.shape)


def test_cells_with_selectors_in_wires() -> None:
    # A selector v = v_0 asinh(i / i_0) in series: SciPy finds the current of each cell, then the circuit.
    random = np.random.default_rng(1)
    g, v = random.uniform(1e-5, 1e-4, (4, 3)), random.uniform(0.3, 1.0, 4)
    selector = tiles.SinhSelector(i_0=1e-7, v_0=0.05)

    def current(e):
        drop = lambda i, g, e: i / g + 0.05 * np.arcsinh(i / 1e-7) - e
        one = lambda g, e: optimize.brentq(drop, -2 * g, 2 * g, args=(g, e), xtol=1e-20, rtol=1e-14)
        return np.vectorize(one)(g, e)

    b = np.broadcast_to(v[:, None], g.shape)
    expected = current(_by_scipy(current, b, 200.0, 300.0)).sum(axis=0)
    with jax.enable_x64(True):
        law = tiles.cell_with_selector(selector)
        solve = jax.jit(lambda g, v: tiles.nonlinear_currents(law, g, v, r_row=200.0, r_col=300.0))
        np.testing.assert_allclose(solve(g, v), expected, rtol=1e-6)  # parameters are leaves of single precision
        assert float(law(jnp.zeros(()), jnp.ones(()))) == 0.0
        check_grads(lambda g, v: 1e4 * solve(1e-4 * g, v), (1e4 * g, v), order=1, modes=["rev"], atol=1e-5, rtol=1e-4)


def test_steep_laws() -> None:
    # Up to e^50 times the current of a linear cell at the full voltage. A linear array of the chords, i / e, has the
    # same currents: nodal analysis says whether these voltages solve the circuit.
    random = np.random.default_rng(2)
    g, v = random.uniform(1e-6, 1e-4, (12, 9)), random.uniform(-0.9, 0.9, 12)
    b = np.broadcast_to(v[:, None], g.shape)
    with jax.enable_x64(True):
        law = lambda a: lambda g, v: g * jnp.sinh(a * v) / a
        solve = jax.jit(lambda a, r: tiles.nonlinear_currents(law(a), g, v, r_row=r, r_col=r))
        zero = jnp.zeros(())
        wires = lambda r: Wires(r, r, zero, zero)
        inner = jax.jit(lambda a, r: _voltages(law(a), jnp.asarray(g), jnp.asarray(b), wires(r), 1e-9))
        for a, r in ((20.0, 10.0), (30.0, 10.0), (30.0, 1000.0), (60.0, 100.0)):
            found, e = np.asarray(solve(a, r)), np.asarray(inner(a, r))
            expected = nodal.input_currents(g * np.sinh(a * e) / (a * e), v, r, r)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.max(np.abs(expected)))


@pytest.mark.usefixtures("as_installed")
def test_what_is_no_array_is_named() -> None:
    g, v = np.ones((3, 2)), np.ones(3)
    with pytest.raises(ValueError, match="r_row is one resistance in ohms for all segments"):
        tiles.crossbar_currents(g, v, r_row=np.ones(3), r_col=1.0)
    for r in (np.asarray(1j), np.asarray("1 Ohm"), np.asarray(None)):
        with pytest.raises(ValueError, match="r_col is one resistance"):
            tiles.crossbar_currents(g, v, r_row=1.0, r_col=r)
    with pytest.raises(ValueError, match="v is an array of real numbers, got complex128"):
        tiles.crossbar_currents(g, 1j * v, r_row=1.0, r_col=1.0)
