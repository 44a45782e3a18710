"""Input ranges of a layer: how inputs are brought into [-1, 1], and how the range learns.

A range is a parameter of the layer, one for each matrix or one for each tile along its inputs. A rule says what becomes
of it in the forward pass, and, for rules that need to know more of the inputs than a gradient, what to note of every
vector. The notes come out of the backward pass as the cotangent of a leaf of zeros, `seen`, summed over batches,
positions and loops, as the histograms of `calibrate` do; `training.learn_ranges` reads them.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from .._types import Scalar, physical
from ..periphery import saturate


class AbstractRangeRule(eqx.Module):
    """How a stored range acts on a part of a vector, and how it learns. `n_notes` numbers are noted of every part."""

    n_notes: eqx.AbstractVar[int]

    @abc.abstractmethod
    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """The part in units of its range, and the range."""

    @abc.abstractmethod
    def notes(self, x: Float[Array, " rows"], stored: Scalar, real: Bool[Array, " rows"]) -> Float[Array, " notes"]:
        """What to note of a part; `real` is false on padding."""

    @abc.abstractmethod
    def gradient(
        self, stored: Float[Array, "*n"], gradient: Float[Array, "*n"], notes: Float[Array, "*n notes"]
    ) -> Float[Array, "*n"]:
        """The gradient that the optimiser gets, from that of the loss and the sum of all notes."""

    @abc.abstractmethod
    def replaced(
        self, stored: Float[Array, "*n"], notes: Float[Array, "*n notes"], step: Int[Array, ""]
    ) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
        """The range after this step where it comes from the notes and not from the optimiser, and where that is."""


class LsqRange(AbstractRangeRule):
    r"""The range learns by the exact derivative, quantiser included: with $u = x/r$ and $\bar u$ its code,
    $\partial \hat x / \partial r = \bar u - u$ inside and $\pm1$ outside.

    **Reference:** LSQ, Esser et al., ICLR 2020, equation 3, without its scale of gradients.
    """

    n_notes: ClassVar[int] = 0

    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """As it is: what lies outside saturates in the DAC."""
        return x / stored, stored

    def notes(self, x: Float[Array, " rows"], stored: Scalar, real: Bool[Array, " rows"]) -> Float[Array, " notes"]:
        """None."""
        return jnp.zeros(0, x.dtype)

    def gradient(
        self, stored: Float[Array, "*n"], gradient: Float[Array, "*n"], notes: Float[Array, "*n notes"]
    ) -> Float[Array, "*n"]:
        """That of the loss."""
        return gradient

    def replaced(
        self, stored: Float[Array, "*n"], notes: Float[Array, "*n notes"], step: Int[Array, ""]
    ) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
        """Never."""
        return stored, jnp.zeros(stored.shape, bool)


class AbstractKeptRange(AbstractRangeRule):
    """A rule under which what is stored stays as it was calibrated; it takes no notes."""

    n_notes: ClassVar[int] = 0

    def notes(self, x: Float[Array, " rows"], stored: Scalar, real: Bool[Array, " rows"]) -> Float[Array, " notes"]:
        """None."""
        return jnp.zeros(0, x.dtype)

    def gradient(
        self, stored: Float[Array, "*n"], gradient: Float[Array, "*n"], notes: Float[Array, "*n notes"]
    ) -> Float[Array, "*n"]:
        """Zero."""
        return jnp.zeros_like(gradient)

    def replaced(
        self, stored: Float[Array, "*n"], notes: Float[Array, "*n notes"], step: Int[Array, ""]
    ) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
        """Always, by itself: no decay of weights moves it."""
        return stored, jnp.ones(stored.shape, bool)


class FixedRange(AbstractKeptRange):
    """The range is the one that is stored."""

    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """No gradient reaches the range."""
        stored = lax.stop_gradient(stored)
        return x / stored, stored


class ClippingRange(AbstractRangeRule):
    r"""The range learns from what it clips: the gradient of `saturate`, which only widens it, and a decay

    $$\frac{\partial L}{\partial r} \mathrel{+}= \lambda\,r\,\big[\,\mathrm{fraction}(|x| < r) > p\,\big]$$
    that narrows it as long as more than a fraction p of the inputs lies inside.

    **Arguments:** `decay` $\lambda$, `inside` p.

    **Reference:** AIHWKit, learned input ranges with `gradient_relative`, and its defaults.
    """

    decay: Scalar = physical(0.001, doc="AIHWKit: decay")
    inside: Scalar = physical(0.95, doc="AIHWKit: input_min_percentage")
    n_notes: ClassVar[int] = 2

    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """Only saturation has a gradient with respect to the range."""
        held = lax.stop_gradient(stored)
        return saturate(x, stored) / held, held

    def notes(self, x: Float[Array, " rows"], stored: Scalar, real: Bool[Array, " rows"]) -> Float[Array, " notes"]:
        """How many inputs lie inside, of how many."""
        return jnp.stack([jnp.sum(real & (jnp.abs(x) < stored), dtype=x.dtype), jnp.sum(real, dtype=x.dtype)])

    def gradient(
        self, stored: Float[Array, "*n"], gradient: Float[Array, "*n"], notes: Float[Array, "*n notes"]
    ) -> Float[Array, "*n"]:
        """With the decay."""
        narrow = notes[..., 0] > self.inside * notes[..., 1]
        return gradient + jnp.where(narrow, self.decay * stored, 0.0)

    def replaced(
        self, stored: Float[Array, "*n"], notes: Float[Array, "*n notes"], step: Int[Array, ""]
    ) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
        """Never."""
        return stored, jnp.zeros(stored.shape, bool)


class VectorRange(AbstractKeptRange):
    """Every vector (every tile's part of one) has its largest magnitude for a range: dynamic, nothing is stored.

    **Reference:** AIHWKit, noise management ABS_MAX; AIHWKit-Lightning, `dynamic`. No gradient through the maximum.
    """

    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """No input saturates; a part of zeros has a range of one."""
        largest = lax.stop_gradient(jnp.max(jnp.abs(x)))
        largest = jnp.where(largest > 0, largest, 1.0)
        return x / largest, largest


class RunningRange(AbstractRangeRule):
    r"""An exponential mean of the largest magnitude of the vectors, $r \leftarrow m r + (1 - m)\langle\max|x|\rangle$
    over the vectors of a step, frozen exactly after `steps` steps. The first step's mean takes the place of what was
    stored.

    **Arguments:** `momentum` m; `steps`.

    **Reference:** AIHWKit's AVERAGE_ABS_MAX; the defaults are those of AIHWKit-Lightning's fast mode, which averages
    the largest of the whole batch instead.
    """

    momentum: Scalar = physical(0.95, doc="AIHWKit-Lightning: act_range_momentum", at_most=1.0)
    steps: Scalar = physical(100.0, doc="AIHWKit: init_from_data")
    n_notes: ClassVar[int] = 2

    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """As a fixed range."""
        stored = lax.stop_gradient(stored)
        return x / stored, stored

    def notes(self, x: Float[Array, " rows"], stored: Scalar, real: Bool[Array, " rows"]) -> Float[Array, " notes"]:
        """The largest magnitude, of one vector."""
        return jnp.stack([jnp.max(jnp.abs(x)), jnp.ones((), x.dtype)])

    def gradient(
        self, stored: Float[Array, "*n"], gradient: Float[Array, "*n"], notes: Float[Array, "*n notes"]
    ) -> Float[Array, "*n"]:
        """Zero."""
        return jnp.zeros_like(gradient)

    def replaced(
        self, stored: Float[Array, "*n"], notes: Float[Array, "*n notes"], step: Int[Array, ""]
    ) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
        """Always; by itself from step `steps` on, and where there was nothing but zeros."""
        mean = notes[..., 0] / jnp.maximum(notes[..., 1], 1.0)
        moved = jnp.where(step == 0, mean, self.momentum * stored + (1.0 - self.momentum) * mean)
        moving = (step.astype(self.steps.dtype) < self.steps) & (mean > 0)
        return jnp.where(moving, moved, stored), jnp.ones(stored.shape, bool)


class InitialRange(AbstractRangeRule):
    r"""For the first `steps` steps the range is a mean over steps of so many standard deviations of the inputs,
    $r \leftarrow (n r + \alpha\,\mathrm{std}(x)) / (n + 1)$ after step n; from then on it is the affair of `rule`,
    which acts in the forward pass all the time.

    **Arguments:** `rule`; `steps`; `deviations` $\alpha$.

    **Reference:** AIHWKit, `init_from_data` and its defaults. There, the step that sees the inputs uses them for its
    range as well; here the step after it does.
    """

    rule: AbstractRangeRule = eqx.field(default_factory=ClippingRange)
    steps: Scalar = physical(100.0, doc="AIHWKit: init_from_data")
    deviations: Scalar = physical(3.0, doc="AIHWKit: init_std_alpha", above=0.0)

    @property
    def n_notes(self) -> int:
        """Three, and those of the rule."""
        return 3 + self.rule.n_notes

    def scale(self, x: Float[Array, " rows"], stored: Scalar) -> tuple[Float[Array, " rows"], Scalar]:
        """As the rule."""
        return self.rule.scale(x, stored)

    def notes(self, x: Float[Array, " rows"], stored: Scalar, real: Bool[Array, " rows"]) -> Float[Array, " notes"]:
        """Number, sum and sum of squares; and what the rule notes."""
        moments = jnp.stack([jnp.sum(real, dtype=x.dtype), jnp.sum(x), jnp.sum(x * x)])
        return jnp.concatenate([moments, self.rule.notes(x, stored, real)])

    def gradient(
        self, stored: Float[Array, "*n"], gradient: Float[Array, "*n"], notes: Float[Array, "*n notes"]
    ) -> Float[Array, "*n"]:
        """As the rule."""
        return self.rule.gradient(stored, gradient, notes[..., 3:])

    def replaced(
        self, stored: Float[Array, "*n"], notes: Float[Array, "*n notes"], step: Int[Array, ""]
    ) -> tuple[Float[Array, "*n"], Bool[Array, "*n"]]:
        """In the first steps, where there was anything but zeros; then as the rule counts from there."""
        n, total, squares = (notes[..., i] for i in range(3))
        variance = (squares - total * total / jnp.maximum(n, 1.0)) / jnp.maximum(n - 1.0, 1.0)
        seen = step.astype(stored.dtype)
        mean = (seen * stored + self.deviations * jnp.sqrt(jnp.maximum(variance, 0.0))) / (seen + 1.0)
        first = step.astype(self.steps.dtype) < self.steps
        later, by_rule = self.rule.replaced(stored, notes[..., 3:], step - jnp.ceil(self.steps).astype(step.dtype))
        value = jnp.where(first, jnp.where(variance > 0, mean, stored), later)
        return value, first | by_rule


@jax.custom_vjp
def note(x: Float[Array, "..."], seen: Float[Array, "..."], notes: Float[Array, "..."]) -> Float[Array, "..."]:
    """`x` itself; its backward pass gives `notes` for the cotangent of `seen`."""
    del seen, notes
    return x


def _note_forward(x: Array, seen: Array, notes: Array) -> tuple[Array, Any]:
    return x, notes


def _note_backward(notes: Array, cotangent: Array) -> tuple[Array, Array, Array]:
    return cotangent, notes, jnp.zeros_like(notes)


note.defvjp(_note_forward, _note_backward)
