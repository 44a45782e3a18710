"""Spare lines: which line of the matrix lies on which line of the array."""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._types import AnyArray
from ..devices import AbstractCells, AbstractDevice, is_stuck
from ._base import check_weights
from ._encoding import AbstractEncoding


class Remap(eqx.Module):
    """A matrix of `n_in` x `n_out` on an array with spare lines: input i drives row `rows[i]`, output j is column
    `cols[j]`; the other lines hold zeros."""

    rows: Int[Array, " n_in"]
    cols: Int[Array, " n_out"]
    shape: tuple[int, int] = eqx.field(static=True)

    def place(self, w: Float[Array, "n_in n_out"]) -> Float[Array, "rows cols"]:
        """The matrix as it lies on the array."""
        _check_shape("a matrix", w, (len(self.rows), len(self.cols)))
        return jnp.zeros(self.shape, w.dtype).at[self.rows[:, None], self.cols[None]].set(w)

    def inputs(self, x: Float[Array, " n_in"]) -> Float[Array, " rows"]:
        """The inputs of all rows of the array."""
        _check_shape("a vector of inputs", x, (len(self.rows),))
        return jnp.zeros(self.shape[0], x.dtype).at[self.rows].set(x)

    def outputs(self, y: Float[Array, " cols"]) -> Float[Array, " n_out"]:
        """The outputs of the matrix among those of the array."""
        _check_shape("a vector of outputs of the array", y, self.shape[1:])
        return y[self.cols]


def remap(
    w: Float[AnyArray, "..."],
    encoding: AbstractEncoding,
    device: AbstractDevice,
    cells: AbstractCells,
    *,
    importance: Float[AnyArray, "..."] | None = None,
    restarts: int = 32,
    seed: int = 0,
) -> Remap:
    r"""Places a matrix on an array with known faults so that the weighted error is least:

    $$\min_{\rho, \kappa} \sum_{ij} q_{ij} \big(\hat w_{ij}(\rho(i), \kappa(j)) - w_{ij}\big)^2$$
    over the row $\rho(i)$ of every input and the column $\kappa(j)$ of every output, $\hat w_{ij}(r, c)$ what place
    (r, c) will hold: of its cells, those that are stuck what they are stuck at, the others what `encoding` gives them.

    With the columns given, the best rows are an assignment problem, solved exactly, and the other way round. Arrays
    with no more orders of columns than `restarts` are solved exactly; else rows and columns alternate from `restarts`
    orders, the first of them as they are, and the best local minimum is taken: never worse than no remapping.

    **Arguments:** `w`, weights `n_in n_out`; `encoding`, without a reference column; `device`; `cells` of the array,
    programmed to anything, of shape `pair rows lines`; `importance` q, default one; `seed` of the restarts. On the
    host.

    **Raises:** `ValueError` if the array is smaller than the matrix, or for arguments that do not go together.
    """
    jax_w = jnp.asarray(w, dtype=float)
    g, s = np.asarray(device.drift(cells, 0.0), np.float64), np.asarray(is_stuck(device, cells), np.float64)
    if jax_w.ndim != 2 or g.ndim != 3 or jax_w.shape[0] > g.shape[1] or jax_w.shape[1] > g.shape[2]:
        raise ValueError(
            f"a matrix of {jax_w.shape} does not fit cells of {g.shape} (pair, rows, lines): spare lines are more lines"
        )
    check_weights(jax_w, *g.shape[1:])
    q = np.ones(jax_w.shape) if importance is None else np.asarray(importance, np.float64)
    if q.shape != jax_w.shape or not np.all(np.isfinite(q) & (q >= 0.0)):
        raise ValueError(f"importance has a number from 0 for each of {jax_w.shape} weights, got shape {q.shape}")
    targets, scale = _targets(jax_w, encoding, device, len(g))
    costs = _Costs(targets, scale, g, s, q)
    best = min(
        (costs.descend(cols) for cols in _starts(jax_w.shape[1], g.shape[2], restarts, seed)), key=lambda b: b[0]
    )
    return Remap(jnp.asarray(best[1], jnp.int32), jnp.asarray(best[2], jnp.int32), (g.shape[1], g.shape[2]))


