"""What a pulsed device is, what one of its cells is, and what a step law says about one pulse."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from ... import _random
from ..._types import PRNGKey, Scalar


Cell = Float[Array, "*cell"]
Direction = Bool[Array, "*cell"]
Counts = Shaped[Array, "*cell"]


class Traits(eqx.Module):
    """What fabrication gave each cell, of shape `*cell`: its own bounds and its own nominal steps.

    `w_max`, `w_min`: the bounds of its weight; `alpha_up`, `alpha_down`: its scale of an up and a down pulse, both
    positive, in units of the weight; `own`: what its step law drew besides.
    """

    w_max: Cell
    w_min: Cell
    alpha_up: Cell
    alpha_down: Cell
    own: Any = None

    def alpha(self, up: Direction) -> Cell:
        """The scale of a pulse, up where `up` and else down."""
        return jnp.where(up, self.alpha_up, self.alpha_down)

    def span(self) -> Cell:
        """`w_max - w_min`, and 1 where a stuck cell has none: its steps are zero, whatever they are divided by."""
        span = self.w_max - self.w_min
        return jnp.where(span == 0, 1.0, span)

    def position(self, w: Cell) -> Cell:
        """Where in its range the weight stands: 0 at `w_min`, 1 at `w_max`."""
        return (w - self.w_min) / self.span()


class AbstractStep(eqx.Module):
    """How far one pulse moves a weight, elementwise: the mean response, without the noise of the pulse."""

    @abc.abstractmethod
    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> Any:
        """What the law draws once per cell (`None` if nothing); without a `key` its nominal value.

        `traits` are the cells' common ones, `nominal` those of a cell without variation.
        """

    @abc.abstractmethod
    def size(self, w: Cell, up: Direction, traits: Traits) -> Cell:
        """The length of one pulse from `w`: positive if the weight follows the direction of the pulse."""


class AbstractAffineStep(AbstractStep):
    """A step law of the form $a - b w$: its symmetry point, mean and variance are known in closed form."""

    @abc.abstractmethod
    def line(self, up: Direction, traits: Traits) -> tuple[Cell, Cell]:
        """Intercept a and slope b of the step length $a - b w$."""

    def size(self, w: Cell, up: Direction, traits: Traits) -> Cell:
        """The length of one pulse from `w`, $a - b w$."""
        a, b = self.line(up, traits)
        return a - b * w


class AbstractPulseNoise(eqx.Module):
    """Cycle-to-cycle noise: how much one pulse differs from the next of the same cell."""

    @abc.abstractmethod
    def std(self, size: Cell, w: Cell, up: Direction, traits: Traits) -> Cell:
        """Standard deviation of the length of one pulse from `w` whose mean length is `size`."""


class PulsedCells(eqx.Module):
    """The state of pulsed cells, every array of shape `*cell`.

    `w`: the weight that the physics holds, hidden behind `reference` (what is subtracted, `None` for nothing) and
    `xi` (the unit-normal variate of the last write, `None` without write noise); `traits`: what fabrication gave;
    `rest`: where a reset and the leak lead; `kept`: the factor that the leak leaves, `None` without a leak.
    """

    w: Cell
    traits: Traits
    reference: Cell | None = None
    xi: Cell | None = None
    rest: Cell | None = None
    kept: Cell | None = None


class AbstractPulsedDevice(eqx.Module):
    """Cells that are trained in place by identical pulses, elementwise over any shape `*cell`."""

    w_max: eqx.AbstractVar[Scalar]
    w_min: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def init(self, shape: tuple[int, ...], *, key: PRNGKey) -> PulsedCells:
        """Fabricates cells of `shape`; `key` draws everything that stays with the cells."""

    @abc.abstractmethod
    def weights(self, cells: PulsedCells) -> Cell:
        """The weights that a product with these cells uses."""

    @abc.abstractmethod
    def pulse(self, cells: PulsedCells, direction: Cell, *, key: PRNGKey) -> PulsedCells:
        """One pulse on every cell, in `direction` +1 (up), -1 (down) or 0 (none)."""

    @abc.abstractmethod
    def pulses(self, cells: PulsedCells, counts: Counts, *, key: PRNGKey, max_pulses: int | None = None) -> PulsedCells:
        """`counts` pulses on every cell, up where positive and down where negative."""

    @abc.abstractmethod
    def granularity(self) -> Scalar:
        """The nominal length of one pulse: what an update divides by to know how many pulses it needs."""


def normals(key: PRNGKey | None, n: int, like: Cell) -> list[Cell]:
    """`n` arrays of standard normals shaped as `like`; zeros without a key: the nominal cell."""
    if key is None:
        return [jnp.zeros_like(like)] * n
    return list(_random.normal(key, (n, *like.shape), like.dtype))
