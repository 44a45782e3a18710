"""Retention loss: what was written fades towards a final conductance."""

import jax.numpy as jnp

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import year
from ._base import AbstractCells, AbstractDevice
from ._lifecycle import is_stuck
from ._wrappers import AbstractWrapper, check_within


class Retention(AbstractWrapper):
    r"""`device` that loses its state by a stretched exponential:

    $$g(t) = g_{dev}(t) + \big(g_{final} - g_{dev}(t)\big)\Big(1 - e^{-(t / \tau)^\beta}\Big)$$

    on top of the drift of the device $g_{dev}(t)$. A small stretch approaches a loss linear in $\log t$. Stuck cells
    keep their conductance. Reads are as noisy as those of the device before the loss (assumed).

    Where every mechanism has the same activation energy wrap the whole in `AtTemperature`; to
    accelerate the loss alone, no wrapper inside; to accelerate only the device, `Retention(AtTemperature(device))`.

    **Arguments:** `device`; `tau` [s], after which 63 % is lost, at the reference temperature; `stretch` beta;
    `g_final` [S], what is left at the end, `None` for `g_min` of the device.

    **Raises:** `ValueError` for `tau` or `stretch` not above zero.

    **Reference:** the form is the usual phenomenological one; ten years at the reference temperature is the usual
    specification, all defaults are assumed.
    """

    device: AbstractDevice
    tau: Scalar = physical(10 * year, unit="s", doc="assumed")
    stretch: Scalar = physical(0.5, doc="assumed")
    g_final: Scalar | None = physical(None, unit="S", doc="assumed: g_min")

    def __check_init__(self) -> None:
        check_within("tau", self.tau, 0.0, float("inf"), open_low=True)
        check_within("stretch", self.stretch, 0.0, float("inf"), open_low=True)

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """As the device programs, `g_target` in [S]."""
        return self.device.program(g_target, key=key)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s], after drift and loss."""
        g = self.device.drift(cells, t)
        g_final = self.g_min if self.g_final is None else self.g_final
        return jnp.where(is_stuck(self.device, cells), g, g + (g_final - g) * self._loss(t))

    def read_std(self, cells: AbstractCells, t: Time) -> Conductance | None:
        """As the device [S], at `t` [s]."""
        return self.device.read_std(cells, t)

    def _loss(self, t: Time) -> Scalar:
        elapsed = t / self.tau
        some = elapsed > 0  # at t = 0 the derivatives of 0^beta are infinite or NaN, and nothing is lost
        return jnp.where(some, -jnp.expm1(-(jnp.where(some, elapsed, 1.0) ** self.stretch)), 0.0)
