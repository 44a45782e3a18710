"""Passive arrays against nodal analysis of every cell, non-linear cells against SciPy's root finder."""

import jax
import jax.numpy as jnp
import nodal
import numpy as np
import pytest
import tolerances
from contract import Entry, check_contract
from jax.test_util import check_grads
from scipy import optimize

from aimcjax import devices, tiles


R_ON, R_OFF = 1e4, 1e6
LINES = {"floating": None, "ground": (0.0, 0.0), "v/2": (0.5, 0.5), "v/3": (1 / 3, 2 / 3)}
SELECTORS = {
    "diode": tiles.DiodeSelector(i_s=1e-9),
    "threshold": tiles.ThresholdSelector(r_off=1e7),
    "sinh": tiles.SinhSelector(i_0=1e-8),
    "self-rectifying": tiles.SinhSelector(i_0=1e-8, rectification=100.0),
}


def _sensed(n: int, scheme: str, r_cell: float, r_pullup: float) -> float:
    circuit, sources = nodal.Circuit(), {"word 0": 1.0, "ground": 0.0}
    for k in range(1, n):
        if LINES[scheme]:
            sources |= {f"word {k}": LINES[scheme][0], f"bit {k}": LINES[scheme][1]}
    name = lambda kind, k: f"{kind} {k}" if f"{kind} {k}" in sources else (kind, k)
    for i in range(n):
        for j in range(n):
            circuit.conductor(name("word", i), name("bit", j), 1.0 / (r_cell if i == j == 0 else R_ON))
    circuit.conductor(name("bit", 0), "ground", 1.0 / r_pullup)
    # Only the resistor ends at "ground", unless unselected lines are there too: they have names of their own.
    return circuit.currents_into(sources)["ground"] * r_pullup


@pytest.mark.parametrize("scheme", LINES)
@pytest.mark.parametrize("r_pullup", [None, 3e3])
def test_read_margin_of_every_cell(scheme: str, r_pullup: float | None) -> None:
    with jax.enable_x64(True):
        for n in (1, 2, 5, 9):
            on, off = (_sensed(n, scheme, r, r_pullup or R_ON) for r in (R_ON, R_OFF))
            found = tiles.read_margin(n, R_ON, R_OFF, r_pullup, scheme)
            np.testing.assert_allclose(float(found), on - off, rtol=1e-9)


def test_closed_form_of_the_floating_array() -> None:
    for n in (2, 64, 1024):
        sneak = R_ON * (2 * n - 1) / (n - 1) ** 2
        parallel = lambda r, sneak=sneak: 1 / (1 / r + 1 / sneak)
        expected = R_ON / (parallel(R_ON) + R_ON) - R_ON / (parallel(R_OFF) + R_ON)
        np.testing.assert_allclose(float(tiles.read_margin(n, R_ON, R_OFF)), expected, rtol=tolerances.PRIMITIVE)


def test_weak_selectors_are_resistors() -> None:
    # Below its threshold a selector is the resistor `r_off`: the closed form with resistances added.
    selector = tiles.ThresholdSelector(r_off=5e3, v_threshold=10.0)
    with jax.enable_x64(True):
        for scheme in LINES:
            margin = jax.jit(lambda n, scheme=scheme: tiles.read_margin(n, R_ON, R_OFF, 2e4, scheme, selector))
            for n in (1.0, 7.0, 50.0):
                found = margin(n)
                expected = tiles.read_margin(n, R_ON + 5e3, R_OFF + 5e3, 2e4, scheme)
                np.testing.assert_allclose(float(found), float(expected), rtol=1e-9)


def test_selectors_save_large_arrays() -> None:
    bare = float(tiles.read_margin(256, R_ON, R_OFF))
    for selector in SELECTORS.values():
        assert float(tiles.read_margin(256, R_ON, R_OFF, selector=selector, v_supply=1.5)) > 10 * bare


@pytest.mark.parametrize("kind", SELECTORS)
def test_selector_contract(kind: str, getkey) -> None:
    call = lambda selector, i, key: jax.vmap(selector.voltage)(1e-6 * i)
    check_contract(Entry(SELECTORS[kind], call, jnp.asarray([0.3, 1.0, 20.0])), getkey())
    with jax.enable_x64(True):
        double = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), SELECTORS[kind])
        v = np.asarray(jax.vmap(double.voltage)(jnp.linspace(-1e-6, 1e-6, 1001)))
        assert np.all(np.diff(v) > 0)


def test_gradient_of_the_margin() -> None:
    with jax.enable_x64(True):
        margin = jax.jit(
            lambda r_on, v0: tiles.read_margin(20, R_ON * r_on, R_OFF, selector=tiles.SinhSelector(1e-8, 0.05 * v0))
        )
        check_grads(margin, (jnp.asarray(1.0), jnp.asarray(1.0)), order=1, modes=["fwd", "rev"], rtol=1e-5)


