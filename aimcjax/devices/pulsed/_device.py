"""A pulsed device put together: a step law, its noise, its variation, and optional parts."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Bool

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ._base import AbstractPulsedDevice, AbstractPulseNoise, AbstractStep, Cell, Counts, PulsedCells, Traits
from ._constant import ConstantStep
from ._noise import RelativeNoise
from ._parts import Leak, Reference, Reset
from ._variation import Variation


class PulsedDevice(AbstractPulsedDevice):
    r"""Cells whose weight moves by a small step at every pulse, within bounds:

    $$w \leftarrow \mathrm{clip}\big(w + d\,[\Delta w_\pm(w) + \sigma_\pm(w)\,\xi],\; w_{min},\, w_{max}\big),
      \qquad d \in \{-1, 0, 1\}$$
    $\Delta w_\pm$ is the law `step`, $\sigma_\pm$ the law `noise` with a fresh $\xi \sim \mathcal N(0, 1)$ for every
    pulse. Every cell has bounds and scales of its own (`variation`), around $\bar\alpha_+ = \delta(1 + \min(u, 0))$ and
    $\bar\alpha_- = \delta(1 - \max(u, 0))$. Weights are in normalised units.

    **Arguments:** `step`; `dw_min` $\delta$ and the bounds `w_max` $\ge 0$, `w_min` $\le 0$ [weight]; `up_down` u,
    the imbalance of the average cell, dimensionless; `noise`; `variation`; `write_noise`, the standard deviation in
    units of `dw_min` of what a product sees around the weight that the physics holds, drawn for a cell whenever it is
    written (`None`: a product sees that weight); `reference`, `leak`, `reset` (`None`: without).

    **Raises:** `ValueError` for concrete bounds or steps of the wrong sign.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016) for the form and for the defaults, the RPU baseline
    with 1200 states; Rasch et al., arXiv 2104.02184 (2021) for the write noise. AIHWKit's diffusion and its drift
    are left out.
    """

    step: AbstractStep = eqx.field(default_factory=ConstantStep)
    dw_min: Scalar = physical(0.001, doc="Gokmen & Vlasov 2016")
    w_max: Scalar = physical(0.6, doc="Gokmen & Vlasov 2016")
    w_min: Scalar = physical(-0.6, doc="Gokmen & Vlasov 2016")
    up_down: Scalar = physical(0.0, doc="Gokmen & Vlasov 2016")
    noise: AbstractPulseNoise = eqx.field(default_factory=RelativeNoise)
    variation: Variation = eqx.field(default_factory=Variation)
    write_noise: Scalar | None = physical(None, doc="assumed: none")
    reference: Reference | None = None
    leak: Leak | None = None
    reset: Reset | None = None

    def __check_init__(self) -> None:
        values = (self.w_min, self.w_max, self.dw_min)
        if any(isinstance(value, Tracer) or not eqx.is_array(value) for value in values):
            return
        if np.any(np.asarray(self.w_min) > 0) or np.any(np.asarray(self.w_max) < 0):
            raise ValueError(
                f"bounds of a pulsed device enclose zero, got w_min = {self.w_min}, w_max = {self.w_max}: shift them"
            )
        if np.any(np.asarray(self.dw_min) <= 0):
            raise ValueError(f"dw_min is positive, got {self.dw_min}: the sign of a pulse is its direction")

    def init(self, shape: tuple[int, ...], *, key: PRNGKey) -> PulsedCells:
        """Fabricates cells of `shape` and writes zero to them."""
        key_traits, key_step, key_reference, key_leak, key_reset, key_write = _random.split(key, 6)
        nominal = self.nominal()
        traits = self.variation.draw(nominal, self.dw_min, shape, key=key_traits)
        traits = dataclasses.replace(traits, own=self.step.draw(traits, nominal, key=key_step))
        cells = PulsedCells(
            w=jnp.zeros_like(traits.w_max),
            traits=traits,
            reference=None if self.reference is None else self.reference.draw(self.step, traits, key=key_reference),
            rest=None if self.reset is None else self.reset.draw(traits, key=key_reset),
            kept=None if self.leak is None else self.leak.draw(traits, key=key_leak),
        )
        return self.write(cells, jnp.zeros_like(cells.w), key=key_write)

    def nominal(self) -> Traits:
        """The traits of a cell without variation, scalars."""
        up = self.dw_min * (1.0 + jnp.minimum(self.up_down, 0.0))
        down = self.dw_min * (1.0 - jnp.maximum(self.up_down, 0.0))
        traits = Traits(self.w_max, self.w_min, up, down)
        return dataclasses.replace(traits, own=self.step.draw(traits, traits, key=None))

    def weights(self, cells: PulsedCells) -> Cell:
        """The weights that a product with these cells uses: behind the reference, with the noise of the last write."""
        w = cells.w if cells.reference is None else cells.w - cells.reference
        return w if cells.xi is None else w + self.write_noise * self.dw_min * cells.xi

    def write(self, cells: PulsedCells, w: Cell, *, key: PRNGKey) -> PulsedCells:
        """The cells with the weights `w` written directly, within their bounds, with write noise."""
        hidden = w if cells.reference is None else w + cells.reference
        return self._written(cells, _clip(hidden, cells.traits), jnp.ones_like(w, dtype=bool), key=key)

    def expected_step(self, cells: PulsedCells, direction: Cell) -> Cell:
        """The mean change of the weight by one pulse in `direction`, before the bounds; deterministic."""
        return direction * self.step.size(cells.w, direction > 0, cells.traits)

    def pulse(self, cells: PulsedCells, direction: Cell, *, key: PRNGKey) -> PulsedCells:
        """One pulse on every cell, in `direction` +1 (up), -1 (down) or 0 (none)."""
        key_pulse, key_write = _random.split(key, 2)
        w = self._moved(cells.w, direction, cells.traits, key=key_pulse)
        return self._written(cells, w, direction != 0, key=key_write)

    def pulses(self, cells: PulsedCells, counts: Counts, *, key: PRNGKey, max_pulses: int | None = None) -> PulsedCells:
        """`counts` pulses on every cell, one after the other, up where positive and down where negative.

        **Arguments:** `counts`, whole numbers; `max_pulses`: none gets more than this many, whatever its count. Without
        it there are as many rounds as the largest count needs, but no reverse-mode gradient.
        """
        key_pulse, key_write = _random.split(key, 2)
        counts = jnp.asarray(counts, cells.w.dtype)
        left, sign = jnp.abs(counts), jnp.sign(counts)

        def one(i: Array, w: Cell) -> Cell:
            direction = jnp.where(i.astype(left.dtype) < left, sign, 0.0)
            return self._moved(w, direction, cells.traits, key=jr.fold_in(key_pulse, i))

        if max_pulses is None:
            w = lax.fori_loop(jnp.int32(0), jnp.max(left, initial=0.0).astype(jnp.int32), one, cells.w)
        else:
            w = _scan(one, max_pulses, cells.w)
        return self._written(cells, w, counts != 0, key=key_write)

    def mean_pulses(self, cells: PulsedCells, counts: Counts, *, max_pulses: int) -> PulsedCells:
        """`pulses` without the noise of the pulses: a differentiable mean field. The noise of the last write stays."""
        counts = jnp.asarray(counts, cells.w.dtype)
        left, sign = jnp.abs(counts), jnp.sign(counts)

        def one(i: Array, w: Cell) -> Cell:
            direction = jnp.where(i.astype(left.dtype) < left, sign, 0.0)
            return _clip(w + direction * self.step.size(w, direction > 0, cells.traits), cells.traits)

        return dataclasses.replace(cells, w=_scan(one, max_pulses, cells.w))

    def rest(self, cells: PulsedCells, n: float | Scalar = 1.0) -> PulsedCells:
        """The cells after `n` mini-batches of the leak: deterministic, and unchanged without a leak."""
        if cells.kept is None:
            return cells
        level = self._rest_level(cells)
        return dataclasses.replace(cells, w=_clip(level + (cells.w - level) * cells.kept**n, cells.traits))

    def reset_cells(self, cells: PulsedCells, where: Bool[Array, "*cell"], *, key: PRNGKey) -> PulsedCells:
        """The cells with those marked in `where` reset.

        **Raises:** `ValueError` if the device has no `reset`.
        """
        if self.reset is None:
            raise ValueError("this device has no reset: give it one, PulsedDevice(reset=Reset())")
        key_reset, key_write = _random.split(key, 2)
        level = self._rest_level(cells) + self.reset.std * _random.normal(key_reset, cells.w.shape, cells.w.dtype)
        return self._written(cells, jnp.where(where, _clip(level, cells.traits), cells.w), where, key=key_write)

    def granularity(self) -> Scalar:
        """The nominal length of one pulse [weight]: the mean of up and down at zero weight.

        AIHWKit takes the down step alone of an exponential law, and `dw_min` of an imbalanced one.
        """
        traits = self.nominal()
        zero, up = jnp.zeros_like(traits.w_max), jnp.ones_like(traits.w_max, dtype=bool)
        return 0.5 * (self.step.size(zero, up, traits) + self.step.size(zero, ~up, traits))

    def _moved(self, w: Cell, direction: Cell, traits: Traits, *, key: PRNGKey) -> Cell:
        up = direction > 0
        size = self.step.size(w, up, traits)
        xi = _random.normal(key, w.shape, w.dtype)
        return _clip(w + direction * (size + self.noise.std(size, w, up, traits) * xi), traits)

    def _written(self, cells: PulsedCells, w: Cell, where: Bool[Array, "*cell"], *, key: PRNGKey) -> PulsedCells:
        if self.write_noise is None:
            return dataclasses.replace(cells, w=w)
        xi = _random.normal(key, w.shape, w.dtype)
        return dataclasses.replace(cells, w=w, xi=xi if cells.xi is None else jnp.where(where, xi, cells.xi))

    def _rest_level(self, cells: PulsedCells) -> Cell:
        level = jnp.zeros_like(cells.w) if cells.rest is None else cells.rest
        return level if cells.reference is None else level + cells.reference


def _clip(w: Cell, traits: Traits) -> Cell:
    return jnp.minimum(jnp.maximum(w, traits.w_min), traits.w_max)


def _scan(one, rounds: int, w: Cell) -> Cell:
    return lax.scan(lambda w, i: (one(i, w), None), w, jnp.arange(rounds))[0]
