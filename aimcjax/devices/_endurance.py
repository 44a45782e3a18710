"""Wear: every write closes the window a little, until the cell fails."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Bool, Float

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ._base import AbstractCells, AbstractDevice
from ._lifecycle import is_stuck, pinned, reprogram, silenced
from ._wrappers import AbstractWrapper, check_within, own_key


class WornCells(AbstractCells):
    """The `cells` of the device, which wear out. All arrays have the shape `*cell`.

    `g` conductance as programmed [S], failures included; `n` cycles since the first programming; `strength`, the
    cell's own unit-exponential variate: the damage at which it fails; `side`, its uniform variate: how it fails.
    `n` does not include the `cycles` of the device: in float32 a count above 16.7 million cannot be incremented.
    """

    cells: AbstractCells
    g: Conductance
    n: Float[Array, "*cell"]
    strength: Float[Array, "*cell"]
    side: Float[Array, "*cell"]


class Endurance(AbstractWrapper):
    r"""`device` worn by n write cycles: Weibull failures, and a window that closes by a power law before them.

    $$F(n) = 1 - \exp\!\big(-(n / \eta)^\beta\big), \qquad
      w(n) = \max(n / n_0,\, 1)^{-m}$$
    $$g_{lo} = g_{min} + c\,(1 - w)(g_{max} - g_{min}), \qquad
      g_{hi} = g_{max} - (1 - c)(1 - w)(g_{max} - g_{min})$$

    A cell fails at the cycle $n_f = \eta\,s^{1/\beta}$, $s \sim \mathrm{Exp}(1)$ its strength, into stuck-on
    ($g_{max}$, a share `on_share`) or stuck-off ($g_{min}$), for ever, and is then read without noise (assumed).
    A working cell is written to the target or to the edge of its window. `g_min` and `g_max` stay those of the
    fresh device: encodings do not know of the wear.

    Strength and side are drawn once: `reprogram` adds one cycle and keeps them, while `cycles` (a leaf) is the wear
    before the first programming, so chips of any age are one program. Window and saturated targets have gradients with
    respect to `cycles`, `onset`, `closure` and `centre`. Failure is a hard decision with zero gradient with respect
    to `cycles`, `scale` and `shape`: differentiate `failure_probability` instead.

    **Arguments:** `device`; `cycles`, writes before the first programming (a count); `scale` eta, the count at which
    63 % have failed; `shape` beta; `on_share`, the share of failures that are stuck on; `onset` n_0, the count where
    the window begins to close; `closure` m, 0 for none; `centre` c, where it closes to: 0 is g_min, 1 is g_max.

    **Raises:** `ValueError` for values outside of their range.

    **Reference:** the Weibull law is standard; HfOx cells endure about 1e6 cycles, with beta of 1 to 3 and eta of
    1e6 to 1e9. Power law beyond a threshold: Lammie et al. (MemTorch, 2021), $\log R$ linear in $\log(n / n_{th})$,
    here for the window instead of each resistance. Onset, exponent and centre are assumed.
    """

    device: AbstractDevice
    cycles: Scalar = physical(0.0, doc="assumed: a fresh chip")
    scale: Scalar = physical(1e7, doc="assumed, within the reported 1e6 to 1e9")
    shape: Scalar = physical(2.0, doc="assumed, within the reported 1 to 3")
    on_share: Scalar = physical(0.5, doc="assumed")
    onset: Scalar = physical(1e5, doc="assumed")
    closure: Scalar = physical(0.1, doc="assumed")
    centre: Scalar = physical(0.5, doc="assumed")

    def __check_init__(self) -> None:
        for name in ("scale", "shape", "onset"):
            check_within(name, getattr(self, name), 0.0, float("inf"), open_low=True)
        for name in ("cycles", "closure"):
            check_within(name, getattr(self, name), 0.0, float("inf"))
        for name in ("on_share", "centre"):
            check_within(name, getattr(self, name), 0.0, 1.0)

    def failure_probability(self, n: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        """F(n), the share of cells that have failed after `n` cycles; smooth in `n`, `scale` and `shape`."""
        return -jnp.expm1(-self._damage(n))

    def window(self, n: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        """w(n), what is left of `g_max - g_min` after `n` cycles, as a fraction."""
        return jnp.maximum(n / self.onset, 1.0) ** -self.closure

    def cycles_to_failure(self, cells: WornCells) -> Float[Array, "*cell"]:
        """n_f of every cell, counted from new."""
        return self.scale * cells.strength ** (1.0 / self.shape)

    def program(self, g_target: Conductance, *, key: PRNGKey) -> WornCells:
        """Writes cells of age `cycles` to `g_target` [S] and draws when and how each of them fails."""
        key_strength, key_side = jr.split(own_key(key, self))
        shape, dtype = g_target.shape, g_target.dtype
        n = jnp.zeros(shape, dtype)
        cells = self.device.program(self._reachable(g_target, n), key=key)
        return self._settle(cells, n, jr.exponential(key_strength, shape, dtype), jr.uniform(key_side, shape, dtype))

    def drift(self, cells: WornCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s]: that of the device, but of failed cells their own."""
        return pinned(self, self.device.drift(cells.cells, t), *self._failures(cells))

    def read_std(self, cells: WornCells, t: Time) -> Conductance | None:
        """As the device [S]; zero for failed cells."""
        on, off = self._failures(cells)
        return silenced(self.device.read_std(cells.cells, t), on | off)

    def _damage(self, n: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
        worn = n > 0  # a new cell has no damage, and the derivative of 0^beta by beta would be NaN
        return jnp.where(worn, (jnp.where(worn, n, 1.0) / self.scale) ** self.shape, 0.0)

    def _reachable(self, g: Conductance, n: Float[Array, "*cell"]) -> Conductance:
        closed = (self.g_max - self.g_min) * (1.0 - self.window(self.cycles + n))
        low, high = self.g_min + self.centre * closed, self.g_max - (1.0 - self.centre) * closed
        # Not `clip`, which halves the gradient of a target that is exactly on the edge, as full cells are.
        return jnp.where(g < low, low, jnp.where(g > high, high, g))

    def _failures(self, cells: WornCells) -> tuple[Bool[Array, "*cell"], Bool[Array, "*cell"]]:
        # A cell that was faulty before it was worn keeps its fault, so the order of wrappers does not matter.
        failed = (self._damage(self.cycles + cells.n) > cells.strength) & ~is_stuck(self.device, cells.cells)
        on = cells.side < self.on_share
        return failed & on, failed & ~on

    def _settle(
        self,
        cells: AbstractCells,
        n: Float[Array, "*cell"],
        strength: Float[Array, "*cell"],
        side: Float[Array, "*cell"],
    ) -> WornCells:
        worn = WornCells(cells=cells, g=cells.g, n=n, strength=strength, side=side)
        return eqx.tree_at(lambda c: c.g, worn, pinned(self, cells.g, *self._failures(worn)))


@reprogram.register
def _(device: Endurance, cells: WornCells, g_target: Conductance, *, key: PRNGKey) -> WornCells:
    n = cells.n + 1.0
    written = reprogram(device.device, cells.cells, device._reachable(g_target, n), key=key)
    return device._settle(written, n, cells.strength, cells.side)


@is_stuck.register
def _(device: Endurance, cells: WornCells) -> Bool[Array, "*cell"]:
    on, off = device._failures(cells)
    return on | off | is_stuck(device.device, cells.cells)
