"""Devices made of other devices."""

from .._types import Conductance, PRNGKey, Scalar, Time
from ._base import AbstractCells, AbstractDevice


class NoiselessReads(AbstractDevice):
    """`device` without the noise of single reads: what averaging many reads tends to.

    Also for training: the gradient of read noise costs as much as that of everything else in a tile together, and
    training has the output noise of the converters anyway.
    """

    device: AbstractDevice

    @property
    def g_min(self) -> Scalar:
        """Smallest conductance of the device [S]."""
        return self.device.g_min

    @property
    def g_max(self) -> Scalar:
        """Largest conductance of the device [S]."""
        return self.device.g_max

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """As the device programs, `g_target` in [S]."""
        return self.device.program(g_target, key=key)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """As the device drifts [S], `t` in [s]."""
        return self.device.drift(cells, t)

    def read_std(self, cells: AbstractCells, t: Time) -> None:
        """Reads are noiseless."""
        del cells, t
