r"""Column currents of an array with wire resistance: Kirchhoff's laws, exactly.

With the cell voltages $e = b - P\,i$ of `_wires` and linear cells $i = g\,e$, the amplitudes w of the modes of the
wires, $P = F F^T$ and $e = b - F w$, obey a symmetric positive definite system that needs no inverse of anything:
$$(1 + F^T g F)\,w = F^T g\,b.$$
Conjugate gradients solve it, preconditioned by the same system with the mean conductance, which is diagonal in the
modes: a handful of steps whatever the resistance, and no resistance at all is no special case.

Where a mode of the wires has much more resistance than a cell, the voltages across cells are what rounding leaves of
those at the drivers, and a small residual does not make currents right: such an array is eliminated
(`_effective_matrix`), which is exact and slower.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from ._effective_matrix import effective_matrix
from ._series import only_where
from ._wires import CellArray, Modes, Wires, modes


_MOST_STEPS = 2000
_SAFETY = 1e-5
# Measured: rounding of float32 reaches 1e-5 of the largest current at about these, of mean and of largest cell.
_MEAN_HARD, _LARGEST_HARD = 32.0, 256.0


class _Steps(eqx.Module):
    """Conjugate gradients: solution, residual, direction, preconditioned residual norm, and the count."""

    w: CellArray
    residual: CellArray
    direction: CellArray
    size: Float[Array, ""]
    count: Array


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def cell_currents(g: CellArray, wires: Wires, b: CellArray, rtol: float) -> tuple[CellArray, CellArray]:
    r"""Currents [A] and voltages [V] of linear cells `g` [S] under `b` [V], what they would see without wires.

    The derivative is that of the circuit, not of the iteration: one more solve, of the adjoint circuit. NaN where the
    iteration did not reach `rtol`.
    """
    basis = modes(wires, g.shape)
    drop = _drop_of(g, basis, g * b, rtol)
    e = b - basis.to_cells(drop)
    # Where wires take most of the voltage, g e has lost digits; the amplitudes of the drops over theirs have not.
    mean = jnp.mean(g)
    lost = (drop - basis.eigenvalues * basis.from_cells(g * e)) * (mean / (1.0 + mean * basis.eigenvalues))
    i = g * e + basis.to_cells(lost)
    return i, e


@cell_currents.defjvp
def _(rtol: float, primals: tuple, tangents: tuple) -> tuple:
    g, wires, b = primals
    dg, dwires, db = tangents
    i, e = cell_currents(g, wires, b, rtol)
    change = dwires.drop(i)  # linear in the resistances
    di = _adjoint(g, wires, dg * e + g * (db - change), rtol)
    # The change of i - g e is zero: e follows without dividing by a conductance that may be zero.
    de = db - change - wires.drop(di)
    return (i, e), (di, de)


def _adjoint(g: CellArray, wires: Wires, c: CellArray, rtol: float) -> CellArray:
    """Solves (1 + g P) i = c, for currents injected into the cells; transposed, it is the voltages."""
    basis = modes(jax.lax.stop_gradient(wires), g.shape)
    fixed = lax.stop_gradient(g)
    return lax.custom_linear_solve(
        lambda i: i + g * wires.drop(i),
        c,
        solve=lambda _, c: _injected(fixed, basis, c, rtol),
        transpose_solve=lambda _, b: _voltages(fixed, basis, b, rtol),
    )


def _voltages(g: CellArray, basis: Modes, b: CellArray, rtol: float) -> CellArray:
    return b - basis.to_cells(_drop_of(g, basis, g * b, rtol))


def _injected(g: CellArray, basis: Modes, c: CellArray, rtol: float) -> CellArray:
    return c - g * basis.to_cells(_drop_of(g, basis, c, rtol))


def _drop_of(g: CellArray, basis: Modes, c: CellArray, rtol: float) -> CellArray:
    """Amplitudes [V] of the drop along the wires when currents `c` [A] are injected into the cells."""
    scale = jnp.sqrt(basis.eigenvalues)
    return scale * _amplitudes(g, basis, scale * basis.from_cells(c), rtol)


def _amplitudes(g: CellArray, basis: Modes, rhs: CellArray, rtol: float) -> CellArray:
    # Scaled by the square root of the preconditioner, every factor is of order one: float32 does for any resistance.
    damping = lax.rsqrt(1.0 + jnp.mean(g) * basis.eigenvalues)
    scale = jnp.sqrt(basis.eigenvalues) * damping

    def operator(w: CellArray) -> CellArray:
        return damping**2 * w + scale * basis.from_cells(g * basis.to_cells(scale * w))

    rhs = damping * rhs
    size = jnp.max(jnp.abs(rhs))  # microsiemens times millivolts, squared, would leave the range of float32
    size = jnp.where(size > 0, size, jnp.ones_like(size))
    w, converged = _conjugate_gradients(operator, rhs / size, rtol)
    return damping * size * jnp.where(converged, w, jnp.nan)


def _conjugate_gradients(operator, rhs: CellArray, rtol: float) -> tuple[CellArray, Bool[Array, ""]]:
    dot = lambda a, b: jnp.sum(a * b)
    # The error may exceed the residual by the condition number: `rtol` bounds the error, with room to spare.
    tolerance = max(_SAFETY * rtol, 4.0 * float(jnp.finfo(rhs.dtype).eps))
    goal = tolerance**2 * dot(rhs, rhs)

    def step(s: _Steps) -> _Steps:
        image = operator(s.direction)
        curvature = dot(s.direction, image)
        length = s.size / jnp.where(curvature > 0, curvature, jnp.ones_like(curvature))
        residual = s.residual - length * image
        size = dot(residual, residual)
        turn = size / jnp.where(s.size > 0, s.size, jnp.ones_like(size))
        return _Steps(s.w + length * s.direction, residual, residual + turn * s.direction, size, s.count + 1)

    first = _Steps(jnp.zeros_like(rhs), rhs, rhs, dot(rhs, rhs), jnp.asarray(0))
    unfinished = lambda s: (s.size > goal) & (s.count < _MOST_STEPS)
    last = lax.while_loop(unfinished, step, first)
    # What rounding left in the residual that the iteration updates is seen in the one computed afresh.
    left = rhs - operator(last.w)
    bound = 4.0 * max(rtol, 100.0 * float(jnp.finfo(rhs.dtype).eps))
    return last.w, (last.size <= goal) & (dot(left, left) <= bound**2 * dot(rhs, rhs))


@functools.partial(jax.jit, static_argnums=3)
def input_currents(g: CellArray, v: Float[Array, " rows"], wires: Wires, rtol: float) -> Float[Array, " cols"]:
    """Column currents [A] of row lines driven by `v` [V]."""
    return _input_currents(g, v, wires, rtol)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _input_currents(g: CellArray, v: Float[Array, " rows"], wires: Wires, rtol: float) -> Float[Array, " cols"]:
    hard = _is_hard(g, wires)
    i = _iterated(g, jnp.where(hard, jnp.zeros_like(v), v), wires, rtol)  # zeros converge at once
    return only_where(hard, _eliminated, (g, v, wires), i)


@_input_currents.defjvp
def _(rtol: float, primals: tuple, tangents: tuple) -> tuple:
    solve = lambda g, v, wires: lax.cond(
        _is_hard(g, wires), _eliminated, lambda g, v, wires: _iterated(g, v, wires, rtol), g, v, wires
    )
    return jax.jvp(solve, primals, tangents)


def _is_hard(g: CellArray, wires: Wires) -> Bool[Array, ""]:
    """Whether wires take so much of the voltage that the currents are small differences of large numbers."""
    slowest = jnp.max(modes(lax.stop_gradient(wires), g.shape).eigenvalues)
    g = lax.stop_gradient(g)
    return (jnp.mean(g) * slowest > _MEAN_HARD) | (jnp.max(g) * slowest > _LARGEST_HARD)


def _iterated(g: CellArray, v: Float[Array, " rows"], wires: Wires, rtol: float) -> Float[Array, " cols"]:
    i, _ = cell_currents(g, wires, jnp.broadcast_to(v[:, None], g.shape), rtol)
    return jnp.sum(i, axis=0)


def _eliminated(g: CellArray, v: Float[Array, " rows"], wires: Wires) -> Float[Array, " cols"]:
    return jnp.matmul(v, effective_matrix(g, wires), precision=lax.Precision.HIGHEST)
