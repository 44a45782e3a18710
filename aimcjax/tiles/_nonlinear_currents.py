"""Column currents of an array of non-linear cells with wires: Newton's iteration around the linear solve."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Shaped

from .._types import AnyArray
from ._crossbar_currents import Ohms, check_array, is_concrete
from ._wire_solve import cell_currents
from ._wires import CellArray, Wires


Law = Callable[[CellArray, CellArray], CellArray]
_MOST_STEPS = 100
_HALVINGS = 16


def nonlinear_currents(
    law: Law,
    g: Shaped[AnyArray, "rows cols"],
    v: Shaped[AnyArray, " rows"],
    *,
    r_row: Ohms,
    r_col: Ohms,
    r_driver: Ohms = 0.0,
    r_sense: Ohms = 0.0,
    rtol: float = 1e-6,
) -> Float[Array, " cols"]:
    r"""Currents of the columns into virtual ground for cells whose current is `law(g, v)`.

    Solves $e + P f(g, e) = b$ for the cell voltages e by $e \leftarrow (1 + P f')^{-1}(b - P (f - f' e))$, halving
    steps that do not bring it closer. Laws that rise with the voltage have exactly one solution.

    **Arguments:** `law`, elementwise in conductances [S] and voltages [V], such as
    `lambda g, v: devices.current(device, g, v)` or a `devices.CubicIV`; the others as `crossbar_currents`, with driven
    rows.

    **Returns:** currents [A] of shape (cols,), differentiable in `g`, `v` and the resistances. Under `jit` NaN if the
    iteration did not converge; otherwise that is a `ValueError`.
    """
    g, v, wires = check_array(g, v, (r_row, r_col, r_driver, r_sense))
    b = jnp.broadcast_to(v[:, None], g.shape)
    e = lax.stop_gradient(_voltages(law, lax.stop_gradient(g), lax.stop_gradient(b), lax.stop_gradient(wires), rtol))
    # One step more, from a fixed place: its derivative is that of the circuit.
    fixed = lax.stop_gradient(_slope(law, g, e))
    _, step = cell_currents(fixed, lax.stop_gradient(wires), e + wires.drop(law(g, e)) - b, rtol)
    i = jnp.sum(law(g, e - step), axis=0)
    if is_concrete(i) and not bool(jnp.all(jnp.isfinite(i))):
        raise ValueError(f"the currents of {g.shape[0]}x{g.shape[1]} non-linear cells did not converge to {rtol}")
    return i


def _slope(law: Law, g: CellArray, e: CellArray) -> CellArray:
    _, slope = jax.jvp(lambda e: law(g, e), (e,), (jnp.ones_like(e),))
    return jnp.maximum(slope, 0.0)  # beyond its maximum a cubic falls: no linear circuit has such a conductance


def _voltages(law: Law, g: CellArray, b: CellArray, wires: Wires, rtol: float) -> CellArray:
    norm = lambda x: jnp.sqrt(jnp.sum(x**2))
    residual = lambda e: e + wires.drop(law(g, e)) - b
    goal = max(rtol, 100.0 * float(jnp.finfo(b.dtype).eps)) * 0.1 * norm(b)

    def step(carry: tuple) -> tuple:
        e, size, count = carry
        _, change = cell_currents(_slope(law, g, e), wires, residual(e), rtol)
        scales = [2.0**-k for k in range(_HALVINGS)]
        sizes = jnp.stack([norm(residual(e - scale * change)) for scale in scales])
        best = jnp.nanargmin(sizes)
        return e - jnp.asarray(scales, e.dtype)[best] * change, sizes[best], count + 1

    unfinished = lambda carry: (carry[1] > goal) & (carry[2] < _MOST_STEPS)
    # Without wires b is the answer; a steep law would start with currents beyond any wire there.
    starts = jnp.stack([b, jnp.zeros_like(b)])
    sizes = jnp.stack([norm(residual(start)) for start in starts])
    start = jnp.nanargmin(sizes)
    e, size, _ = lax.while_loop(unfinished, step, (starts[start], sizes[start], jnp.asarray(0)))
    return jnp.where(size <= goal, e, jnp.nan)
