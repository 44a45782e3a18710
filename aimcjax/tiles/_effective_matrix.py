r"""The effective matrix of an array with wire resistance: what it multiplies by, once and for all vectors.

Rows are eliminated from the open end of the columns to the sense amplifiers. The rows above a place of the column
lines are there a matrix of conductances Y and currents C per volt at the drivers; one row more and one segment of wire:
$$Y \leftarrow Y + K, \quad C \leftarrow C + K\,\mathbf 1, \qquad X = (1 + r_{col} Y)^{-1}, \quad
Y \leftarrow X Y, \quad C \leftarrow X C,$$
with $K = (g^{-1} + R_{row})^{-1}$ the conductances of a row line between its columns, a ladder in closed form. The
segments are those of `_series`, which are exact to rounding whatever the resistances.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._series import in_series
from ._wires import CellArray, Wires


@jax.jit
def effective_matrix(g: CellArray, wires: Wires) -> CellArray:
    """Currents of the columns [A] per volt on every row: `i = v @ effective_matrix(g, wires)`, of the shape of `g`.

    Costs about ten products of square matrices of the shorter side per line of the longer side, whatever the
    resistances.
    """
    if g.shape[1] <= g.shape[0]:
        return _eliminate_rows(g, wires)
    # Reciprocity: drive the columns from their grounds and sense the rows at their drivers.
    turned = Wires(r_row=wires.r_col, r_col=wires.r_row, r_driver=wires.r_sense, r_sense=wires.r_driver)
    return _eliminate_rows(g.T[::-1, ::-1], turned)[::-1, ::-1].T


def _eliminate_rows(g: CellArray, wires: Wires) -> CellArray:
    rows, cols = g.shape

    def add_row(carry: tuple, row: tuple) -> tuple:
        y, c = carry
        k, place, below = row
        link, driven = _line(k, wires)
        return in_series(y + link, c.at[place].set(driven), below), None

    below = jnp.broadcast_to(wires.r_col, (rows,)).at[-1].add(wires.r_sense)
    empty = (jnp.zeros((cols, cols), g.dtype), jnp.zeros_like(g))
    (_, c), _ = lax.scan(add_row, empty, (g, jnp.arange(rows), below))
    return c


def _line(g: Float[Array, " cols"], wires: Wires) -> tuple[Float[Array, "cols cols"], Float[Array, " cols"]]:
    """Conductances [S] between the columns that one row line makes, and its currents per volt of its driver."""
    r, zero = wires.r_row, jnp.zeros_like(g[0])
    # Seen from a cell: `left` [Ohm], the way to the driver; `right` [S], everything behind.
    _, left = lax.scan(lambda z, cell: (r + z / (1.0 + cell * z), z), wires.r_driver + r, g)

    def behind(y: Array, cell: Array) -> tuple[Array, Array]:
        return (cell + y) / (1.0 + r * (cell + y)), y

    _, right = lax.scan(behind, zero, g, reverse=True)
    node = 1.0 + left * (g + right)
    # A voltage falls along the line by a factor per segment; sums of logarithms do not underflow as products do.
    fall = jnp.cumsum(-jnp.log1p(r * (g + right)))
    place = jnp.arange(g.shape[0])
    distance = -jnp.abs(fall[:, None] - fall[None])
    nearer = jnp.minimum(place[:, None], place[None])
    across = -(g[:, None] * g[None]) * (left / node)[nearer] * jnp.exp(distance)
    own = g * (1.0 + left * right) / node
    first = 1.0 / (1.0 + (wires.r_driver + r) * (g[0] + right[0]))
    return jnp.where(place[:, None] == place[None], own[:, None], across), g * first * jnp.exp(fall - fall[0])
