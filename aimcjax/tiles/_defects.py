"""Faults that know where a cell lies: dead lines and clusters. Single stuck cells are `devices.StuckCells`."""

import dataclasses
import functools

import jax.numpy as jnp
import jax.random as jr
from jax.scipy import stats
from jaxtyping import Array, Bool, Float

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..devices import AbstractCells, AbstractDevice, AbstractWrapper, is_stuck, reprogram
from ..devices._lifecycle import pinned, silenced
from ..devices._wrappers import check_within, own_key


_LARGEST = 12  # cells from a fault that its cluster can reach; the kernel is cut there


class DefectiveCells(AbstractCells):
    """The `cells` of the device on an array with faults.

    `g` conductance as programmed [S], faults included; `u_row`, `u_col`, `u_on`, `u_off`: the uniform variates in
    [0, 1) of the lines and of the place of each cell, which stay for life. All of shape `*cell`.
    """

    cells: AbstractCells
    g: Conductance
    u_row: Float[Array, "*cell"]
    u_col: Float[Array, "*cell"]
    u_on: Float[Array, "*cell"]
    u_off: Float[Array, "*cell"]


class ArrayDefects(AbstractWrapper):
    r"""`device` on an array with dead lines and clusters of stuck cells; rows are the axis before the last.

    A dead row or column is open: its cells conduct nothing, $g = 0$. A row is one line for all cells of a weight, a
    column one for each. Clusters: $u = \Phi(z)$ with z white noise smoothed by a Gaussian of the `radius` [cells] and
    scaled to deviation one, so every cell is stuck with the given probability, and neighbours together:
    stuck on ($g_{max}$) if $u_{on} < p_{on}$, off ($g_{min}$) if $u_{off} < p_{off}$ and not on.

    Faults do not program, drift or fluctuate. The same key gives the same faults, `reprogram` keeps them, larger
    probabilities add to them. Hard decisions, no gradient with respect to the probabilities.

    **Arguments:** `device`; `p_row`, `p_col`, the share of dead lines; `p_on`, `p_off`, of stuck cells; `radius`, at
    most 4 (the kernel ends after 12 cells).

    **Raises:** `ValueError` for shares that are no probabilities, or a radius beyond the kernel.

    **Reference:** open lines and clusters are the usual yield classes; shares and radius depend on the process. The
    Gaussian field is assumed (a thinned point process has clusters of the same size, but no such simple marginal).
    """

    device: AbstractDevice
    p_row: Scalar = physical(0.0, doc="of the process", at_most=1.0)
    p_col: Scalar = physical(0.0, doc="of the process", at_most=1.0)
    p_on: Scalar = physical(0.0, doc="of the process", at_most=1.0)
    p_off: Scalar = physical(0.0, doc="of the process", at_most=1.0)
    radius: Scalar = physical(1.5, doc="assumed", above=0.0, at_most=4.0)

    def __check_init__(self) -> None:
        for name in ("p_row", "p_col", "p_on", "p_off"):
            check_within(name, getattr(self, name), 0.0, 1.0)
        check_within("radius", self.radius, 0.0, 4.0, open_low=True)

    def program(self, g_target: Conductance, *, key: PRNGKey) -> DefectiveCells:
        """Programs the device to `g_target` [S] and draws the faults of the array.

        **Raises:** `ValueError` for cells that do not lie in rows and columns.
        """
        if g_target.ndim < 2:
            raise ValueError(f"defects of an array need cells in rows and columns, got shape {g_target.shape}")
        key_row, key_col, key_on, key_off = _random.split(own_key(key, self), 4)
        shape, dtype = g_target.shape, g_target.dtype
        row = jr.uniform(key_row, (shape[-2], 1), dtype)
        col = jr.uniform(key_col, (*shape[:-2], 1, shape[-1]), dtype)
        blank = DefectiveCells(
            cells=self.device.program(g_target, key=key),
            g=g_target,
            u_row=jnp.broadcast_to(row.reshape((1,) * (len(shape) - 2) + row.shape), shape),
            u_col=jnp.broadcast_to(col, shape),
            u_on=_clustered(key_on, shape, dtype, self.radius),
            u_off=_clustered(key_off, shape, dtype, self.radius),
        )
        return self._settle(blank)

    def drift(self, cells: DefectiveCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s]: that of the device, but of faults their own."""
        return self._faulty(cells, self.device.drift(cells.cells, t))

    def read_std(self, cells: DefectiveCells, t: Time) -> Conductance | None:
        """As the device [S]; zero for faults."""
        return silenced(self.device.read_std(cells.cells, t), self.faults(cells))

    def faults(self, cells: DefectiveCells) -> Bool[Array, "*cell"]:
        """Which cells are stuck or lie on a dead line."""
        return self._dead(cells) | (cells.u_on < self.p_on) | (cells.u_off < self.p_off)

    def _dead(self, cells: DefectiveCells) -> Bool[Array, "*cell"]:
        return (cells.u_row < self.p_row) | (cells.u_col < self.p_col)

    def _faulty(self, cells: DefectiveCells, g: Conductance) -> Conductance:
        g = pinned(self, g, cells.u_on < self.p_on, cells.u_off < self.p_off)
        return jnp.where(self._dead(cells), jnp.zeros_like(g), g)

    def _settle(self, cells: DefectiveCells) -> DefectiveCells:
        return dataclasses.replace(cells, g=self._faulty(cells, cells.cells.g))


@reprogram.register
def _(device: ArrayDefects, cells: DefectiveCells, g_target: Conductance, *, key: PRNGKey) -> DefectiveCells:
    written = reprogram(device.device, cells.cells, g_target, key=key)
    return device._settle(dataclasses.replace(cells, cells=written))


@is_stuck.register
def _(device: ArrayDefects, cells: DefectiveCells) -> Bool[Array, "*cell"]:
    return device.faults(cells) | is_stuck(device.device, cells.cells)


def _clustered(key: PRNGKey, shape: tuple[int, ...], dtype: jnp.dtype, radius: Scalar) -> Float[Array, "*cell"]:
    offsets = jnp.arange(-_LARGEST, _LARGEST + 1).astype(dtype)
    kernel = jnp.exp(-0.5 * (offsets / radius.astype(dtype)) ** 2)
    kernel = kernel / jnp.sqrt(jnp.sum(kernel**2))
    *planes, rows, cols = shape
    # Noise beyond the edges too: a cell at the edge is like any other.
    z = _random.normal(key, (*planes, rows + 2 * _LARGEST, cols + 2 * _LARGEST), dtype)
    taps = range(2 * _LARGEST + 1)
    z = functools.reduce(jnp.add, [kernel[k] * z[..., k : k + rows, :] for k in taps])
    z = functools.reduce(jnp.add, [kernel[k] * z[..., k : k + cols] for k in taps])
    return stats.norm.cdf(z)
