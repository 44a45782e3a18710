"""Input ranges: which number becomes full scale of the DAC.

A range that is computed from each vector is what AIHWKit calls noise management.
"""

import abc
import functools as ft
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._types import Scalar, physical


class AbstractRange(eqx.Module):
    """The number that a vector is divided by before the DAC."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """The range of vector `x`, in its units; zero or less where there is nothing to convert."""


class StaticRange(AbstractRange):
    """One number for all vectors, measured or (being a leaf) trained; AIHWKit's CONSTANT."""

    value: Scalar = physical(1.0, doc="AIHWKit's default", above=0.0)

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """`value`."""
        return self.value.astype(x.dtype)


class LearnedRange(AbstractRange):
    r"""$e^{\lambda}$, for training: positive whatever the step, and a step changes it by a ratio.

    **Gradient:** through `x / range`, the quantiser and the product with the range, that of LSQ (Esser et al., ICLR
    2020), times the range.
    """

    log_range: Scalar = physical(0.0, doc="assumed: inputs of order one")

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """`exp(log_range)`."""
        return jnp.exp(self.log_range).astype(x.dtype)


class AbsMax(AbstractRange):
    """The largest magnitude of the vector, at most `cap`; AIHWKit's ABS_MAX with `nm_thres`."""

    cap: Scalar = physical(float("inf"), doc="AIHWKit: none", above=0.0)

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """The range of `x`."""
        return jnp.minimum(jnp.max(jnp.abs(x)), self.cap)


class Maximum(AbstractRange):
    """The largest entry with its sign, at most `cap`, for inputs that are not negative; AIHWKit's MAX."""

    cap: Scalar = physical(float("inf"), doc="AIHWKit: none", above=0.0)

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """The range of `x`."""
        return jnp.minimum(jnp.max(x), self.cap)


class Deviations(AbstractRange):
    """So many times the root mean square of the vector: outliers saturate instead of wasting the range."""

    multiple: Scalar = physical(3.0, doc="assumed", above=0.0)

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """The range of `x`."""
        scale = jnp.max(jnp.abs(x))
        safe = jnp.where(scale > 0, scale, 1.0)  # the root of zero has no slope
        power = jnp.where(scale > 0, jnp.mean((x / safe) ** 2), 1.0)
        return jnp.where(scale > 0, self.multiple * safe * jnp.sqrt(power), 0.0)


class AbsMaxNpSum(AbstractRange):
    r"""Wide enough that weights of one sign at most would not saturate the output either:

    $$\max\left(m,\;\min\left(\max\Big(\sum_r x_r^+, \sum_r x_r^-\Big)\frac{w}{b},\;\;
    \frac{m\,\rho}{\Delta}\right)\right) , \qquad m = \max_r |x_r|$$

    **Arguments:** `w_assumed` (w), weight that all cells are taken to have; `bound` (b), output bound in units of
    weight and full input; `step` ($\Delta$) of the DAC, full range 2; `resolution` ($\rho$), the coarsest
    resolution allowed.

    **Reference:** ABS_MAX_NP_SUM of AIHWKit with its defaults.
    """

    w_assumed: Scalar = physical(0.6, doc="AIHWKit: nm_assumed_wmax")
    bound: Scalar = physical(12.0, doc="AIHWKit: out_bound", above=0.0)
    step: Scalar = physical(2 / 126, doc="AIHWKit: 2 inp_bound inp_res", above=0.0)
    resolution: Scalar = physical(0.25, doc="AIHWKit: max_bm_res")

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """The range of `x`."""
        largest = jnp.max(jnp.abs(x))
        one_sided = jnp.maximum(jnp.sum(jnp.maximum(x, 0.0)), jnp.sum(jnp.maximum(-x, 0.0)))
        wanted = one_sided * self.w_assumed / self.bound
        return jnp.maximum(largest, jnp.minimum(wanted, largest * self.resolution / self.step))


class AverageAbsMax(AbstractRange):
    r"""A running mean of the largest magnitude, $a \leftarrow (1 - \lambda) a + \lambda \max|x|$; `update` gives the
    next one. A mean of zero takes the first vector's as it is.

    **Reference:** `AVERAGE_ABS_MAX` of AIHWKit."""

    average: Scalar = physical(0.0, doc="AIHWKit: none yet")
    decay: Scalar = physical(1e-3, doc="AIHWKit: nm_decay", at_most=1.0)

    def __call__(self, x: Float[Array, " n_in"]) -> Scalar:
        """The running mean; of `x` alone, as long as there is none."""
        return jnp.where(self.average > 0, self.average, jnp.max(jnp.abs(x)))

    def update(self, x: Float[Array, " n_in"]) -> "AverageAbsMax":
        """The range after vector `x`."""
        new = (1.0 - self.decay) * self(x) + self.decay * jnp.max(jnp.abs(x))
        return AverageAbsMax(average=new, decay=self.decay)


@ft.singledispatch
def observed(range_: Any, xs: Float[Array, "n n_in"]) -> Any:
    """The `range_` after it has seen vectors `xs`, one after the other: that of a running mean moves, others stay."""
    del xs
    return range_


@observed.register
def _(range_: AverageAbsMax, xs: Float[Array, "n n_in"]) -> Any:
    return lax.scan(lambda seen, x: (seen.update(x), None), range_, xs)[0]
