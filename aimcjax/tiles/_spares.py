"""Spare lines: which line of the matrix lies on which line of the array; and sums that tell when something broke."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from .._types import AnyArray


class Remap(eqx.Module):
    """A matrix of `n_in` x `n_out` on an array with spare lines: input i drives row `rows[i]`, output j is column
    `cols[j]`; the other lines hold zeros."""

    rows: Int[Array, " n_in"]
    cols: Int[Array, " n_out"]
    shape: tuple[int, int] = eqx.field(static=True)

    def place(self, w: Float[Array, "n_in n_out"]) -> Float[Array, "rows cols"]:
        """The matrix as it lies on the array."""
        return jnp.zeros(self.shape, w.dtype).at[self.rows[:, None], self.cols[None]].set(w)

    def inputs(self, x: Float[Array, " n_in"]) -> Float[Array, " rows"]:
        """The inputs of all rows of the array."""
        return jnp.zeros(self.shape[0], x.dtype).at[self.rows].set(x)

    def outputs(self, y: Float[Array, " cols"]) -> Float[Array, " n_out"]:
        """The outputs of the matrix among those of the array."""
        return y[self.cols]


def remap(
    target: Float[AnyArray, "n_in n_out"],
    held: Float[AnyArray, "rows cols"],
    stuck: Bool[AnyArray, "rows cols"],
    *,
    importance: Float[AnyArray, "n_in n_out"] | None = None,
    rounds: int = 3,
) -> Remap:
    r"""Places a matrix on an array with known faults so that the weighted error is least:

    $$\min_{\rho, \kappa} \sum_{ij} s_{\rho(i)\kappa(j)}\, q_{ij}\,\big(h_{\rho(i)\kappa(j)} - w_{ij}\big)^2$$
    over the row $\rho(i)$ of every input and the column $\kappa(j)$ of every output. Rows alone and columns alone are
    assignment problems, solved exactly and in turn; together they are not, so the result is a local minimum, never
    worse than the lines in their order.

    **Arguments:** `target` weights w; `held` h, the weights that faulty places hold whatever is written
    (`decode_weights` of a programmed tile), in the same units; `stuck` s, which places are faulty; `importance` q,
    default one; `rounds` of rows and columns. On the host.

    **Raises:** `ValueError` if the array is smaller than the matrix.
    """
    w, h, s = (np.asarray(a, np.float64) for a in (target, held, stuck))
    q = np.ones_like(w) if importance is None else np.asarray(importance, np.float64)
    if w.shape[0] > h.shape[0] or w.shape[1] > h.shape[1]:
        raise ValueError(f"a matrix of {w.shape} does not fit an array of {h.shape}: spare lines are more lines")
    rows, cols = np.arange(w.shape[0]), np.arange(w.shape[1])
    for _ in range(rounds):
        rows = linear_sum_assignment(_costs(w, h[:, cols], s[:, cols], q))[1]
        cols = linear_sum_assignment(_costs(w.T, h[rows].T, s[rows].T, q.T))[1]
    return Remap(jnp.asarray(rows, jnp.int32), jnp.asarray(cols, jnp.int32), (h.shape[0], h.shape[1]))


def _costs(w: np.ndarray, h: np.ndarray, s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Weighted square error of every line of the matrix on every line of the array."""
    return q @ (s * h**2).T - 2.0 * (q * w) @ (s * h).T + (q * w**2) @ s.T


def with_parity(w: Float[Array, "n_in n_out"]) -> Float[Array, "n_in checked"]:
    """`w` with one more column, the sum of all: its product is the sum of the outputs, until a cell breaks.

    **Reference:** the checksum of algorithm-based fault tolerance, Huang and Abraham, IEEE Trans. Comput. C-33:518
    (1984).
    """
    return jnp.concatenate([w, jnp.sum(w, axis=1, keepdims=True)], axis=1)


def parity_residual(y: Float[Array, " checked"]) -> Float[Array, ""]:
    """Sum of the outputs minus the parity output: zero up to noise if all is well. `y[:-1]` are the outputs."""
    return jnp.sum(y[:-1]) - y[-1]


def parity_alarm(
    y: Float[Array, "n checked"], sigma: Float[Array, ""] | float, threshold: float = 4.0
) -> Bool[Array, ""]:
    """Whether the residual of any of n products is beyond `threshold` deviations `sigma` of a healthy one."""
    residual = jnp.sum(y[:, :-1], axis=1) - y[:, -1]
    return jnp.any(jnp.abs(residual) > threshold * sigma)
