"""The crossbar of cells with a non-linear current-voltage law, with wires or without."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..devices import AbstractDevice, IdealDevice, current
from ._crossbar import AbstractCrossbar, CellCircuit, Cells, column_variance
from ._nonlinear_currents import nonlinear_currents


class NonlinearCrossbar(AbstractCrossbar):
    r"""Cells whose current is that of their device, $i = $ `devices.current(device, g, v)`, in resistive wires.

    Solved at every read by `nonlinear_currents` (NaN where that does not converge): such an array is no matrix.

    **Arguments:** `device`, of which only the law is taken: give the device of the tile; `r_row`, `r_col` [Ohm] per
    segment, `r_driver`, `r_sense` [Ohm] at the ends of the lines. Every polarity is an array of its own.

    Read noise of a cell reaches the column as $\sigma_{rc} v_r$ (assumed, as for linear cells without wires).
    """

    device: AbstractDevice = eqx.field(default_factory=IdealDevice)
    r_row: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal wires")
    r_col: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal wires")
    r_driver: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal drivers")
    r_sense: Scalar = physical(0.0, unit="Ohm", doc="assumed, ideal sense amplifiers")

    def prepare(self, g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> CellCircuit:
        """The cells themselves."""
        return CellCircuit(g, polarity, column_variance(g_std, polarity))

    def mean_currents(self, prepared: CellCircuit, v: Float[Array, " rows"], *, v_max: Scalar) -> Float[Array, " cols"]:
        """See the class; one solve of the circuit."""
        del v_max
        g = prepared.g
        rs = [jnp.asarray(r, g.dtype) for r in (self.r_row, self.r_col, self.r_driver, self.r_sense)]
        law = lambda g, v: current(self.device, g, v)
        solve = lambda g: nonlinear_currents(law, g, v, r_row=rs[0], r_col=rs[1], r_driver=rs[2], r_sense=rs[3])
        i = jax.vmap(solve)(g)
        return jnp.sum(prepared.polarity[:, None] * i, axis=0)
