"""Random telegraph noise: a trap in the cell that catches and releases a charge."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import ms
from ._base import AbstractCells, AbstractDevice, fraction_of_range
from ._distributions import unit_interval
from ._laws import AbstractLaw, Constant, as_law
from ._lifecycle import is_stuck, reprogram
from ._wrappers import AbstractWrapper, own_key


class TelegraphCells(AbstractCells):
    """Cells of a device with one trap each.

    `g` conductance as programmed [S], with the trap as it was then; `cells` the cells of the device; `amplitude` the
    fraction of its conductance that an occupied trap costs a cell (0 without a trap); `occupied` 1 or 0 at
    programming; `slowness` the factor of the cell on both dwell times.
    """

    g: Conductance
    cells: AbstractCells
    amplitude: Conductance
    occupied: Conductance
    slowness: Conductance


class TelegraphNoise(AbstractWrapper):
    r"""`device` with a two-state trap in a fraction of its cells.

    An occupied trap lowers the conductance: $g = g_0 (1 - a(x))$. Empty it catches after $\tau_c$ on average, occupied
    it releases after $\tau_e$: a Markov chain with the stationary occupancy $p = \tau_e / (\tau_c + \tau_e)$. The state
    $s_0$ at programming is drawn from p once; t later the trap is occupied with probability

    $$q(t) = p + (s_0 - p)\,e^{-t (1/\tau_c + 1/\tau_e)/f}, \qquad \ln f \sim \mathcal N(0, \sigma_\tau)$$
    `drift` is the mean of that, $g_0 (1 - a q)$, a function of the cells and t; a read adds the rest, of deviation
    $g_0\,a \sqrt{q (1 - q)}$. So a trap slower than t keeps its state, a faster one is fresh noise, both moments exact
    at every t. What is not modelled: a read has the two moments of the two values but is normal, and two reads
    at the same t are independent even where they would follow each other faster than the trap.

    **Arguments:** `device`; `amplitude` (a), law of $x = g / g_{max}$, between 0 and 1; `tau_c`, `tau_e` [s], dwell
    times of the empty and of the occupied trap; `tau_spread` ($\sigma_\tau$), deviation of their logarithm between
    cells; `fraction` of the cells with a trap.

    **Reference:** the two-state chain of Machlup, J. Appl. Phys. 25:341 (1954); all numbers are assumed.
    """

    device: AbstractDevice
    amplitude: AbstractLaw = eqx.field(default_factory=lambda: Constant(0.05), converter=as_law)
    tau_c: Scalar = physical(10 * ms, unit="s", doc="assumed", above=0.0)
    tau_e: Scalar = physical(10 * ms, unit="s", doc="assumed", above=0.0)
    tau_spread: Scalar = physical(3.0, doc="assumed: more than two decades, a 1/f spectrum of many cells")
    fraction: Scalar = physical(0.3, doc="assumed")

    def program(self, g_target: Conductance, *, key: PRNGKey) -> TelegraphCells:
        """As the device programs `g_target` [S]; draws the traps."""
        key_trap, key_state, key_tau = _random.split(own_key(key, self), 3)
        shape, dtype = g_target.shape, g_target.dtype
        cells = self.device.program(g_target, key=key)
        trap = (unit_interval(key_trap, shape, dtype) < self.fraction).astype(dtype)
        amplitude = trap * self.amplitude(fraction_of_range(g_target, self.g_max))
        occupied = (unit_interval(key_state, shape, dtype) < self._occupancy()).astype(dtype)
        return TelegraphCells(
            g=cells.g * (1 - amplitude * occupied),
            cells=cells,
            amplitude=amplitude,
            occupied=occupied,
            slowness=jnp.exp(self.tau_spread * _random.normal(key_tau, shape, dtype)),
        )

    def drift(self, cells: TelegraphCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s], averaged over what the traps may do until then."""
        return self.device.drift(cells.cells, t) * (1 - cells.amplitude * self._occupied(cells, t))

    def read_std(self, cells: TelegraphCells, t: Time) -> Conductance:
        """Standard deviation [S] of one read at `t` [s]: that of the device and that of the traps."""
        q = self._occupied(cells, t)
        step = self.device.drift(cells.cells, t) * cells.amplitude / self.g_max
        variance = step**2 * q * (1 - q)
        std = self.device.read_std(cells.cells, t)
        if std is not None:
            variance = variance + (std * (1 - cells.amplitude * q) / self.g_max) ** 2
        some = variance > 1e-14  # (1e-7 of the range)^2: the root has no slope at zero
        return self.g_max * jnp.where(some, jnp.sqrt(jnp.where(some, variance, 1.0)), 0.0)

    def _occupancy(self) -> Scalar:
        return self.tau_e / (self.tau_c + self.tau_e)

    def _occupied(self, cells: TelegraphCells, t: Time) -> Conductance:
        p = self._occupancy()
        return p + (cells.occupied - p) * jnp.exp(-t * (1 / self.tau_c + 1 / self.tau_e) / cells.slowness)


@reprogram.register
def _(device: TelegraphNoise, cells: TelegraphCells, g_target: Conductance, *, key: PRNGKey) -> TelegraphCells:
    # The trap belongs to the cell, and what it holds does not ask whether the cell is written.
    inner = reprogram(device.device, cells.cells, g_target, key=key)
    g = inner.g * (1 - cells.amplitude * cells.occupied)
    return TelegraphCells(g, inner, cells.amplitude, cells.occupied, cells.slowness)


@is_stuck.register
def _(device: TelegraphNoise, cells: TelegraphCells) -> Bool[Array, "*cell"]:
    return is_stuck(device.device, cells.cells)
