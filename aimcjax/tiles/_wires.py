r"""The wires of an array: what currents in the cells do to their voltages.

The wires are resistive lines, so the voltages across the cells are $e = b - P\,i$, with $b$ what the drivers alone
would give and $P$ symmetric and positive, one small matrix per line set: $P\,i = i\,R_{row} + R_{col}\,i$ with
$$R_{row,jk} = r_{driver} + r_{row}\,(1 + \min(j, k)), \qquad R_{col,jk} = r_{sense} + r_{col}\,(n - \max(j, k)).$$
"""

import math

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._types import Scalar


CellArray = Float[Array, "rows cols"]
_EXACT = lax.Precision.HIGHEST
_NEWTON_STEPS = 8


class Wires(eqx.Module):
    """Resistances [Ohm] of the lines: `r_row`, `r_col` per segment, `r_driver`, `r_sense` at the ends."""

    r_row: Scalar
    r_col: Scalar
    r_driver: Scalar
    r_sense: Scalar

    def drop(self, i: CellArray) -> CellArray:
        r"""$P\,i$ [V] for the currents `i` [A] of the cells."""
        rows, cols = i.shape
        row = self.r_driver + self.r_row * shared_segments(cols, i.dtype)
        col = self.r_sense + self.r_col * shared_segments(rows, i.dtype)[::-1, ::-1]
        return jnp.matmul(i, row, precision=_EXACT) + jnp.matmul(col, i, precision=_EXACT)


class Modes(eqx.Module):
    r"""Eigenvectors and eigenvalues of the wires: $P = F F^T$ with $F = (Q_{col} \otimes Q_{row}) \Lambda^{1/2}$."""

    row: Float[Array, "cols cols"]
    col: Float[Array, "rows rows"]
    eigenvalues: CellArray

    def to_cells(self, w: CellArray) -> CellArray:
        """Amplitudes of the modes to cells."""
        return _sandwich(self.col, w, self.row.T)

    def from_cells(self, e: CellArray) -> CellArray:
        """The transpose of `to_cells`."""
        return _sandwich(self.col.T, e, self.row)


def modes(wires: Wires, shape: tuple[int, ...]) -> Modes:
    """The modes of the wires of an array of `shape` (rows, cols)."""
    rows, cols = shape
    row, row_values = line_modes(cols, wires.r_row, wires.r_driver)
    col, col_values = line_modes(rows, wires.r_col, wires.r_sense)
    return Modes(row, col[::-1], col_values[:, None] + row_values[None])


def shared_segments(n: int, dtype: jnp.dtype) -> Float[Array, "n n"]:
    """How many segments two cells of a line have in common on the way to its driver; cell 0 is next to it."""
    place = jnp.arange(1, n + 1, dtype=dtype)
    return jnp.minimum(place[:, None], place[None])


def line_modes(n: int, r: Scalar, r_end: Scalar) -> tuple[Float[Array, "n n"], Float[Array, " n"]]:
    r"""Eigenvectors (columns) and eigenvalues [Ohm] of $r_{end} + r\,(1 + \min(j, k))$ for a line of `n` cells.

    The inverse is tridiagonal, so the eigenvectors are standing waves $\cos(\theta_k (n - j - 1/2))$ with
    $n\theta_k = k\pi + \psi_k$ and $\tan\psi_k = r\cos(\theta_k/2) / ((r + 2 r_{end})\sin(\theta_k/2))$; the
    eigenvalues are $r / (4\sin^2(\theta_k/2))$. Closed forms keep float32 exact to rounding where an eigensolver
    loses the small eigenvalues, and r may be zero.
    """
    dtype = r.dtype
    k = jnp.arange(n)
    psi = _phases(n, r, r_end, k.astype(dtype))
    # The multiple of pi is reduced in whole numbers: k pi (n - j - 1/2) / n loses digits in float32.
    odd = 2 * (n - jnp.arange(n)) - 1
    turns = ((odd[:, None] * k[None]) % (4 * n)).astype(dtype)
    wave = jnp.cos(turns * (math.pi / (2 * n)) + (odd.astype(dtype) / (2 * n))[:, None] * psi[None])
    vectors = wave / jnp.sqrt(jnp.sum(wave**2, axis=0, keepdims=True))
    half = (math.pi * jnp.maximum(k, 1).astype(dtype) + psi) / (2 * n)
    # The slowest wave is flat where r is zero: its eigenvalue from its quotient instead of 0 / 0.
    slow = vectors[:, 0]
    quotient = r * jnp.sum(jnp.cumsum(slow[::-1]) ** 2) + r_end * jnp.sum(slow) ** 2
    return vectors, jnp.where(k == 0, quotient, r / (4.0 * jnp.sin(half) ** 2))


def _phases(n: int, r: Scalar, r_end: Scalar, k: Float[Array, " n"]) -> Float[Array, " n"]:
    scale = jnp.where(r + r_end > 0, r + r_end, jnp.ones_like(r))
    a, b = r / scale, (r + 2.0 * r_end) / scale
    low, high = jnp.zeros_like(k), jnp.full_like(k, math.pi / 2)
    ratio = a / jnp.where(b > 0, b, jnp.ones_like(b))
    fast = jnp.atan(ratio / jnp.tan(math.pi * jnp.maximum(k, 0.5) / (2 * n)))
    psi = jnp.where(k == 0, jnp.minimum(jnp.sqrt(2 * n * ratio), math.pi / 4), fast)
    for _ in range(_NEWTON_STEPS):
        half = (math.pi * k + psi) / (2 * n)
        sine, cosine = jnp.sin(half), jnp.cos(half)
        size = (a * cosine) ** 2 + (b * sine) ** 2
        slope = 1.0 + a * b / (2 * n) / jnp.where(size > 0, size, 1.0)
        psi = jnp.clip(psi - (psi - jnp.atan2(a * cosine, b * sine)) / slope, low, high)
    return psi


def _sandwich(a: Float[Array, "n n"], x: CellArray, b: Float[Array, "m m"]) -> CellArray:
    return jnp.matmul(jnp.matmul(a, x, precision=_EXACT), b, precision=_EXACT)
