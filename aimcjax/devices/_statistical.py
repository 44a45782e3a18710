"""The general statistical cell: programmed with an error, relaxes, gathers noise, is read with noise."""

import equinox as eqx

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import uS
from ._base import AbstractCells, AbstractDevice, fraction_of_range
from ._distributions import AbstractDistribution, Normal
from ._laws import AbstractLaw, as_law
from ._timed_laws import AbstractTimedLaw


class StatisticalCells(AbstractCells):
    """Cells after one programming event, all of shape `*cell`.

    `g` conductance as programmed [S]; `g_target` what it should have been [S], the argument of the laws;
    `xi_relaxation`, `xi_accumulated` unit-normal variates, fixed for the life of the programmed state, or `None`
    where the device has no such law.
    """

    g: Conductance
    g_target: Conductance
    xi_relaxation: Conductance | None
    xi_accumulated: Conductance | None


class StatisticalDevice(AbstractDevice):
    r"""A memory cell known by its statistics alone.

    With $x = g_T / g_{max}$, $\epsilon$ of the `distribution` and $\xi_i \sim \mathcal N(0, 1)$, all drawn once, at
    programming:

    $$g_p = \max(g_T + g_{max}\,\sigma_{prog}(x)\,\epsilon,\, 0)$$
    $$g(t) = \max\!\big(g_p + g_{max}\,[\mu(x, t) + \sigma_{rel}(x, t)\,\xi_1 + \sigma_{1/f}(x, t)\,\xi_2],\, 0\big)$$
    and every read adds $g_{max}\,\sigma_{read}(g(t)/g_{max})$ of fresh normal noise. One variate a cell for all times:
    the spread at every t is that of the law, a cell that lost much after a day is among those that lose much after a
    year, and the same chip at the same t is the same.

    Generic errors of a deviation a are `Constant(a)` (independent of the conductance), `Power(a, 1)` (proportional)
    and `Power(a, -1, high)` (inverse). Reads are normal also if programming is not: the sum over a column is.

    **Arguments:** `g_max`, `g_min` [S]; `programming` (sigma_prog), `read_noise` (sigma_read): laws of x,
    dimensionless, a number stands for a constant, a list for a polynomial; `shift` (mu), `relaxation` (sigma_rel),
    `accumulated` (sigma_1/f): laws of x and t; `distribution` of the programming error. `None` is no such effect.

    **Reference:** the presets built on it. Generic errors: Xiao et al., CrossSim 3 (Sandia), of which the uniform one
    is given by its full width, $\sqrt{12}$ deviations.
    """

    g_max: Scalar = physical(25 * uS, unit="S", doc="assumed", above=0.0)
    g_min: Scalar = physical(0.0, unit="S", doc="assumed")
    programming: AbstractLaw | None = eqx.field(default=None, converter=as_law)
    shift: AbstractTimedLaw | None = None
    relaxation: AbstractTimedLaw | None = None
    accumulated: AbstractTimedLaw | None = None
    read_noise: AbstractLaw | None = eqx.field(default=None, converter=as_law)
    distribution: AbstractDistribution = eqx.field(default_factory=Normal)

    def program(self, g_target: Conductance, *, key: PRNGKey) -> StatisticalCells:
        """Programs cells to `g_target` [S] once; see the class for the law."""
        key_programming, key_relaxation, key_accumulated = _random.split(key, 3)
        shape, dtype = g_target.shape, g_target.dtype
        g = g_target
        if self.programming is not None:
            std = self.g_max * self.programming(fraction_of_range(g_target, self.g_max))
            g = (g_target + std * self.distribution.sample(key_programming, shape, dtype)).clip(0.0)
        return StatisticalCells(
            g=g,
            g_target=g_target,
            xi_relaxation=None if self.relaxation is None else _random.normal(key_relaxation, shape, dtype),
            xi_accumulated=None if self.accumulated is None else _random.normal(key_accumulated, shape, dtype),
        )

    def drift(self, cells: StatisticalCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s] after programming."""
        x, g = fraction_of_range(cells.g_target, self.g_max), cells.g
        if self.shift is not None:
            g = g + self.g_max * self.shift(x, t)
        if self.relaxation is not None:
            g = g + self.g_max * self.relaxation(x, t) * cells.xi_relaxation
        if self.accumulated is not None:
            g = g + self.g_max * self.accumulated(x, t) * cells.xi_accumulated
        return g.clip(0.0)

    def read_std(self, cells: StatisticalCells, t: Time) -> Conductance | None:
        """Standard deviation [S] of one read at `t` [s], `None` without a law of read noise."""
        if self.read_noise is None:
            return None
        return self.g_max * self.read_noise(fraction_of_range(self.drift(cells, t), self.g_max))
