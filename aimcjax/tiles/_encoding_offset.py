"""One cell a weight: the middle of the range is zero, and what the middle adds is subtracted."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..devices import AbstractDevice
from ._encoding import AbstractEncoding, check_scale, column_scale, scaled


def _middle(device: AbstractDevice, levels: int | None) -> tuple[Scalar, Scalar]:
    """Conductance [S] of zero weight, and the swing [S] to either side of it."""
    span = device.g_max - device.g_min
    # An even number of levels has none in the middle: the lowest is left out, and zero is a level.
    unused = 0.0 if levels is None or levels % 2 else span / (levels - 1)
    swing = (span - unused) / 2.0
    return device.g_max - swing, swing


def _check_levels(levels: int | None) -> None:
    if levels is not None and (not isinstance(levels, int) or levels < 3):
        raise ValueError(
            f"an offset encoding needs a level above and one below zero, got levels={levels}: a whole number from 3"
        )


class Offset(AbstractEncoding):
    r"""One cell a weight, $g = g_0 + s\,w / w_{max}$, and the current of $g_0$ subtracted digitally:

    $$y = \mathrm{gain}\,\Big(i - g_0 \sum_r v_r\Big), \qquad \mathrm{gain} = w_{max} / s$$
    with $g_0 = (g_{max} + g_{min}) / 2$ and $s = (g_{max} - g_{min}) / 2$. If the cells have an even number n of
    `levels`, none is in the middle: the lowest is left unused, so $s$ shrinks by $(n - 2)/(n - 1)$ and zero is level
    n / 2. The gain follows (CrossSim 3.2 forgets that: its MVM is too small by this factor).

    **Arguments:** `levels` of the cells, `None` for a continuum; `w_max` as in `DifferentialPair`.

    **Raises:** `ValueError` for fewer than three levels, or a `w_max` that is not positive.

    **Reference:** the mapping is CrossSim's (Xiao et al., Sandia), with zero weight on a level. The digital sum is
    that of the voltages, as a calibrated DAC makes them (assumed).
    """

    name: ClassVar[str] = "offset"
    polarity: ClassVar[tuple[float, ...]] = (1.0,)
    ranges: ClassVar[tuple[float, ...]] = (1.0,)
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)
    levels: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        check_scale(self.w_max)
        _check_levels(self.levels)

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`."""
        x, w_max = column_scale(w, self.w_max)
        middle, swing = _middle(device, self.levels)
        return (middle + swing * x)[None], w_max / swing

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """See the class."""
        return scaled(gain, i[0] - _middle(device, self.levels)[0] * v_sum)


class OffsetUnitColumn(AbstractEncoding):
    r"""`Offset` with the subtrahend measured: one more column of the array has all cells at $g_0$, is converted like
    the others, and is subtracted from them, $y_c = \mathrm{gain}_c\,(i_c - i_{unit})$.

    What all cells share (a drift, a loss along the wires) cancels, at the price of the noise of one column in all
    outputs. Where the digital sum of `Offset` is exact, this one has errors of its own.

    **Arguments:** as `Offset`.

    **Raises:** `ValueError` for fewer than three levels, or a `w_max` that is not positive.

    **Reference:** the unit (zero-point) column of CrossSim (Xiao et al., Sandia).
    """

    name: ClassVar[str] = "offset_unit_column"
    polarity: ClassVar[tuple[float, ...]] = (1.0,)
    ranges: ClassVar[tuple[float, ...]] = (1.0,)
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)
    levels: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        check_scale(self.w_max)
        _check_levels(self.levels)

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`; the last line is the unit column."""
        x, w_max = column_scale(w, self.w_max)
        middle, swing = _middle(device, self.levels)
        return (middle + swing * jnp.pad(x, ((0, 0), (0, 1))))[None], w_max / swing

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """See the class."""
        del v_sum, device
        return scaled(gain, i[0, :-1] - i[0, -1])
