"""Nonlinear least squares, and what the Jacobian says about the certainty of the result."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Bool, Float


_SINGULAR = 1e-9  # of the largest singular value: double precision leaves no digit to a standard error below
_LOST = 7.0  # a standard error, in transformed space: a positive parameter known to a factor of 1000 is unknown
_OFFSET = 0.01


class Solution(eqx.Module):
    """Where the solver ended: `theta`, the sum of squares, the Jacobian of the residuals, and whether it converged."""

    theta: Float[Array, " parameters"]
    squares: Float[Array, ""]
    jacobian: Float[Array, "samples parameters"]
    converged: Bool[Array, ""]


def solve(
    residuals: Callable[[Any], Float[Array, " samples"]],
    theta: Float[Array, " parameters"],
    *,
    max_steps: int = 256,
) -> Solution:
    """Minimises the sum of squares of `residuals(theta)` by the method of Levenberg and Marquardt in at most
    `max_steps`; `vmap`-able.

    It has converged when it no longer moves, or when what it could still move is a hundredth of a standard error: the
    relative offset of Bates and Watts, Technometrics 23:179 (1981). Valleys are long and flat where parameters
    nearly stand for each other.
    """
    found = optx.least_squares(
        lambda theta, _: residuals(theta),
        optx.LevenbergMarquardt(rtol=1e-8, atol=1e-10),
        theta,
        options={"jac": "fwd"},
        max_steps=max_steps,
        throw=False,
    )
    final, jacobian = residuals(found.value), jax.jacfwd(residuals)(found.value)
    settled = (found.result == optx.RESULTS.successful) | (_offset(final, jacobian) < _OFFSET)
    return Solution(found.value, jnp.sum(final**2), jacobian, settled & jnp.all(jnp.isfinite(final)))


def _offset(final: Array, jacobian: Array) -> Float[Array, ""]:
    n, p = jacobian.shape
    tangent = jnp.linalg.qr(jnp.where(jnp.isfinite(jacobian), jacobian, 0.0))[0].T @ final
    along = jnp.sum(tangent**2)
    across = (jnp.sum(final**2) - along).clip(jnp.finfo(final.dtype).tiny)
    return jnp.sqrt(along / p) / jnp.sqrt(across / (n - p))


def covariance(solution: Solution) -> tuple[Float[Array, "parameters parameters"], Float[Array, ""]]:
    r"""Covariance $s^2 (J^T J)^{-1}$ of theta, and the variance $s^2 = \mathrm{SSR} / (n - p)$ of the residuals."""
    n, p = solution.jacobian.shape
    _, singular, basis = jnp.linalg.svd(solution.jacobian, full_matrices=False)
    variance = solution.squares / (n - p)
    scaled = basis / singular[:, None]
    return variance * (scaled.T @ scaled), variance


def check_identifiable(solution: Solution, names: Sequence[str]) -> None:
    """Raises `ValueError` naming the parameters that the data do not determine."""
    jacobian = np.asarray(solution.jacobian)
    n, p = jacobian.shape
    lost = _where(np.linalg.norm(jacobian, axis=0) == 0.0)
    _, singular, basis = np.linalg.svd(jacobian, full_matrices=False)
    for weight, direction in zip(singular, basis, strict=True):
        if weight < _SINGULAR * singular[0]:
            lost |= _where(np.abs(direction) > 0.3)
    if not lost:
        errors = np.sqrt(np.diag(np.asarray(covariance(solution)[0])))
        lost = _where(errors > _LOST)
    if lost:
        which = ", ".join(names[k] for k in sorted(lost))
        raise ValueError(
            f"the data do not determine {which}: fix {'it' if len(lost) == 1 else 'some of them'} (--fix NAME=VALUE), "
            f"or measure where {'it matters' if len(lost) == 1 else 'they matter'}"
        )


def _where(marked: np.ndarray) -> set[int]:
    return set(np.flatnonzero(marked).tolist())
