"""Cells that only know pulses, as cells of a tile."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..devices import AbstractCells, AbstractDevice, reprogram
from ..devices.pulsed import AbstractPulsedDevice, PulsedCells, PulsedDevice
from ..units import uS
from ._programming_actions import burst, correct, first_write


class ConductiveCells(AbstractCells):
    """Pulsed `cells` and the conductance `g` [S] that they have."""

    cells: PulsedCells
    g: Conductance


class PulsedConductance(AbstractDevice):
    r"""A pulsed `device` whose weight is a conductance, so that tiles hold it and policies pulse it:

    $$g = \max\Big(g_{min} + (g_{max} - g_{min})\,\frac{w - w_{min}}{w_{max} - w_{min}},\; 0\Big)$$
    with the bounds $w_{min}$, $w_{max}$ of the average cell; one with wider bounds of its own goes beyond the range.
    Programmed once, a new cell gets the nominal number of pulses that leads from zero weight to its target;
    `WriteVerify`, `GradientProgramming` and `PulsePredictor` go on pulsing. No drift and no read noise.

    **Arguments:** `device`; `g_min`, `g_max` [S], the conductance at its bounds.

    **Reference:** the linear map of AIHWKit's conductance converters; the default range is that of `Pcm` (assumed).
    """

    device: AbstractPulsedDevice = eqx.field(default_factory=PulsedDevice)
    g_min: Scalar = physical(0.0, unit="S", doc="assumed")
    g_max: Scalar = physical(25 * uS, unit="S", doc="assumed: as Pcm")

    def program(self, g_target: Conductance, *, key: PRNGKey) -> ConductiveCells:
        """New cells, pulsed towards `g_target` [S] once."""
        return first_write(self, g_target, key=key)[0]

    def drift(self, cells: ConductiveCells, t: Time) -> Conductance:
        """The conductance [S], which stays."""
        del t
        return cells.g

    def read_std(self, cells: ConductiveCells, t: Time) -> None:
        """Reads are noiseless."""
        del cells, t

    @property
    def siemens(self) -> Scalar:
        """Conductance [S] of one unit of the weight."""
        return (self.g_max - self.g_min) / (self.device.w_max - self.device.w_min)

    def weight_of(self, g: Conductance) -> Float[Array, "*cell"]:
        """The weight that has the conductance `g` [S]."""
        return self.device.w_min + (g - self.g_min) / self.siemens

    def holding(self, cells: PulsedCells) -> ConductiveCells:
        """Pulsed cells with their conductance."""
        w = self.device.weights(cells)
        g = jnp.maximum(self.g_min + (w - self.device.w_min) * self.siemens, 0.0)
        return ConductiveCells(cells=cells, g=g)


@reprogram.register
def _(device: PulsedConductance, cells: ConductiveCells, g_target: Conductance, *, key: PRNGKey) -> ConductiveCells:
    counts = burst(device.device, device.weight_of(g_target) - device.device.weights(cells.cells))
    return device.holding(device.device.pulses(cells.cells, counts, key=key))


@first_write.register
def _(device: PulsedConductance, target: Conductance, *, key: PRNGKey) -> tuple[ConductiveCells, Array]:
    cells, pulses = first_write(device.device, device.weight_of(target), key=key)
    return device.holding(cells), pulses


@correct.register
def _(
    device: PulsedConductance, cells: Any, command: Array, error: Array, where: Bool[Array, "*cell"], *, key: PRNGKey
) -> tuple[ConductiveCells, Array]:
    change = error / device.siemens
    pulsed, pulses = correct(device.device, cells.cells, command, change, where, key=key)
    return device.holding(pulsed), pulses
