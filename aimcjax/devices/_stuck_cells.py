"""Manufacturing faults: cells that were never able to switch."""

import jax.random as jr
from jaxtyping import Array, Bool, Float

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ._base import AbstractCells, AbstractDevice
from ._lifecycle import is_stuck, pinned, reprogram, silenced
from ._wrappers import AbstractWrapper, check_within, own_key


class FaultyCells(AbstractCells):
    """The `cells` of the device, of which some are stuck.

    `g` conductance as programmed [S], faults included; `u` each cell's own uniform variate in [0, 1): it decides
    whether the cell is stuck, and stays with it for life. Shape `*cell`.
    """

    cells: AbstractCells
    g: Conductance
    u: Float[Array, "*cell"]


class StuckCells(AbstractWrapper):
    r"""`device` of which some cells are stuck: with $u \sim \mathcal U(0, 1)$ of the cell, on ($g = g_{max}$) if
    $u < p_{on}$, off ($g = g_{min}$) if $1 - u \le p_{off}$.

    A stuck cell neither programs nor drifts, and is read without noise (assumed). The fault belongs to the cell: the
    same key gives the same faults, `reprogram` keeps them, and larger probabilities add faults to those there are.
    The decision is hard: gradients with respect to `p_on` and `p_off` are zero, and so are those with respect to the
    target of a stuck cell.

    **Arguments:** `device`; `p_on`, `p_off`, the share of cells stuck at `g_max` and at `g_min`, together at most 1.

    **Raises:** `ValueError` for shares that are no probabilities.

    **Reference:** independent faults of every cell, as in MNSIM (a uniform draw per cell); MemTorch fails an exact
    number instead. The shares depend on the process and have no default.
    """

    device: AbstractDevice
    p_on: Scalar = physical(doc="of the process")
    p_off: Scalar = physical(doc="of the process")

    def __check_init__(self) -> None:
        check_within("p_on", self.p_on, 0.0, 1.0)
        check_within("p_off", self.p_off, 0.0, 1.0)
        check_within("p_on + p_off", self.p_on + self.p_off, 0.0, 1.0 + 1e-6)  # 0.3 + 0.7 in float32

    def program(self, g_target: Conductance, *, key: PRNGKey) -> FaultyCells:
        """Programs the device to `g_target` [S] and draws which of its cells are stuck."""
        u = jr.uniform(own_key(key, self), g_target.shape, g_target.dtype)
        return self._settle(self.device.program(g_target, key=key), u)

    def drift(self, cells: FaultyCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s]: that of the device, but of stuck cells their own."""
        return pinned(self, self.device.drift(cells.cells, t), *self._faults(cells.u))

    def read_std(self, cells: FaultyCells, t: Time) -> Conductance | None:
        """As the device [S]; zero for stuck cells."""
        on, off = self._faults(cells.u)
        return silenced(self.device.read_std(cells.cells, t), on | off)

    def _faults(self, u: Float[Array, "*cell"]) -> tuple[Bool[Array, "*cell"], Bool[Array, "*cell"]]:
        return u < self.p_on.astype(u.dtype), 1.0 - u <= self.p_off.astype(u.dtype)

    def _settle(self, cells: AbstractCells, u: Float[Array, "*cell"]) -> FaultyCells:
        return FaultyCells(cells=cells, g=pinned(self, cells.g, *self._faults(u)), u=u)


@reprogram.register
def _(device: StuckCells, cells: FaultyCells, g_target: Conductance, *, key: PRNGKey) -> FaultyCells:
    return device._settle(reprogram(device.device, cells.cells, g_target, key=key), cells.u)


@is_stuck.register
def _(device: StuckCells, cells: FaultyCells) -> Bool[Array, "*cell"]:
    on, off = device._faults(cells.u)
    return on | off | is_stuck(device.device, cells.cells)
