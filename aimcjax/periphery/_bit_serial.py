"""Bit-serial inputs: several reads of the array, each with a few bits, shifted and added."""

import functools as ft
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..units import V
from ._checks import check_bits, whole
from ._codes import array_leaf, largest_code
from ._dac import AbstractDac
from ._quantize import digits


class BitSerialDac(AbstractDac):
    r"""The magnitude in slices of s bits, lowest first, each at full range, and the sign in all of them:

    $$v_k = v_{max} \frac{d_k}{2^s - 1}, \qquad w_k = \frac{2^{sk} (2^s - 1)}{M}, \qquad
      \sum_k w_k v_k = v_{max} \frac{\mathrm{round}(M x)}{M}, \quad M = 2^{B-1} - 1$$
    The array is read once a slice, with its own noise, and `read_array` adds the reads with the weights $w_k$:
    digitally after a conversion of each, or analog before a single one.

    **Arguments:** `v_max` [V]; `bits`, whole, with the sign; `slice_bits` (s); `adc_per_slice`, whether shift and add
    are digital; `adc_range`, for digital ones the range of the ADC in each slice relative to its full scale, `None` for
    one. All but `v_max` and `adc_range` are static: they set how many reads there are.

    **Gradient:** every slice has the slope of `digits`, so that their sum has that of `quantize`.

    **Reference:** sign-magnitude slicing of CrossSim (Xiao et al., IEEE TCAS-I 69:1480, 2022); ISAAC (Shafiee et al.,
    ISCA 2016) has one bit a slice.
    """

    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)
    bits: int = whole(8)
    slice_bits: int = whole(1)
    adc_per_slice: bool = eqx.field(static=True, default=True)
    adc_range: Float[Array, " slices"] | None = eqx.field(default=None, converter=array_leaf)

    def __check_init__(self) -> None:
        check_bits(self.bits)
        if not isinstance(self.slice_bits, int) or not 1 <= self.slice_bits < self.bits:
            raise ValueError(f"slice_bits is a whole number from 1 to {self.bits - 1}, got {self.slice_bits!r}")
        shape = getattr(self.adc_range, "shape", None)
        if shape is not None and shape[-1:] != (self.n_slices,):
            raise ValueError(f"adc_range needs one number for each of {self.n_slices} slices, got shape {shape}")

    @property
    def n_slices(self) -> int:
        """How often the array is read."""
        return -(-(self.bits - 1) // self.slice_bits)

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """The voltages [V] that all slices together stand for."""
        v, weights = self.slices(x)
        return jnp.sum(weights[:, None] * v, axis=0)

    def slices(self, x: Float[Array, " rows"]) -> tuple[Float[Array, "slices rows"], Float[Array, " slices"]]:
        """Voltages [V] of every read, and the weight of every read."""
        step = 2.0**self.slice_bits
        weights = step ** np.arange(self.n_slices) * (step - 1.0) / largest_code(self.bits)
        v = (self.v_max / (step - 1.0)) * digits(x, self.bits, self.slice_bits)
        return v, jnp.asarray(weights, x.dtype)


Slices = tuple[BitSerialDac, Float[Array, "slices rows"], Float[Array, " slices"]]


@ft.singledispatch
def slices_of(dac: Any, x: Float[Array, " rows"]) -> Slices | None:
    """How a DAC reads an array several times.

    **Arguments:** `dac`; `x`, the vector in [-1, 1] on the rows.

    **Returns:** the bit-serial converter in `dac`, and what its `slices` are behind whatever is around it: voltages [V]
    and weights of the reads; `None` for a DAC that reads once.
    """
    del dac, x


@slices_of.register
def _(dac: BitSerialDac, x: Float[Array, " rows"]) -> Slices | None:
    return dac, *dac.slices(x)
