r"""Resistors in series with the terminals of a network, for any resistance.

A network of terminals is a matrix of conductances Y and currents C into the grounded terminals, one row of C per driver
at 1 V. With a resistor r on every terminal $X = (1 + r\,Y)^{-1}$ turns them to $X Y$ and $C X$.

Where r is much against Y, rounding of Y would decide: a network that hardly anything connects to its drivers is
nearly singular. So the row sums of Y are taken from the drivers, $Y\,\mathbf 1 = C^T\mathbf 1$ (nothing flows where
all is at one voltage), and the terminals are eliminated one by one by turning stars to meshes: sums and products of
positive numbers, which lose nothing at any scale.

**Reference:** elimination without subtraction is that of Grassmann, Taksar and Heyman, Oper. Res. 33:1107 (1985).
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from .._types import Scalar


Square = Float[Array, "n n"]
Driven = Float[Array, "drivers n"]
_MOST_STEPS = 100
_LARGE = 1.0
_product = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)


@jax.custom_jvp
def in_series(y: Square, c: Driven, r: Scalar) -> tuple[Square, Driven]:
    """`y` [S], symmetric, and `c` [S] seen through resistors `r` [Ohm] at every terminal."""
    return _through(y, c, r)[:2]


@in_series.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    (y, _, r), (dy, dc, dr) = primals, tangents
    y, c, x = _through(*primals)
    left = _product(dy, x)
    dy = _product(x, left) - dr * _product(y, y)
    return (y, c), (0.5 * (dy + dy.T), _product(dc, x) - _product(c, r * left + dr * y))


def _through(y: Square, c: Driven, r: Scalar) -> tuple[Square, Driven, Square]:
    """`y`, `c` and X of the module."""
    one = jnp.eye(y.shape[0], dtype=y.dtype)
    between = jnp.where(one > 0, 0.0, jnp.maximum(-y, 0.0))
    driven = jnp.sum(c, axis=0)
    y = jnp.diag(jnp.sum(between, axis=0) + driven) - between
    norm = r * jnp.max(jnp.sum(jnp.abs(y), axis=1))
    small = norm <= _LARGE
    d = loss(jnp.where(small, r * y, jnp.zeros_like(y)))
    seen = y - _product(d, y)
    first = (0.5 * (seen + seen.T), c - _product(c, d), one - d)

    def eliminated(between: Square, c: Driven, r: Scalar) -> tuple[Square, Driven, Square]:
        between, driven, x = _star_to_mesh(between, jnp.sum(c, axis=0), r)
        return jnp.diag(jnp.sum(between, axis=0) + driven) - between, _product(c, x), x

    return only_where(~small, eliminated, (between, c, r), first)


def only_where(needed: Bool[Array, ""], compute: Callable, arguments: tuple, otherwise: Any) -> Any:
    """`compute(*arguments)` where it is needed, and not computed where no entry of a batch needs it.

    A conditional would be computed on both sides under `vmap`; a loop of no or one step is not. The arguments change in
    it, since what is the same in every step is computed before the first.
    """

    def step(carry: tuple) -> tuple:
        needed, arguments, _ = carry
        return jnp.zeros_like(needed), jax.tree.map(jnp.zeros_like, arguments), compute(*arguments)

    return lax.while_loop(lambda carry: carry[0], step, (needed, arguments, otherwise))[2]


def _star_to_mesh(between: Square, driven: Float[Array, " n"], r: Scalar) -> tuple[Square, Float[Array, " n"], Square]:
    """One terminal after the other gets its resistor; conductances `between` terminals and to drivers, and X."""
    n = between.shape[0]
    place = jnp.arange(n)

    def one(j: Array, carry: tuple) -> tuple:
        between, driven, x = carry
        row = between[j]
        kept = 1.0 / (1.0 + r * (jnp.sum(row) + driven[j]))
        share = r * kept * row
        mesh = jnp.where(place[:, None] == place[None], 0.0, between + share[:, None] * row[None])
        mesh = mesh.at[j].set(kept * row).at[:, j].set(kept * row)
        return (
            mesh,
            (driven + share * driven[j]).at[j].set(kept * driven[j]),
            (x + x[:, j][:, None] * share[None]).at[:, j].set(kept * x[:, j]),
        )

    return lax.fori_loop(0, n, one, (between, driven, jnp.eye(n, dtype=between.dtype)))


def loss(a: Square) -> Square:
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
