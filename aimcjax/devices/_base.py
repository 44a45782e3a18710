"""What every memory cell must offer: programmed once, drifted to any time, read with noise."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time


class AbstractCells(eqx.Module):
    """What one programming event left in the cells.

    `g` is the conductance as programmed [S], shape `*cell`; final subclasses add what else was drawn then.
    """

    g: eqx.AbstractVar[Conductance]


class AbstractDevice(eqx.Module):
    """The physics of one memory cell, elementwise over any shape `*cell`.

    Three lifetimes of randomness, never mixed: `program` draws once per chip, `drift` is a function of the cells
    and the time, `read` draws at every access.
    """

    g_min: eqx.AbstractVar[Scalar]
    g_max: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """Programs cells to `g_target` [S] once; `key` draws everything that stays with the cells."""

    @abc.abstractmethod
    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """The conductance [S] `t` seconds after programming, before the noise of one read."""

    @abc.abstractmethod
    def read_std(self, cells: AbstractCells, t: Time) -> Conductance | None:
        """Standard deviation [S] of one read at time `t` [s], or `None` if reads are noiseless.

        The crossbar draws, not the device: the noise of a column is drawn once, with the variance
        of the sum, instead of once per cell.
        """

    def read(self, cells: AbstractCells, t: Time, *, key: PRNGKey) -> Conductance:
        """One noisy read [S] of every cell at time `t` [s]."""
        g, std = self.drift(cells, t), self.read_std(cells, t)
        return g if std is None else g + std * _random.normal(key, g.shape, g.dtype)


def fraction_of_range(g: Conductance, g_max: Scalar) -> Float[Array, "*cell"]:
    """`g / g_max`, kept above 1e-6: the laws of the fits have logarithms and powers that are singular at zero,
    all of them clipped long before, and only their gradients would notice."""
    return (g / g_max).clip(1e-6)
