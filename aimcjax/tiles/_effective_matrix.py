r"""The effective matrix of an array with wire resistance: what it multiplies by, once and for all vectors.

Rows are eliminated from the open end of the columns to the sense amplifiers. The rows above a place of the column
lines are there a matrix of conductances Y and currents C per volt at the drivers; one segment of wire and one row more:
$$X = (1 + r_{col} Y)^{-1}, \qquad Y \leftarrow X Y + K, \qquad C \leftarrow X C + K\,\mathbf 1,$$
with $K = (g^{-1} + R_{row})^{-1}$ the conductances of a row line between its columns, a ladder in closed form.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from ._wires import CellArray, Wires


_MOST_STEPS = 100
_EXACT = lax.Precision.HIGHEST


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
        k, place = row
        link, driven = _line(k, wires)
        d = loss(wires.r_col * y)
        c = (c - _product(c, d)).at[place].set(driven)
        y = y - _product(d, y)
        return (0.5 * (y + y.T) + link, c), None

    empty = (jnp.zeros((cols, cols), g.dtype), jnp.zeros_like(g))
    (y, c), _ = lax.scan(add_row, empty, (g, jnp.arange(rows)))
    return c - _product(c, loss((wires.r_col + wires.r_sense) * y))


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


@jax.custom_jvp
def loss(a: Float[Array, "n n"]) -> Float[Array, "n n"]:
    r"""$1 - (1 + a)^{-1}$ for a symmetric positive matrix, by Schulz's iteration $X \leftarrow X (2 - (1 + a) X)$.

    Products only: ten times faster here than a factorisation, as one segment of wire against the cells behind it is
    little. What is lost is computed instead of what is left: float32 rounds the many factors close to 1 always to the
    same side. NaN if it does not converge.
    """
    one, eps = jnp.eye(a.shape[0], dtype=a.dtype), float(jnp.finfo(a.dtype).eps)
    norm = jnp.max(jnp.sum(jnp.abs(a), axis=1))
    goal = 0.1 * jnp.sqrt(eps * jnp.minimum(norm, 1.0))
    rest = lambda d: d - a + _product(a, d)  # 1 - (1 + a) (1 - d)

    def step(carry: tuple) -> tuple:
        d, left, count = carry
        d = d - left + _product(d, left)
        return d, rest(d), count + 1

    first = one * (norm / (2.0 + norm))
    unfinished = lambda carry: (jnp.linalg.norm(carry[1]) > goal) & (carry[2] < _MOST_STEPS)
    d, left, count = lax.while_loop(unfinished, step, (first, rest(first), jnp.asarray(0)))
    # One more step squares what is left.
    return jnp.where(count < _MOST_STEPS, d - left + _product(d, left), jnp.nan)


@loss.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    d, da = loss(*primals), tangents[0]
    half = da - _product(d, da)
    return d, half - _product(half, d)


_product = functools.partial(jnp.matmul, precision=_EXACT)
