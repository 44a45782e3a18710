"""Column currents of one array with the resistance of its wires, for arrays as they come."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Real, Shaped

from .._types import AnyArray
from ..components import shorten
from ._gate_ladder import gate_currents
from ._wire_solve import input_currents
from ._wires import Wires


Ohms = float | int | Real[AnyArray, ""] | np.number


def crossbar_currents(
    g: Shaped[AnyArray, "rows cols"],
    v: Shaped[AnyArray, " rows"],
    *,
    r_row: Ohms,
    r_col: Ohms,
    r_driver: Ohms = 0.0,
    r_sense: Ohms = 0.0,
    source: str = "input",
    rtol: float = 1e-6,
) -> Float[Array, " cols"]:
    """Currents of the columns into virtual ground: Kirchhoff's laws for linear cells and resistive wires.

    Row line: driver, `r_driver + r_row`, cell of column 0, `r_row`, cell of column 1, ...; column line: cell of row
    0, `r_col`, ..., cell of the last row, `r_col + r_sense`, ground. With `source="gate"` `v` opens the gates of 1T1R
    cells (on where it is not zero) on a supply line at 1 V along every column, which has the resistances of a row line.

    **Arguments:** `g` [S], cells of shape (rows, cols), not negative; `v` [V], one vector of length rows (for a batch
    use `jax.vmap`: conductances that all vectors share are prepared once); `r_row`, `r_col` [Ohm] per segment,
    `r_driver`, `r_sense` [Ohm] at the ends, from 0 up; `rtol`, the error allowed, relative to the currents (float32
    stops at its rounding, some 1e-6; `source="gate"` is exact).

    **Returns:** currents [A] of shape (cols,), differentiable in `g`, `v` and the resistances (by the adjoint circuit;
    the slope in a gate is zero). Under `jit` they are NaN if the iteration did not converge; otherwise that is a
    `ValueError`.

    **Reference:** circuit of CrossSim's parasitic models (Xiao et al., TCAS-I 69:1480, 2022) and of badcrossbar.
    Measured against a nodal solve, up to 60x60 cells, relative to the largest current: 1e-9 in float64 and 1e-5 in
    float32, at any resistance, for sparse arrays and shorted cells too. (Where the wires dominate, inputs of both signs
    may cancel in every column: then 1e-6 of the current that one sign alone would give.) Arrays whose wires have some
    hundred times less conductance than their cells are eliminated instead of iterated, at ten times the cost.
    """
    g, v, wires = check_array(g, v, (r_row, r_col, r_driver, r_sense))
    if source not in _SOLVE:
        raise ValueError(f"unknown source {source!r}; choose one of {sorted(_SOLVE)}")
    if not 0.0 < rtol < 1.0:
        raise ValueError(f"rtol is between 0 and 1, got {rtol}")
    negative = jnp.any(jnp.stack([wires.r_row, wires.r_col, wires.r_driver, wires.r_sense]) < 0)  # seen under `jit`
    i = jnp.where(negative, jnp.nan, _SOLVE[source](g, v, wires, rtol))
    if is_concrete(i) and not np.all(np.isfinite(np.asarray(i))):
        raise ValueError(f"the currents of {g.shape[0]}x{g.shape[1]} cells did not converge to {rtol}; raise rtol")
    return i


def is_concrete(*values: Any) -> bool:
    """Whether all `values` are numbers already, not the tracers of a transformation."""
    return not any(isinstance(value, Tracer) for value in values)


def check_resistances(**resistances: Any) -> None:
    """Every resistance that is a number already is finite and not negative."""
    for name, r in resistances.items():
        check_scalar(name, r, "one resistance in ohms for all segments")
        if is_concrete(r) and not np.all((np.asarray(r) >= 0) & np.isfinite(np.asarray(r))):
            raise ValueError(f"{name} is a resistance in ohms from 0 up, got {r}")


def check_scalar(name: str, value: Any, meaning: str) -> None:
    """`value` is one real number."""
    kind = getattr(value, "dtype", None) or np.asarray(value).dtype
    if np.shape(value) != () or not (jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)):
        raise ValueError(f"{name} is {meaning}, got {shorten(value)}")


def check_array(g: AnyArray, v: AnyArray, resistances: tuple) -> tuple[Array, Array, Wires]:
    for name, x in (("g", g), ("v", v)):
        kind = getattr(x, "dtype", None) or np.asarray(x).dtype
        if not any(jnp.issubdtype(kind, real) for real in (jnp.floating, jnp.integer, jnp.bool_)):
            raise ValueError(f"{name} is an array of real numbers, got {kind}")
    kinds = [jnp.asarray(x).dtype for x in (g, v)]
    dtype = jnp.result_type(*([kind for kind in kinds if jnp.issubdtype(kind, jnp.floating)] or [float]))
    g, v = jnp.asarray(g, dtype), jnp.asarray(v, dtype)
    if g.ndim != 2 or 0 in g.shape or v.shape != g.shape[:1]:
        raise ValueError(f"g is (rows, cols) and v is (rows,), got {g.shape} and {v.shape}; for a batch use `jax.vmap`")
    if is_concrete(g) and not np.all((np.asarray(g) >= 0) & np.isfinite(np.asarray(g))):
        raise ValueError("conductances are finite and not negative; split a signed matrix into pairs of cells")
    if is_concrete(v) and not np.all(np.isfinite(np.asarray(v))):
        raise ValueError("voltages are finite, got NaN or infinite ones")
    check_resistances(**dict(zip(("r_row", "r_col", "r_driver", "r_sense"), resistances, strict=True)))
    return g, v, Wires(*(jnp.asarray(r, dtype) for r in resistances))


def _gated(g: Array, v: Array, wires: Wires, rtol: float) -> Array:
    del rtol  # no iteration
    return gate_currents(g, v != 0, wires)


_SOLVE = {"input": input_currents, "gate": _gated}
