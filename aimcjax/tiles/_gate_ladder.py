r"""Columns of transistors and cells (1T1R) whose inputs open gates: every column is a ladder of its own.

A supply line runs along every column, from 1 V over `r_driver + r_row` to row 0 and on by `r_row` a segment; the
column line runs to ground as in any array. Of the current i of a column, a cell with the gate open carries
$g_k z_k i$. Kirchhoff's laws of both lines together are one chain of conductances for z,
$$(z_{k-1} - z_k) - (z_k - z_{k+1}) + \rho\,g_k z_k = r_{row}\,\delta_{k0} + r_{col}\,\delta_{k,n-1},\quad
\rho = r_{row} + r_{col},\quad \textstyle\sum_k g_k z_k = 1,$$
and the voltage of the supply, 1 V, is the drop along either line plus that across a cell. Elimination from row 0 to
the last and back is all sums of positive numbers, so it is exact for any resistance, zero included.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from ._wires import CellArray, Wires


@jax.jit
def gate_currents(g: CellArray, opened: Bool[Array, " rows"], wires: Wires) -> Float[Array, " cols"]:
    """Column currents [A] of the cells `g` [S] of rows whose gates are open."""
    g = jnp.where(opened[:, None], g, jnp.zeros_like(g))
    zero, one = jnp.zeros_like(g[0]), jnp.ones_like(g[0])
    rho = wires.r_row + wires.r_col

    def down(carry: tuple, g_row: Array) -> tuple:
        # y: conductance of the rows so far; p: the part of a current into row 0 that gets here; h = (1 - p) / rho,
        # carried along because rho may be zero.
        y, p, h = carry
        y = y + g_row
        kept = 1.0 + rho * y
        return (y / kept, p / kept, (h + y) / kept), (y, p, h)

    _, (y, p, h) = lax.scan(down, (zero, one, zero), g)
    total = y[-1]  # z below is times this, so that a column with every gate closed is zero and not 0 / 0

    def up(z: Array, row: tuple) -> tuple:
        y_row, p_row = row
        z = (z + wires.r_row * p_row * total) / (1.0 + rho * y_row)
        return z, z

    last = one - wires.r_row * h[-1]
    first, above = lax.scan(up, last, (y[:-1], p[:-1]), reverse=True)
    carried = jnp.cumsum(g[:-1] * above, axis=0)  # what the column line carries below every row but the last
    ends = wires.r_driver + wires.r_row + wires.r_col + wires.r_sense
    return total / (first + ends * total + wires.r_col * jnp.sum(carried, axis=0))
