"""Stuck cells and dead lines of one array, and what spare lines leave of them."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import gammaln

from ..._types import Scalar, physical
from ...units import um2
from ._defect_yield import AbstractDefectModel
from ._quantities import check_counts, check_quantities


class SpareLines(eqx.Module):
    """An array of `rows` x `cols` cells of which a matrix needs `needed_rows` x `needed_cols`, the others spare; and
    its critical areas: of a cell, of what kills a row (its driver), of what kills a column (its sense line)."""

    rows: int = eqx.field(static=True, default=256)
    cols: int = eqx.field(static=True, default=256)
    needed_rows: int = eqx.field(static=True, default=256)
    needed_cols: int = eqx.field(static=True, default=256)
    cell_area: Scalar = physical(0.04 * um2, unit="m2", doc="assumed: 1T1R, 25 F^2 at F = 40 nm")
    row_area: Scalar = physical(0.0, unit="m2", doc="assumed: rows do not fail on their own")
    col_area: Scalar = physical(0.0, unit="m2", doc="assumed: columns do not fail on their own")

    def __check_init__(self) -> None:
        check_quantities(self)
        check_counts(self, {"rows": 1, "cols": 1, "needed_rows": 1, "needed_cols": 1})
        if self.needed_rows > self.rows or self.needed_cols > self.cols:
            raise ValueError(
                f"SpareLines: {self.needed_rows} x {self.needed_cols} lines are needed, but there are {self.rows} x "
                f"{self.cols}; spare lines are more of them"
            )


class Repair(NamedTuple):
    """`before` and `after` repair, the share of cells in use that are stuck or on a dead line (for
    `devices.StuckCells`); `perfect`, the share of arrays without any such cell after repair."""

    before: Scalar
    after: Scalar
    perfect: Scalar


def repair(array: SpareLines, defects: AbstractDefectModel, *, nodes: int = 256) -> Repair:
    r"""What spare lines repair. A column is bad with $q_c = 1 - e^{-\lambda(A_{col} + R A_{cell})}$, a row with
    $q_r = 1 - e^{-\lambda A_{row}}$; the spares take the place of bad lines while there are any, so with B bad ones of
    all that there are, $(B - s)^+$ of the R x C lines needed stay bad:

    $$\text{perfect} = E_\Lambda[P(B_r \le s_r)\, P(B_c \le s_c)], \quad
      \text{after} = E_\Lambda\Big[1 - \Big(1 - \frac{E[(B_r - s_r)^+]}{R}\Big)
      \Big(1 - \frac{E[(B_c - s_c)^+]}{C}\, \frac{1 - e^{-\lambda(A_{col} + A_{cell})}}{q_c}\Big)\Big]$$

    Spare columns take stuck cells, spare rows dead rows only: the best use of both for single cells is a hard covering
    problem, and `tiles.remap` places a matrix around the faults of one array. Bad columns are exchanged as they come,
    not the worst first, so `after` is an upper bound where columns hold several stuck cells.

    **Arguments:** `array`; `defects` of the memory, which fails far more often than logic of its area: 1 % of cells of
    0.04 um2 is a density of 2.5e11 per m2; `nodes` of the average over clusters.
    """
    factors, weights = defects.factors(nodes)
    found = jax.vmap(lambda factor: _given(array, factor * defects.density))(factors)
    return Repair(*(jnp.sum(weights * share) for share in found))


def _given(array: SpareLines, rate: Scalar) -> Repair:
    col = array.col_area + array.needed_rows * array.cell_area
    rows, rows_left = _lines(array.needed_rows, array.rows, rate * array.row_area)
    cols, cols_left = _lines(array.needed_cols, array.cols, rate * col)
    tiny = jnp.finfo(rate.dtype).tiny
    in_bad = -jnp.expm1(-rate * (array.col_area + array.cell_area)) / (-jnp.expm1(-rate * col) + tiny)
    after = rows_left + cols_left * in_bad - rows_left * cols_left * in_bad
    before = -jnp.expm1(-rate * (array.row_area + array.col_area + array.cell_area))
    return Repair(before, after, rows * cols)


def _lines(needed: int, n: int, load: Scalar) -> tuple[Scalar, Scalar]:
    """That enough of n lines are good, and the share of the `needed` ones that are bad, for `load` defects expected on
    a line."""
    law, short = _bad_lines(n, load), np.maximum(np.arange(n + 1) - (n - needed), 0)
    return jnp.sum(law[: n - needed + 1]), jnp.sum(law * jnp.asarray(short / needed, load.dtype))


def _bad_lines(n: int, load: Scalar) -> Float[Array, " n"]:
    # In logarithms: binomial coefficients of hundreds of lines are beyond single precision.
    k = np.arange(n + 1.0)
    ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    ways, k, rest = (jnp.asarray(x, load.dtype) for x in (ways, k, n - k))
    return jnp.exp(ways + k * jnp.log(-jnp.expm1(-load) + jnp.finfo(load.dtype).tiny) - rest * load)
