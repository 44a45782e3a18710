"""The array itself: voltages on the rows, conductances at the crossings, currents from the columns."""

import abc
import typing

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import Ohm


Cells = Float[Array, "pair rows cols"]
# Accelerators round float32 products to ten bits by default: more than an ADC resolves, and not the same everywhere.
_EXACT = lax.Precision.HIGHEST


class AbstractCrossbar(eqx.Module):
    """Column currents of an array of cells; the cells of one weight share a sense line (`polarity`).

    What depends on the cells alone is done once for many reads: `prepare` gives the cells that the crossbar
    `prepared()` reads as this one reads the cells it was given.
    """

    @abc.abstractmethod
    def prepare(self, g: Cells, g_std: Cells | None) -> tuple[Cells, Cells | None]:
        """`g` and `g_std` [S] as `prepared()` takes them, and `g_std` as it reaches the columns."""

    @abc.abstractmethod
    def prepared(self) -> "AbstractCrossbar":
        """The crossbar that reads what `prepare` gave; it prepares nothing itself."""

    @abc.abstractmethod
    def mean_currents(
        self, g: Cells, v: Float[Array, " rows"], polarity: Float[Array, " pair"], *, v_max: Scalar
    ) -> Float[Array, " cols"]:
        """Noise-free column currents [A] for conductances `g` [S] and row voltages `v` [V] of range `v_max` [V]."""

    def currents(
        self,
        g: Cells,
        g_std: Cells | None,
        v: Float[Array, " rows"],
        polarity: Float[Array, " pair"],
        *,
        v_max: Scalar,
        key: PRNGKey,
    ) -> Float[Array, " cols"]:
        r"""Column currents [A] of one read.

        Independent Gaussian noise of the cells is drawn per column, not per cell: the same law, since
        $\mathrm{Var}(\sum_r v_r g_{rc}) = \sum_r v_r^2 \sigma_{rc}^2$, at one small product instead of
        rows x cols normals. `g_std` [S] is the deviation of one read of each cell; `None` is noiseless.
        """
        i = self.mean_currents(g, v, polarity, v_max=v_max)
        if g_std is None:
            return i
        _, seen = self.prepare(g, g_std)
        variance = _product(v**2, jnp.sum(typing.cast(Array, seen) ** 2, axis=0))
        return i + _safe_sqrt(variance) * _random.normal(key, i.shape, i.dtype)


class IdealCrossbar(AbstractCrossbar):
    r"""Wires without resistance: $i_c = \sum_r v_r \sum_p s_p\, g_{prc}$ with polarity $s$ (Ohm and Kirchhoff)."""

    def prepare(self, g: Cells, g_std: Cells | None) -> tuple[Cells, Cells | None]:
        """Nothing to prepare."""
        return g, g_std

    def prepared(self) -> AbstractCrossbar:
        """Itself."""
        return self

    def mean_currents(
        self, g: Cells, v: Float[Array, " rows"], polarity: Float[Array, " pair"], *, v_max: Scalar
    ) -> Float[Array, " cols"]:
        """See the class. The cells of a weight are added up before the product, so that it is one product."""
        del v_max
        return _product(v, jnp.tensordot(polarity, g, axes=1, precision=_EXACT))


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

    def prepare(self, g: Cells, g_std: Cells | None) -> tuple[Cells, Cells | None]:
        """Nothing to prepare."""
        return g, g_std

    def prepared(self) -> AbstractCrossbar:
        """Itself."""
        return self

    def mean_currents(
        self, g: Cells, v: Float[Array, " rows"], polarity: Float[Array, " pair"], *, v_max: Scalar
    ) -> Float[Array, " cols"]:
        """See the class; three products."""
        n = v.shape[0]
        signed = jnp.tensordot(polarity, g, axes=1, precision=_EXACT)
        a = (n * self.r_wire / v_max) * _product(jnp.abs(v), jnp.sum(g, axis=0))
        c = a * (a * (0.05 * a - 0.2) + 0.5)
        far = 1.0 - (1.0 - jnp.arange(n, dtype=v.dtype) / n) ** 2
        return _product(v, signed) - c * _product(v * far, signed)


def _product(v: Float[Array, " rows"], g: Float[Array, "rows cols"]) -> Float[Array, " cols"]:
    return jnp.matmul(v, g, precision=_EXACT)


def _safe_sqrt(variance: Float[Array, " cols"]) -> Float[Array, " cols"]:
    # The derivative of sqrt at zero is infinite; a column without input has no noise and no gradient.
    positive = variance > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1.0)), 0.0)
