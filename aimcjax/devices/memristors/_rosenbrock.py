"""A stiff solver without iterations: linearly implicit steps of order 3."""

from collections.abc import Callable
from typing import Any, ClassVar

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array


# Coefficients of Ros3, an L-stable method of order 3 with an embedded one of order 2.
_GAMMA = 0.43586652150845899942
_A21 = 1.0
_C21, _C31, _C32 = -1.0156171083877702091, 4.0759956452537699824, 9.2076794298330791242
_M1, _M2, _M3 = 1.0, 6.1697947043828245592, -0.42772256543218573326
_E1, _E2, _E3 = 0.5, -2.9079558716805469821, 0.22354069897811569627
_G1, _G2, _G3 = _GAMMA, 0.24291996454816804366, 2.1851380027664058511
_SURPRISE = 0.1  # weight of the field at the end of a step in its error
_FASTEST_GROWTH = 0.5  # of a step: beyond, a linearly implicit step of a growing mode turns around


class Ros3(diffrax.AbstractAdaptiveSolver):
    r"""Rosenbrock's method with the exact Jacobian J: three linear solves with $I / (h\gamma) - J$ a step.

    Newton iterations stop at a tolerance that single precision reaches only just, and the errors of explicit
    combinations of stiff rates are rounding times $h\lambda$; here everything that enters the error estimate has been
    through the linear solve, so neither limits the step. A mode that grows by more than `_FASTEST_GROWTH` in
    a step is a reason to reject it.

    **Reference:** Sandu et al., Atmos. Environ. 31:3459 (1997), method ROS3.
    """

    term_structure: ClassVar[Any] = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., Any]] = diffrax.LocalLinearInterpolation

    def order(self, terms: Any) -> int:
        return 3

    def error_order(self, terms: Any) -> float:
        return 3.0

    def init(self, terms: Any, t0: Any, t1: Any, y0: Any, args: Any) -> None:
        return None

    def func(self, terms: Any, t0: Any, y0: Any, args: Any) -> Any:
        return terms.vf(t0, y0, args)

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Array, args: Any, solver_state: None, made_jump: Any
    ) -> tuple[Any, Any, Any, None, Any]:
        h, shape = t1 - t0, y0.shape
        field = lambda t, y: terms.vf(t, y.reshape(shape), args).reshape(-1)
        y = y0.reshape(-1)
        jacobian = jax.jacfwd(field, argnums=1)(t0, y)
        first, in_time = jax.jvp(lambda t: field(t, y), (t0,), (jnp.ones_like(t0),))
        solve = linear_solver(jnp.eye(y.size, dtype=y.dtype) / (_GAMMA * h) - jacobian)
        k1 = solve(first + h * _G1 * in_time)
        later = field(t0 + _GAMMA * h, y + _A21 * k1)
        k2 = solve(later + _C21 / h * k1 + h * _G2 * in_time)
        k3 = solve(later + (_C31 * k1 + _C32 * k2) / h + h * _G3 * in_time)
        end = y + _M1 * k1 + _M2 * k2 + _M3 * k3
        error = _E1 * k1 + _E2 * k2 + _E3 * k3
        # No stage looks at the end of the step, where a threshold may have been passed: what a linear field does not
        # explain there is an error as well, of the same order.
        surprise = solve(field(t1, end) - (first + h * in_time + jacobian @ (end - y)))
        error = jnp.where(jnp.abs(error) < _SURPRISE * jnp.abs(surprise), -_SURPRISE * surprise, error)
        # Forced all the same, where the shortest step is reached, it is one of Euler: it goes the right way.
        runaway = h * jnp.trace(jacobian) > _FASTEST_GROWTH
        end = jnp.where(runaway, y + h * first, end).reshape(shape)
        error = jnp.where(runaway, jnp.ones_like(error), error).reshape(shape)
        return end, error, {"y0": y0, "y1": end}, None, diffrax.RESULTS.successful


def linear_solver(matrix: Array) -> Callable[[Array], Array]:
    """`b -> matrix^-1 b`, by division where there is one equation."""
    if len(matrix) == 1:
        return lambda b: b / matrix[0]
    return lambda b: jnp.linalg.solve(matrix, b)
