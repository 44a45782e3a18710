"""Input side: a normalised activation becomes the voltage of a row."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..units import V
from ._quantize import quantize


class AbstractDac(eqx.Module):
    """Digital-to-analog converter of the rows; `v_max` [V] is the voltage of an input of one."""

    v_max: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Voltages [V] for inputs `x`, dimensionless with full range [-1, 1]."""


class IdealDac(AbstractDac):
    """`v = v_max x`: no steps, no limit."""

    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Voltages [V] for inputs `x`."""
        return self.v_max * x


class UniformDac(AbstractDac):
    """Equal steps and saturation at the ends of the range, as `quantize` documents.

    **Arguments:** `bits`, resolution (real, a leaf); `v_max` [V].
    """

    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)
    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Voltages [V] for inputs `x`; inputs beyond [-1, 1] saturate."""
        return quantize(self.v_max * x, self.v_max, self.bits)
