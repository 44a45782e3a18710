"""Single precision where wires dominate, cells are sparse or shorted: right to rounding, against nodal analysis."""

import jax
import jax.numpy as jnp
import nodal
import numpy as np
import pytest
import tolerances
from jax.test_util import check_grads

from aimcjax import tiles
from aimcjax.tiles._effective_matrix import effective_matrix
from aimcjax.tiles._series import in_series
from aimcjax.tiles._wires import Wires


ROWS, COLS = 40, 30
NAMES = ("r_row", "r_col", "r_driver", "r_sense")


def _extremes() -> dict[str, tuple[np.ndarray, tuple]]:
    random = np.random.default_rng(0)
    usual = random.uniform(1e-6, 25e-6, (ROWS, COLS))
    chance = random.uniform(size=(ROWS, COLS))
    decades = 10 ** random.uniform(-10, -3, (ROWS, COLS))
    return {
        "weak drivers": (usual, (1.0, 1.0, 1e8, 0.0)),
        "weak sense amplifiers": (usual, (1.0, 1.0, 0.0, 1e9)),
        "weak ends": (usual, (1.0, 1.0, 1e6, 1e6)),
        "weak drivers and columns": (usual, (1.0, 1e5, 1e8, 0.0)),
        "weak rows": (usual, (4e6, 0.0, 0.0, 0.0)),
        "sparse": (1e-3 * (chance < 0.05), (1e5, 1e5, 0.0, 0.0)),
        "shorted": (np.where(chance < 0.1, 1e3, usual), (1.0, 1.0, 0.0, 0.0)),
        "decades": (decades, (1e5, 1e5, 0.0, 0.0)),
        "on and off": (np.where(chance < 0.5, 25e-6, 25e-10), (1e5, 1e5, 0.0, 0.0)),
        # The mean cell is as good as the wires, the largest is 600 times better.
        "few shorted": (np.where(chance < 1.5 / chance.size, 1e-2, usual), (300.0, 150.0, 8e3, 6e3)),
    }


@pytest.mark.parametrize("case", _extremes())
def test_extremes_in_single_precision(case: str) -> None:
    g, rs = _extremes()[case]
    g, v = g.astype(np.float32), np.random.default_rng(1).uniform(-1, 1, ROWS).astype(np.float32)
    expected = nodal.input_currents(g.astype(float), v.astype(float), *rs)
    solved = tiles.crossbar_currents(g, v, **dict(zip(NAMES, rs, strict=True)))
    seen = effective_matrix(jnp.asarray(g), Wires(*(jnp.asarray(r, jnp.float32) for r in rs)))
    for found in (np.asarray(solved), v.astype(float) @ np.asarray(seen, float)):
        bound = tolerances.PRIMITIVE * np.max(np.abs(expected))
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def test_batches_of_easy_and_hard_arrays() -> None:
    # One entry of a batch is eliminated, the other iterated; both are what they are alone.
    g, v = np.random.default_rng(2).uniform(0, 1e-4, (9, 7)).astype(np.float32), np.linspace(-1, 1, 9, dtype=np.float32)
    rs = np.asarray([0.3, 3e6], np.float32)
    batch = jax.vmap(lambda r: tiles.crossbar_currents(g, v, r_row=r, r_col=r, r_sense=1e3 * r))(rs)
    for r, found in zip(rs.astype(float), batch, strict=True):
        expected = nodal.input_currents(g.astype(float), v.astype(float), r, r, 0.0, 1e3 * r)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerances.PRIMITIVE * np.max(np.abs(expected)))


def test_gradients_where_wires_dominate() -> None:
    with jax.enable_x64(True):
        g = jnp.asarray(np.random.default_rng(3).uniform(0.1, 1.0, (4, 3)))
        v = jnp.linspace(-1.0, 1.0, 4)

        def i(g, v, rs):
            currents = tiles.crossbar_currents(1e-4 * g, v, **dict(zip(NAMES, 1e6 * rs, strict=True)))
            return 1e7 * currents

        rs = jnp.asarray([1.0, 2.0, 0.5, 3.0])
        check_grads(i, (g, v, rs), order=1, modes=["fwd", "rev"], atol=1e-6, rtol=1e-5)
        jitted = jax.jit(jax.grad(lambda *args: jnp.sum(i(*args))))
        np.testing.assert_allclose(jitted(g, v, rs), jax.grad(lambda g: jnp.sum(i(g, v, rs)))(g), rtol=1e-9)


@pytest.mark.parametrize("r", [0.0, 1e-3, 1e9])
def test_resistors_in_series(r: float) -> None:
    # Terminals that only 1e-9 S connects to a driver, in single precision against inverses in double precision.
    random = np.random.default_rng(4)
    between = random.uniform(size=(6, 6))
    between, c = np.triu(between, 1) + np.triu(between, 1).T, 1e-9 * random.uniform(size=(2, 6))
    c, between = c.astype(np.float32).astype(float), between.astype(np.float32).astype(float)
    y = np.diag(between.sum(axis=0) + c.sum(axis=0)) - between
    x = np.linalg.inv(np.eye(6) + r * y)
    seen, driven = in_series(jnp.asarray(y, jnp.float32), jnp.asarray(c, jnp.float32), jnp.asarray(r, jnp.float32))
    np.testing.assert_allclose(driven, c @ x, rtol=tolerances.PRIMITIVE)
    away = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(np.asarray(seen)[away], (x @ y)[away], rtol=tolerances.PRIMITIVE)


def test_what_single_precision_cannot_hold_is_heard_of() -> None:
    with pytest.raises(ValueError, match="did not converge"):
        tiles.crossbar_currents(np.full((3, 2), 1e30, np.float32), np.ones(3), r_row=1e30, r_col=1.0)