def test_half_select_voltages() -> None:
    for scheme, (word, bit) in ((s, lines) for s, lines in LINES.items() if lines):
        found = tiles.half_select_voltages(9, scheme)
        np.testing.assert_allclose([found.row, found.col, found.unselected], [1 - bit, word, word - bit], atol=1e-7)
    floating = tiles.half_select_voltages(9, "floating")
    np.testing.assert_allclose([floating.row, floating.col, floating.unselected], [8 / 17, 8 / 17, -1 / 17], rtol=1e-6)
    # Voltages around a loop of lines add up, whatever the cells.
    with jax.enable_x64(True):
        loop = tiles.half_select_voltages(9, "floating", R_ON, SELECTORS["self-rectifying"], v_supply=2.0)
        np.testing.assert_allclose(float(loop.row + loop.col - loop.unselected), 1.0, rtol=1e-9)


@pytest.mark.parametrize("law", ["cubic", "sinh"])
def test_nonlinear_cells_against_scipy(law: str) -> None:
    laws = {
        "cubic": lambda g, v: devices.CubicIV(coefficient=-0.5)(g, v),
        "sinh": lambda g, v: g * jnp.sinh(4.0 * v) / 4.0,
    }
    plain = {
        "cubic": lambda g, v: g * (v + 0.5 * v**3),
        "sinh": lambda g, v: g * np.sinh(4 * v) / 4,
    }
    random = np.random.default_rng(0)
    rows, cols, r_row, r_col = 5, 4, 300.0, 500.0
    g, v = 1e-4 * random.uniform(size=(rows, cols)), random.uniform(-1, 1, rows)
    row = r_row * np.minimum.outer(np.arange(1, cols + 1), np.arange(1, cols + 1))
    col = r_col * (rows - np.maximum.outer(np.arange(rows), np.arange(rows)))

    def unbalanced(e):
        i = plain[law](g, e.reshape(rows, cols))
        return (e.reshape(rows, cols) + i @ row + col @ i - v[:, None]).ravel()

    e = optimize.root(unbalanced, np.zeros(rows * cols), tol=1e-13).x.reshape(rows, cols)
    with jax.enable_x64(True):
        solve = jax.jit(lambda g, v, r: tiles.nonlinear_currents(laws[law], g, v, r_row=r, r_col=r_col / r_row * r))
        found = solve(g, v, r_row)
        np.testing.assert_allclose(found, plain[law](g, e).sum(axis=0), rtol=0, atol=1e-9 * np.abs(found).max())
        scaled = lambda g, v, r: 1e4 * solve(1e-4 * jnp.asarray(g), jnp.asarray(v), 100.0 * r)
        check_grads(scaled, (1e4 * g, v, jnp.asarray(3.0)), order=1, modes=["rev"], atol=1e-6, rtol=1e-5)


def test_unknown_scheme_is_named() -> None:
    with pytest.raises(ValueError, match="unknown scheme 'v/4'; choose one of"):
        tiles.read_margin(4, R_ON, R_OFF, scheme="v/4")


@pytest.mark.usefixtures("as_installed")
def test_margins_of_no_array_are_named() -> None:
    with pytest.raises(ValueError, match="n is a number of lines from 1 up, got -3"):
        tiles.read_margin(-3, R_ON, R_OFF)
    with pytest.raises(ValueError, match="r_on is a resistance in ohms above 0, got -10000.0"):
        tiles.read_margin(4, -R_ON, R_OFF)
    with pytest.raises(ValueError, match="n is a number; for several use `jax.vmap`"):
        tiles.half_select_voltages(np.arange(3), "v/2")
    with pytest.raises(ValueError, match="v_supply is a voltage other than zero"):
        tiles.read_margin(4, R_ON, R_OFF, selector=SELECTORS["sinh"], v_supply=0.0)


def test_margin_of_negative_supplies_and_of_cells_without_conductance() -> None:
    # A selector that is the same in both directions does not see the sign; an open cell is the limit of a bad one.
    selector = SELECTORS["sinh"]
    with jax.enable_x64(True):
        margin = lambda v, r_off: float(tiles.read_margin(9, R_ON, r_off, selector=selector, v_supply=v))
        np.testing.assert_allclose(margin(-1.0, R_OFF), margin(1.0, R_OFF), rtol=1e-9)
        np.testing.assert_allclose(margin(1.0, np.inf), margin(1.0, 1e18), rtol=1e-9)


def test_selectors_save_large_arrays_by_how_much() -> None:
    # Half of the supply is on each of the two cells of a row and a column that a sneak current passes: what a strong
    # selector leaves of it is negligible, so that the margin is that of one cell on its own.
    selector = tiles.SinhSelector(i_0=1e-18, v_0=0.02)
    with jax.enable_x64(True):
        alone = float(tiles.read_margin(1, R_ON, R_OFF, selector=selector, v_supply=1.0))
        array = float(tiles.read_margin(64, R_ON, R_OFF, selector=selector, v_supply=1.0))
    np.testing.assert_allclose(array, alone, rtol=0.05)
    assert float(tiles.read_margin(64, R_ON, R_OFF)) < 0.1 * alone