class _Costs:
    """Weighted square error of lines of the matrix on lines of the array, by matrix products over faulty cells."""

    def __init__(self, targets: np.ndarray, scale: np.ndarray, g: np.ndarray, s: np.ndarray, q: np.ndarray) -> None:
        # A column scales what its cells add up to, so cells are weighed by one column, and columns by their scale.
        unit = np.abs(scale).max(axis=0)
        relative = scale[:, [unit.argmax()], None] / (unit.max() or 1.0)
        self.targets = relative * targets  # (pair, n_in, n_out)
        self.faults = relative * s * g  # (pair, rows, cols)
        self.s, self.q = s, q * unit**2

    def rows(self, cols: np.ndarray) -> np.ndarray:
        """(n_in, rows), with output j on column `cols[j]`."""
        return self._errors(self.targets, self.faults[:, :, cols], self.s[:, :, cols], self.q)

    def columns(self, rows: np.ndarray) -> np.ndarray:
        """(n_out, cols), with input i on row `rows[i]`."""
        targets, faults, s = (np.swapaxes(a, 1, 2) for a in (self.targets, self.faults[:, rows], self.s[:, rows]))
        return self._errors(targets, faults, s, self.q.T)

    def descend(self, cols: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Rows and columns in turn until neither gains; the cost, and both."""
        from scipy.optimize import linear_sum_assignment  # half a second of every start of the program, for few

        last = np.inf
        while True:
            cost = self.rows(cols)
            rows = linear_sum_assignment(cost)[1]
            now = float(cost[np.arange(len(rows)), rows].sum())
            if now >= last * (1.0 - 1e-9):
                return now, rows, cols
            last, cols = now, linear_sum_assignment(self.columns(rows))[1]

    @staticmethod
    def _errors(targets: np.ndarray, faults: np.ndarray, s: np.ndarray, q: np.ndarray) -> np.ndarray:
        # (A - sum_c s_c T_c)^2 with A of the place and T of the weight, multiplied out: products of matrices.
        a, pairs = faults.sum(axis=0), range(len(targets))
        total = q @ (a**2).T
        for c in pairs:
            total -= 2.0 * (q * targets[c]) @ (a * s[c]).T
            for d in pairs:
                total += (q * targets[c] * targets[d]) @ (s[c] * s[d]).T
        return np.maximum(total, 0.0)  # rounding


def _targets(w: Array, encoding: AbstractEncoding, device: AbstractDevice, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Conductances that the encoding gives every weight, and the weight of a siemens of each cell of a column."""
    g, gain = encoding.encode(w, device)
    if g.shape != (n, *w.shape):
        raise ValueError(
            f"{encoding.name} needs {g.shape[0]} cells a weight and {g.shape[2]} lines for {w.shape[1]} outputs; remap "
            f"is for encodings without a reference column, got {n} cells a weight"
        )
    groups = len(encoding.ranges)
    zero = jnp.zeros((), g.dtype)
    one_line = lambda i: encoding.decode(jnp.broadcast_to(i[:, None], (groups, w.shape[1])), zero, gain, device)
    of_line = np.asarray(jax.vmap(one_line)(jnp.eye(groups, dtype=g.dtype)), np.float64)
    polarity = np.asarray(encoding.polarity, np.float64).reshape(groups, -1, 1)
    return np.asarray(g, np.float64), (polarity * of_line[:, None]).reshape(n, -1)


def _starts(n: int, lines: int, restarts: int, seed: int) -> Any:
    """Orders of columns: all if there are few, else as they are and at random."""
    if math.perm(lines, n) <= restarts:
        return [np.asarray(order) for order in itertools.permutations(range(lines), n)]
    random = np.random.default_rng(seed)
    return [np.arange(n), *(random.permutation(lines)[:n] for _ in range(restarts - 1))]


def _check_shape(what: str, array: Any, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{what} has the shape {shape}, got {array.shape}")
