"""The array itself: voltages on the rows, conductances at the crossings, currents from the columns."""

import abc
import functools as ft
import operator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._types import PRNGKey, Scalar, physical
from ..periphery import with_noise
from ..units import Ohm


Cells = Float[Array, "pair rows cols"]
# Accelerators round float32 products to ten bits by default: more than an ADC resolves, and not the same everywhere.
_EXACT = lax.Precision.HIGHEST


class CellMatrix(eqx.Module):
    """An array as its columns see it: `signed` [S], what a column adds up, and `variance` [S^2] of it in one read."""

    signed: Float[Array, "rows cols"]
    variance: Float[Array, "rows cols"] | None


class CellCircuit(eqx.Module):
    """An array that must be solved at every read: cells `g` [S], their `polarity`, and `variance` [S^2] in one read."""

    g: Cells
    polarity: Float[Array, " pair"]
    variance: Float[Array, "rows cols"] | None


class AbstractCrossbar(eqx.Module):
    """Column currents of an array of cells; the cells of one weight share a sense line (`polarity`)."""

    @abc.abstractmethod
    def prepare(self, g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> Any:
        """What reads need to know of the cells, found once for many reads: anything with a `variance`.

        **Arguments:** `g`, `g_std` [S], conductances and the deviation of one read of each, `None` if noiseless;
        `polarity`, what the current of each cell of a weight counts.
        """

    @abc.abstractmethod
    def mean_currents(self, prepared: Any, v: Float[Array, " rows"], *, v_max: Scalar) -> Float[Array, " cols"]:
        """Noise-free column currents [A] of what `prepare` gave, for row voltages `v` [V] of range `v_max` [V]."""

    def moments(
        self, prepared: Any, v: Float[Array, " rows"], *, v_max: Scalar
    ) -> tuple[Float[Array, " cols"], Float[Array, " cols"] | None]:
        r"""Mean [A] and variance [A^2] of the column currents of one read, `None` for cells without noise:
        $\mathrm{Var}(\sum_r v_r g_{rc}) = \sum_r v_r^2 \sigma_{rc}^2$ for independent cells.

        Noise is drawn per column, not per cell: the same law, at one cheap product instead of rows x cols normals.
        """
        i = self.mean_currents(prepared, v, v_max=v_max)
        if prepared.variance is None:
            return i, None
        squares = (v**2).astype(prepared.variance.dtype)
        return i, jnp.matmul(squares, prepared.variance, preferred_element_type=i.dtype)

    def currents(
        self, prepared: Any, v: Float[Array, " rows"], *, v_max: Scalar, key: PRNGKey
    ) -> Float[Array, " cols"]:
        """Column currents [A] of one read: `moments` with Gaussian noise."""
        return with_noise(*self.moments(prepared, v, v_max=v_max), key=key)


def column_variance(g_std: Cells | None, polarity: Float[Array, " pair"]) -> Float[Array, "rows cols"] | None:
    r"""$\sum_p s_p^2 \sigma_p^2$ [S^2] of every weight, as reads take it.

    In single precision the terms are kept to eight bits: half the memory, and a product at twice the speed, for a
    deviation of the noise that is right to about 0.1 %. Finite differences see that rounding; where it matters, ask for
    `jax.default_matmul_precision("highest")`.
    """
    if g_std is None:
        return None
    variance = jnp.sum((polarity[:, None, None] * g_std) ** 2, axis=0)
    precision: Any = jax.config  # its settings are made when it is imported
    exact = precision.jax_default_matmul_precision in ("highest", "float32")
    return variance if exact or variance.dtype != jnp.float32 else variance.astype(jnp.bfloat16)


def cell_matrix(g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> CellMatrix:
    """Ohm and Kirchhoff without wires: the cells of a weight are added up before any product."""
    return CellMatrix(over_cells(polarity, g), column_variance(g_std, polarity))


def over_cells(polarity: Float[Array, " pair"], cells: Cells) -> Float[Array, "rows cols"]:
    """The sum over the cells of every weight, each times what its current counts."""
    # Few terms, written out: a product of matrices would first copy all cells into another order
    return ft.reduce(operator.add, [polarity[n] * cells[n] for n in range(len(cells))])


class IdealCrossbar(AbstractCrossbar):
    r"""Wires without resistance: $i_c = \sum_r v_r \sum_p s_p\, g_{prc}$ with polarity $s$ (Ohm and Kirchhoff)."""

    def prepare(self, g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> CellMatrix:
        """The sum of the cells of every weight."""
        return cell_matrix(g, g_std, polarity)

    def mean_currents(self, prepared: CellMatrix, v: Float[Array, " rows"], *, v_max: Scalar) -> Float[Array, " cols"]:
        """See the class; one product."""
        del v_max
        return product(v, prepared.signed)


class LoadedMatrix(eqx.Module):
    """A `CellMatrix` with `load` [S], the sum of all cells of a weight whatever their polarity."""

    signed: Float[Array, "rows cols"]
    load: Float[Array, "rows cols"]
    variance: Float[Array, "rows cols"] | None


class CubicIrDrop(AbstractCrossbar):
    r"""Voltage drop along the column wire by a cubic in the total current, for training and quick studies.

    $$a_c = \frac{n\,r}{v_{max}}\sum_r |v_r| \sum_p g_{prc}, \qquad c = a(a(0.05a - 0.2) + 0.5)$$
    $$i_c \leftarrow i_c - c_c \sum_r v_r \left(1 - (1 - r/n)^2\right) \sum_p s_p\,g_{prc}$$
    with n rows and `r_wire` [Ohm] per segment; row 0 is next to the sense amplifier.

    **Arguments:** `r_wire` [Ohm]; $v_{max}$ is the full scale of the DAC, so that only resistances matter.

    **Reference:** the approximation of AIHWKit's forward pass (Rasch et al., AICAS 2021). The standard crossbar of
    Rasch 2023 has the ratio 1/(0.35 Ohm x 5 uS) of wire to cell conductance; at 25 uS a cell that ratio is 0.07 Ohm
    a segment.

    Measured against the exact circuit of `WireResistance` without resistance of the rows, the largest error relative to
    the largest current, conductances uniform from 0 to g_max, inputs in [-1, 1]: at $g_{max} r$ of 1e-5 and 5e-5, 0.4 %
    and 2 % for 64x64 cells (drop 0.7 % and 3.6 %), 7 % and 20 % for 256x256 (drop 16 % and 49 %); with resistive rows
    they count on top. `SeriesResistance` is closer, at no cost per read.
    """

    r_wire: Scalar = physical(0.07 * Ohm, unit="Ohm", doc="Rasch 2023: 0.35 Ohm at 5 uS, the same ratio at 25 uS")

    def prepare(self, g: Cells, g_std: Cells | None, polarity: Float[Array, " pair"]) -> LoadedMatrix:
        """The sums of the cells of every weight, with and without their polarity."""
        cells = cell_matrix(g, g_std, polarity)
        return LoadedMatrix(cells.signed, over_cells(jnp.ones_like(polarity), g), cells.variance)

    def mean_currents(
        self, prepared: LoadedMatrix, v: Float[Array, " rows"], *, v_max: Scalar
    ) -> Float[Array, " cols"]:
        """See the class; three products."""
        n = v.shape[0]
        a = (n * self.r_wire / v_max) * product(jnp.abs(v), prepared.load)
        c = a * (a * (0.05 * a - 0.2) + 0.5)
        far = 1.0 - (1.0 - jnp.arange(n, dtype=v.dtype) / n) ** 2
        near, loaded = product(jnp.stack([v, v * far]), prepared.signed)
        return near - c * loaded


def product(v: Float[Array, "*n rows"], g: Float[Array, "rows cols"]) -> Float[Array, "*n cols"]:
    """Currents [A] of volts across conductances."""
    return jnp.matmul(v, g, precision=_EXACT)
