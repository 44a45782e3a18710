"""Crossbars whose wires have resistance: the exact circuit, and its first order."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..units import Ohm
from ._crossbar import AbstractCrossbar, CellCircuit, CellMatrix, Cells, cell_matrix, column_variance, product
from ._effective_matrix import effective_matrix
from ._gate_ladder import gate_currents
from ._wires import CellArray, Wires


_ON = 1e-5  # how far from the full scale rounding leaves an input that is on


class WireResistance(AbstractCrossbar):
    r"""Kirchhoff's laws of the array with its wires: the circuit of `crossbar_currents`.

    Driven rows and linear cells make a fixed matrix of the array: `prepare` finds it once per snapshot of a tile, so
    that reading a batch costs one product, as without wires (`crossbar_currents` solves single vectors).

    **Arguments:** `r_row`, `r_col` [Ohm] per segment of a row and a column line; `r_driver`, `r_sense` [Ohm] at their
    ends; `source`, "input" (rows are driven) or "gate" (1T1R: inputs open gates on a supply at the full scale of the
    DAC, solved at every read); `interleaved`: the cells of a weight are adjacent columns of one array instead of an
    array each.

    Gates are on or off: a tile with them needs a `BitSerialDac` of one bit a slice, and the currents of any other
    voltage are NaN. Negative inputs are a read of their own, subtracted.

    Read noise of a cell reaches the column as its current does: $\sigma_{rc} W_{rc} / g_{rc}$, at most
    $\sigma_{rc}$ (assumed: exact where the cell is a small part of its lines' load; for gate inputs the wires do
    not reduce it).

    **Reference:** circuit topologies of CrossSim (Xiao et al., TCAS-I 69:1480, 2022). Defaults as `CubicIrDrop`.
    """

    r_row: Scalar = physical(0.07 * Ohm, unit="Ohm", doc="Rasch 2023: 0.35 Ohm at 5 uS, the same ratio at 25 uS")
    r_col: Scalar = physical(0.07 * Ohm, unit="Ohm", doc="assumed, as the rows")
    r_driver: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal drivers")
    r_sense: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal sense amplifiers")
    source: str = eqx.field(static=True, default="input")
    interleaved: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        if self.source not in ("input", "gate"):
            raise ValueError(f"unknown source {self.source!r}; choose one of ['gate', 'input']")

    def prepare(self, g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> CellMatrix | CellCircuit:
        """The effective conductances and variances; the cells themselves where inputs are gates."""
        if self.source == "gate":
            return CellCircuit(g, polarity, column_variance(g_std, polarity))
        wires = _wires(self, g)
        if self.interleaved:
            seen = _apart(effective_matrix(_side_by_side(g), wires), g.shape[0])
        else:
            seen = jax.vmap(lambda g: effective_matrix(g, wires))(g)
        return cell_matrix(seen, _seen_noise(g, seen, g_std), polarity)

    def mean_currents(
        self, prepared: CellMatrix | CellCircuit, v: Float[Array, " rows"], *, v_max: Scalar
    ) -> Float[Array, " cols"]:
        """See the class; one product, or the ladders of the gates."""
        if isinstance(prepared, CellMatrix):
            return product(v, prepared.signed)
        g, wires = prepared.g, _wires(self, prepared.g)
        solve = lambda g: _signed_gates(g, v, v_max, wires)
        i = solve(_side_by_side(g)).reshape(-1, g.shape[0]).T if self.interleaved else jax.vmap(solve)(g)
        return jnp.sum(prepared.polarity[:, None] * i, axis=0)


class SeriesResistance(AbstractCrossbar):
    r"""Wire resistance to first order, for training: every cell in series with what its lines cost it.

    $$W = \frac{g}{1 + g R_{row} + R_{col}\, g}$$ (elementwise division; matrices of `WireResistance`), the exact
    first order in the resistances for any input, bounded and positive beyond. Two products per snapshot.

    **Arguments:** resistances [Ohm] as `WireResistance`; every polarity is an array of its own.

    Measured against the exact circuit, the largest error relative to the largest current, conductances uniform from 0
    to g_max, inputs in [-1, 1], wires on both sides: at $g_{max} r$ of 1e-5 and 5e-5, 5e-5 and 1.4e-3 for 64x64 cells
    (drop 1.8 % and 9 %), 0.008 and 0.09 for 256x256 (drop 23 % and 120 %).

    **Reference:** Kirchhoff's laws of `WireResistance`, expanded to first order; the denominator is assumed.
    """

    r_row: Scalar = physical(0.07 * Ohm, unit="Ohm", doc="Rasch 2023: 0.35 Ohm at 5 uS, the same ratio at 25 uS")
    r_col: Scalar = physical(0.07 * Ohm, unit="Ohm", doc="assumed, as the rows")
    r_driver: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal drivers")
    r_sense: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal sense amplifiers")

    def prepare(self, g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> CellMatrix:
        """The effective conductances and variances."""
        wires = _wires(self, g)
        seen = g / (1.0 + jax.vmap(wires.drop)(g))
        return cell_matrix(seen, _seen_noise(g, seen, g_std), polarity)

    def mean_currents(self, prepared: CellMatrix, v: Float[Array, " rows"], *, v_max: Scalar) -> Float[Array, " cols"]:
        """See the class; one product."""
        del v_max
        return product(v, prepared.signed)


def _signed_gates(g: CellArray, v: Float[Array, " rows"], v_max: Scalar, wires: Wires) -> Float[Array, " cols"]:
    on_or_off = jnp.all((v == 0) | (jnp.abs(jnp.abs(v) - v_max) <= _ON * v_max))
    return jnp.where(on_or_off, v_max, jnp.nan) * (gate_currents(g, v > 0, wires) - gate_currents(g, v < 0, wires))


def _wires(crossbar: WireResistance | SeriesResistance, g: Cells) -> Wires:
    resistances = (crossbar.r_row, crossbar.r_col, crossbar.r_driver, crossbar.r_sense)
    return Wires(*(jnp.asarray(r, g.dtype) for r in resistances))


def _seen_noise(g: Cells, seen: Cells, g_std: Cells | None) -> Cells | None:
    if g_std is None:
        return None
    some = g > 0
    return g_std * jnp.where(some, jnp.clip(seen / jnp.where(some, g, 1.0), 0.0, 1.0), 1.0)


def _side_by_side(g: Cells) -> Float[Array, "rows lines"]:
    return jnp.moveaxis(g, 0, -1).reshape(g.shape[1], -1)


def _apart(g: Float[Array, "rows lines"], pair: int) -> Cells:
    return jnp.moveaxis(g.reshape(g.shape[0], -1, pair), -1, 0)
