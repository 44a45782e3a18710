"""Potentiation and depression curves of a fixed number of pulses, with a label of their nonlinearity."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float

from ..._types import PRNGKey, Scalar, physical
from ._base import AbstractAffineStep, Cell, Direction, Traits, normals


_UNIT = 0.07 * math.sqrt(2.0)  # a label of 1 is a distance of 0.07 from the diagonal


class NeuroSimTraits(NamedTuple):
    """The first step of each cell's two curves and the fraction of the way that one pulse goes."""

    first_up: Cell
    first_down: Cell
    rate_up: Cell
    rate_down: Cell


class NeuroSimStep(AbstractAffineStep):
    r"""The n-th up pulse from the lower bound stands on $w(n) = w_{min} + B(1 - e^{-n/AN})$, the n-th down pulse from
    the upper on $w(n) = w_{max} - B(1 - e^{-n/AN})$, with $B = (w_{max} - w_{min})/(1 - e^{-1/A})$.

    One pulse from any weight is the next point of the curve: with $x$ the position in the range,
    $\Delta w_+ = \alpha_+ N\, \frac{1 - e^{-1/AN}}{1 - e^{-1/A}}\, \big(1 - (1 - e^{-1/A})\,x\big)$, a straight line
    in w. The curve is N pulses long if the device's `dw_min` is its range over N.

    **Arguments:** `label_up`, `label_down`: the nonlinearity labels, whose A is `parameter_of(label)`;
    `label_std`: their standard deviation from cell to cell, one draw for both; `n_pulses` N.

    **Reference:** Peng et al., DNN+NeuroSim V2.0, IEEE TCAD 40:2306 (2021): the published curves, and the labels and
    N of its training example. There the noise of a pulse is added once to the whole update, here to every pulse.
    """

    label_up: Scalar = physical(1.75, doc="DNN+NeuroSim V2.1 training example")
    label_down: Scalar = physical(1.46, doc="DNN+NeuroSim V2.1 training example")
    label_std: Scalar = physical(0.0, doc="DNN+NeuroSim V2.1 training example")
    n_pulses: Scalar = physical(32.0, doc="DNN+NeuroSim V2.1 training example, 5 bits")

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> NeuroSimTraits:
        """Each cell's curves."""
        (xi,) = normals(key, 1, traits.w_max)
        # One root for both curves of a cell: the inversion is compiled once.
        labels = jnp.stack([self.label_up + self.label_std * xi, self.label_down + self.label_std * xi])
        curvature = _curvature_of(labels.clip(-9.5, 9.5))
        rate, total = -jnp.expm1(-curvature / self.n_pulses), -jnp.expm1(-curvature)
        straight = jnp.abs(curvature) < 1e-6
        first = jnp.where(straight, 1.0, self.n_pulses * rate / jnp.where(straight, 1.0, total))
        return NeuroSimTraits(first[0], first[1], self.n_pulses * rate[0], self.n_pulses * rate[1])

    def line(self, up: Direction, traits: Traits) -> tuple[Cell, Cell]:
        """The straight line through the points of the curve."""
        own, alpha = traits.own, traits.alpha(up)
        first, rate = jnp.where(up, own.first_up, own.first_down), jnp.where(up, own.rate_up, own.rate_down)
        slope = alpha * jnp.where(up, rate, -rate) / traits.span()
        return alpha * first + slope * jnp.where(up, traits.w_min, traits.w_max), slope


def label_of(a: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
    r"""The nonlinearity label of a curve with the normalised parameter `a`, the inverse of `parameter_of`.

    The distance of the normalised curve $f(x) = (1 - e^{-x/A})/(1 - e^{-1/A})$ from the diagonal, in units of 0.07:

    $$\mathrm{NL}(A) = \frac{\max_x f(x) - x}{0.07\sqrt 2}
      = \frac{1/q - A + A\ln(Aq)}{0.07\sqrt 2}, \qquad q = 1 - e^{-1/A}$$

    **Arguments:** `a`, dimensionless, not zero; a negative one is a curve that starts slowly, with a negative label.

    **Returns:** the label, dimensionless, between -10.1 and 10.1.

    **Reference:** the closed form of the 900-entry table that comes with DNN+NeuroSim V2.1, every entry to 5e-7.
    """
    return _label_of_curvature(1.0 / jnp.asarray(a))


def parameter_of(label: Float[Array, "*cell"]) -> Float[Array, "*cell"]:
    """The normalised parameter A of a curve with the nonlinearity `label`, the inverse of `label_of`.

    **Arguments:** `label`, dimensionless, in -9.5 to 9.5; at zero, a straight line, A is infinite.

    **Returns:** A, dimensionless, differentiable.

    **Raises:** `ValueError` for a concrete label outside.
    """
    label = jnp.asarray(label)
    if not isinstance(label, Tracer) and bool(jnp.any(jnp.abs(label) > 9.5)):
        raise ValueError(f"a nonlinearity label is within -9.5 to 9.5, got up to {float(jnp.max(jnp.abs(label)))}")
    return 1.0 / _curvature_of(label)


def _label_of_curvature(k: Cell) -> Cell:
    # In k = 1/A, which is zero for a straight line and odd in the label; a series where the formula cancels.
    flat = jnp.abs(k) < 0.25
    safe = jnp.where(flat, 1.0, jnp.abs(k))
    q = -jnp.expm1(-safe)
    formula = jnp.sign(k) * (1.0 / q - 1.0 / safe + jnp.log(q / safe) / safe)
    square = jnp.where(flat, k, 0.0) ** 2
    series = k * (1 / 8 + square * (-1 / 576 + square * (1 / 25920 - square / 1075200)))
    return jnp.where(flat, series, formula) / _UNIT


def _curvature_of(label: Cell) -> Cell:
    target = jnp.abs(lax.stop_gradient(label))
    start = 8.0 * _UNIT * target / (1.0 - target * _UNIT)  # exact at both ends: a straight line and a step

    def newton(_: Array, k: Cell) -> Cell:
        value, slope = jax.jvp(_label_of_curvature, (k,), (jnp.ones_like(k),))
        return (k - (value - target) / slope).clip(0.5 * k, 2.0 * k + 1.0)

    k = lax.stop_gradient(lax.fori_loop(0, 12, newton, start)) * jnp.where(label < 0, -1.0, 1.0)
    value, slope = jax.jvp(_label_of_curvature, (k,), (jnp.ones_like(k),))
    return k - (value - label) / slope  # the last Newton step carries the gradient of the implicit function
