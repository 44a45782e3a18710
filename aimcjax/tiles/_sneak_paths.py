r"""Passive arrays: what sneak paths leave of a read, and what unselected cells see.

All cells but the selected one are on, so the lines are of four kinds and the array is a small circuit of any size. The
selected word line is at the supply V, the selected bit line at u goes to ground over `r_pullup`, and with a cell that
takes f(i) at the current i the rest of the array carries, from word to bit line,

- floating lines: J with $2 f(J / (n-1)) - f(-J / (n-1)^2) = V - u$;
- driven ones: $(n-1)\,f^{-1}(V_w - u)$ from unselected word lines at $V_w$: 0 (ground), V/2, or V/3 (bit lines
  at 2V/3).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

from .._types import AnyArray
from ._crossbar_currents import Ohms, check_scalar, is_concrete
from ._selector_law import cell_with_selector, of_dtype, rising_root
from ._selectors import AbstractSelector


# Potentials of unselected word and bit lines, relative to the supply.
_DRIVEN = {"ground": (0.0, 0.0), "v/2": (0.5, 0.5), "v/3": (1.0 / 3.0, 2.0 / 3.0)}
_Law = Callable[[Array], Array]


class HalfSelect(eqx.Module):
    """Voltages across cells relative to the supply: those on the selected word line (`row`), on the selected bit line
    (`col`) and on neither (`unselected`)."""

    row: Float[Array, ""]
    col: Float[Array, ""]
    unselected: Float[Array, ""]


def read_margin(
    n: int | float | Real[AnyArray, ""],
    r_on: Ohms,
    r_off: Ohms,
    r_pullup: Ohms | None = None,
    scheme: str = "floating",
    selector: AbstractSelector | None = None,
    *,
    v_supply: float | int | Real[AnyArray, ""] = 1.0,
) -> Float[Array, ""]:
    r"""How far the voltage over `r_pullup` moves when the selected cell of n x n turns from on to off, over the supply.

    Without selector in closed form; floating lines are the resistor $R_{sneak} = r_{on} (2n - 1) / (n - 1)^2$.

    **Arguments:** `n`, lines on a side; `r_on`, `r_off` [Ohm]; `r_pullup` [Ohm], default `r_on`; `scheme` of the
    unselected lines, "floating", "ground", "v/2" or "v/3"; `selector` in series with every cell; `v_supply` [V], which
    matters with a selector only.

    **Reference:** circuit after Chen, IEEE TED 60:1318 (2013), wires without resistance. The resistor stands between
    the selected bit line and ground; between bit line and supply is its mirror image, the same for all schemes but
    "ground".
    """
    _check(scheme, n, selector, v_supply, r_on=r_on, r_off=r_off, r_pullup=r_on if r_pullup is None else r_pullup)
    n, on, off, pull, v = (
        jnp.asarray(x, float) for x in (n, r_on, r_off, r_on if r_pullup is None else r_pullup, v_supply)
    )
    if selector is None:
        others, potential = _linear_sneak(n, on, scheme)
        total = others + 1.0 / pull
        return (
            (1.0 / on - 1.0 / off)
            * (others * (1.0 - potential) + 1.0 / pull)
            / ((1.0 / on + total) * (1.0 / off + total))
        )
    selector = of_dtype(selector, v.dtype)
    sensed = [_sensed(n, on, cell, pull, scheme, selector, v) for cell in (on, off)]
    return (sensed[0] - sensed[1]) / v


def half_select_voltages(
    n: int | float | Real[AnyArray, ""],
    scheme: str,
    r_on: Ohms = 1.0,
    selector: AbstractSelector | None = None,
    *,
    v_supply: float | int | Real[AnyArray, ""] = 1.0,
) -> HalfSelect:
    """What disturbs the other cells while one is written, its bit line at ground; arguments as `read_margin`."""
    _check(scheme, n, selector, v_supply, r_on=r_on)
    n, on, v = jnp.asarray(n, float), jnp.asarray(r_on, float), jnp.asarray(v_supply, float)
    if scheme in _DRIVEN:
        word, bit = (jnp.asarray(x, float) for x in _DRIVEN[scheme])
        return HalfSelect(row=1.0 - bit, col=word, unselected=word - bit)
    if selector is None:
        return HalfSelect(
            row=(n - 1.0) / (2.0 * n - 1.0), col=(n - 1.0) / (2.0 * n - 1.0), unselected=-1.0 / (2.0 * n - 1.0)
        )
    series = of_dtype(selector, v.dtype)
    cell = lambda i: i * on + series.voltage(i)
    i = _floating(n, on, cell, v)
    row = cell(i / (n - 1.0)) / v
    return HalfSelect(row=row, col=row, unselected=cell(-i / (n - 1.0) ** 2) / v)


def _linear_sneak(n: Array, r_on: Array, scheme: str) -> tuple[Array, Array]:
    """Conductance [S] of the other cells to a line of a potential relative to the supply."""
    if scheme in _DRIVEN:
        return (n - 1.0) / r_on, jnp.asarray(_DRIVEN[scheme][0], float)
    return (n - 1.0) ** 2 / (r_on * (2.0 * n - 1.0)), jnp.ones_like(r_on)


def _sensed(
    n: Array, r_on: Array, r_cell: Array, r_pull: Array, scheme: str, selector: AbstractSelector, v: Array
) -> Array:
    other = lambda i: i * r_on + selector.voltage(i)

    def surplus(u: Array) -> Array:
        if scheme in _DRIVEN:
            sneak = (n - 1.0) * _current(other, _DRIVEN[scheme][0] * v - u, r_on)
        else:
            sneak = _floating(n, r_on, other, v - u)
        return u / r_pull - sneak - cell_with_selector(selector)(1.0 / r_cell, v - u)

    return rising_root(surplus, jnp.minimum(v, 0.0), jnp.maximum(v, 0.0))


def _floating(n: Array, r_on: Array, cell: _Law, drop: Array) -> Array:
    """Current of the other cells between the selected lines, unselected lines floating."""
    side = jnp.maximum(n - 1.0, 1.0)
    path = lambda j: 2.0 * cell(j / side) - cell(-j / side**2)
    return jnp.where(n > 1, _current(path, drop, r_on * (2.0 * side + 1.0) / side**2), 0.0)


def _current(law: _Law, v: Array, r: Array) -> Array:
    """The current at which `law` takes `v`, when it takes at least that of the resistor `r`."""
    return rising_root(lambda i: law(i) - v, jnp.minimum(v, 0.0) / r, jnp.maximum(v, 0.0) / r)


def _check(scheme: str, n: Any, selector: Any, v_supply: Any, **resistances: Any) -> None:
    if scheme != "floating" and scheme not in _DRIVEN:
        raise ValueError(f"unknown scheme {scheme!r}; choose one of {['floating', *_DRIVEN]}")
    if selector is not None and not isinstance(selector, AbstractSelector):
        raise ValueError(f"selector is an AbstractSelector such as `DiodeSelector()` or None, got {selector!r}")
    for name, value in {"n": n, "v_supply": v_supply, **resistances}.items():
        check_scalar(name, value, "a number; for several use `jax.vmap`")
    if is_concrete(n) and not float(n) >= 1:
        raise ValueError(f"n is a number of lines from 1 up, got {n}")
    if is_concrete(v_supply) and not (np.isfinite(float(v_supply)) and float(v_supply) != 0):
        raise ValueError(f"v_supply is a voltage other than zero, got {v_supply}")
    for name, r in resistances.items():
        if is_concrete(r) and not float(r) > 0:
            raise ValueError(f"{name} is a resistance in ohms above 0, got {r}")
        if is_concrete(r) and name != "r_off" and not np.isfinite(float(r)):
            raise ValueError(f"{name} is a finite resistance in ohms, got {r}")
