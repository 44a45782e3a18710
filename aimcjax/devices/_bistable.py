"""Magnetic tunnel junctions: two states, errors of writing, thermal flips."""

import jax.numpy as jnp

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import kOhm, ns
from ._base import AbstractCells, AbstractDevice
from ._distributions import unit_interval
from ._levels import nearest_integer


class BistableCells(AbstractCells):
    """Junctions after one writing event, all of shape `*cell`.

    `g` conductance as written [S]; `g_other` [S], that of the other state of the same junction; `u` the cell's variate
    in (0, 1) that decides when heat flips it.
    """

    g: Conductance
    g_other: Conductance
    u: Conductance


class Bistable(AbstractDevice):
    r"""A magnetic tunnel junction: parallel (conducting, 1) or antiparallel (0).

    $$g_P = \frac{1}{r_P (1 + \sigma_R \xi_1)}, \qquad g_{AP} = \frac{g_P}{1 + TMR\,(1 + \sigma_{TMR}\,\xi_2)}$$
    A target above the middle of the range is written as P, the other as AP, with probability `write_error` of
    the wrong one. A cell has flipped by time t with probability $(1 - e^{-2 t / \tau})/2$,
    $\tau = \tau_0 e^\Delta$, by one variate a cell: a function of the cells and t. Gradients with respect to
    the target pass straight through the decision, and are zero outside of the range.

    **Arguments:** `r_p` [Ohm]; `tmr`, ratio $(r_{AP} - r_P) / r_P$; `r_spread` (sigma_R), `tmr_spread` (sigma_TMR),
    relative deviations between devices, limited to 4 deviations; `write_error`, probability, resolved to 1e-7;
    `stability` (Delta) $= E_b / kT$; `tau_0` [s]; `read_noise`, deviation of a read relative to `g_max`.

    **Reference:** TMR 1.5 within the range 2 to 3 of on/off ratios in reviews; every other number is assumed.
    """

    r_p: Scalar = physical(5 * kOhm, unit="Ohm", doc="assumed", above=0.0)
    tmr: Scalar = physical(1.5, doc="on/off 2 to 3 in reviews; 2.5 assumed")
    r_spread: Scalar = physical(0.05, doc="assumed")
    tmr_spread: Scalar = physical(0.05, doc="assumed")
    write_error: Scalar = physical(1e-6, doc="assumed")
    stability: Scalar = physical(60.0, doc="assumed: ten years for a large array")
    tau_0: Scalar = physical(1 * ns, unit="s", doc="assumed, the usual attempt time", above=0.0)
    read_noise: Scalar = physical(0.005, doc="assumed")

    @property
    def g_min(self) -> Scalar:
        """Conductance [S] of the nominal antiparallel state."""
        return self.g_max / (1 + self.tmr)

    @property
    def g_max(self) -> Scalar:
        """Conductance [S] of the nominal parallel state."""
        return 1 / self.r_p

    def program(self, g_target: Conductance, *, key: PRNGKey) -> BistableCells:
        """Writes P where `g_target` [S] is above the middle of the range, AP elsewhere."""
        key_r, key_tmr, key_write, key_heat = _random.split(key, 4)
        shape, dtype = g_target.shape, g_target.dtype
        spread = lambda key, std: 1 + std * _random.normal(key, shape, dtype).clip(-4.0, 4.0)
        g_p = 1 / (self.r_p * spread(key_r, self.r_spread))
        g_ap = g_p / (1 + self.tmr * spread(key_tmr, self.tmr_spread))
        intended = nearest_integer(((g_target - self.g_min) / (self.g_max - self.g_min)).clip(0.0, 1.0))
        wrong = (unit_interval(key_write, shape, dtype) < self.write_error).astype(dtype)
        parallel = intended + wrong * (1 - 2 * intended)
        return BistableCells(
            g=g_ap + (g_p - g_ap) * parallel,
            g_other=g_p - (g_p - g_ap) * parallel,
            u=unit_interval(key_heat, shape, dtype),
        )

    def drift(self, cells: BistableCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s]: one of the two of the cell."""
        # exp(-Delta), not exp(Delta): a large barrier must not overflow
        flipped = -0.5 * jnp.expm1(-2 * (t / self.tau_0) * jnp.exp(-self.stability))
        return jnp.where(cells.u < flipped, cells.g_other, cells.g)

    def read_std(self, cells: BistableCells, t: Time) -> Conductance:
        """Standard deviation [S] of one read at `t` [s]."""
        del t
        return jnp.broadcast_to(self.g_max * self.read_noise, cells.g.shape)
