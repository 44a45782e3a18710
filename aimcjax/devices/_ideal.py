"""A cell that keeps exactly what was written: the limit in which a tile is a matrix product."""

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import uS
from ._base import AbstractCells, AbstractDevice


class IdealCells(AbstractCells):
    """`g` [S], shape `*cell`."""

    g: Conductance


class IdealDevice(AbstractDevice):
    """A linear, noiseless, permanent conductance between `g_min` and `g_max` [S]."""

    g_max: Scalar = physical(25 * uS, unit="S", doc="assumed", above=0.0)
    g_min: Scalar = physical(0.0, unit="S", doc="assumed")

    def program(self, g_target: Conductance, *, key: PRNGKey) -> IdealCells:
        """The cells hold `g_target` [S] exactly; `key` is not needed."""
        del key
        return IdealCells(g=g_target)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """The programmed conductance [S] at any time `t` [s]."""
        del t
        return cells.g

    def read_std(self, cells: AbstractCells, t: Time) -> None:
        """Reads are noiseless."""
        del cells, t
