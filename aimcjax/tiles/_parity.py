"""Sums that tell when something broke."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def with_parity(w: Float[Array, "..."], *, scale: float | None = None) -> Float[Array, "n_in checked"]:
    r"""`w` with one more column, $\sum_j w_{ij} / k$: its product is that of the outputs, until a cell breaks.

    **Arguments:** `w`, `n_in n_out`; `scale` k, by which the sum is divided so that it fits the range of the cells:
    the number of outputs by default, with which it always does. A smaller one, such as twice the square root of
    that number for weights of mean zero, uses more of the range and so has less noise; too small a one
    saturates at a fixed scale.

    **Raises:** `ValueError` if `w` is no matrix.

    **Reference:** the checksum of algorithm-based fault tolerance, Huang and Abraham, IEEE Trans. Comput. C-33:518
    (1984).
    """
    if w.ndim != 2 or w.shape[1] < 1:
        raise ValueError(f"parity is a column of a matrix w[n_in, n_out], got an array of shape {w.shape}")
    return jnp.concatenate([w, jnp.sum(w, axis=1, keepdims=True) / _scale(scale, w.shape[1])], axis=1)


def parity_residual(y: Float[Array, "*n checked"], *, scale: float | None = None) -> Float[Array, "*n"]:
    """Sum of the outputs minus `scale` times the parity output, of one product or of many: zero up to noise if all is
    well. `y[..., :-1]` are the outputs; `scale` as given to `with_parity`."""
    if y.ndim < 1 or y.shape[-1] < 2:
        raise ValueError(f"a checked product has an output and its parity at least, got an array of shape {y.shape}")
    return jnp.sum(y[..., :-1], axis=-1) - _scale(scale, y.shape[-1] - 1) * y[..., -1]


def parity_alarm(
    y: Float[Array, "*n checked"],
    sigma: float | Float[Array, ""],
    threshold: float = 4.0,
    *,
    scale: float | None = None,
) -> Bool[Array, ""]:
    """Whether the residual of any of n products (`scale`, as `parity_residual`) is beyond `threshold` deviations
    `sigma` of a healthy one."""
    return jnp.any(jnp.abs(parity_residual(y, scale=scale)) > threshold * sigma)


def _scale(scale: Any, n_out: int) -> Any:
    return float(n_out) if scale is None else scale
