"""Steps that shrink linearly with the weight, by a slope of their own."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from ..._types import PRNGKey, Scalar, physical
from ._base import AbstractAffineStep, Cell, Direction, Traits, normals


class LinearTraits(NamedTuple):
    """Each cell's slopes of the up and the down step."""

    slope_up: Cell
    slope_down: Cell


class LinearStep(AbstractAffineStep):
    r"""$\Delta w_+ = \alpha_+(1 - \gamma_+ w/w^r_{max})$, $\;\Delta w_- = -\alpha_-(1 - \gamma_- w/w^r_{min})$
    with $\gamma = |\bar\gamma + \sigma_\gamma\xi|$ drawn once per cell.

    **Arguments:** `gamma_up`, `gamma_down` $\bar\gamma$: by which fraction a step has shrunk at the bound (1 is soft
    bounds); `gamma_std` $\sigma_\gamma$; `mean_bounds`: whether $w^r$ is the nominal bound of the device (the
    default) or the cell's own.

    **Reference:** Rasch et al., arXiv 2104.02184 (2021), linear step device; fitted to the capacitor of Li et al.
    (2018) and the ECRAM of Tang et al. (2018). AIHWKit's `reverse` variants are left out.
    """

    gamma_up: Scalar = physical(0.0, doc="AIHWKit: a constant step")
    gamma_down: Scalar = physical(0.0, doc="AIHWKit: a constant step")
    gamma_std: Scalar = physical(0.05, doc="AIHWKit")
    mean_bounds: bool = eqx.field(default=True, static=True)

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> LinearTraits:
        """Each cell's slopes."""
        xi_up, xi_down = normals(key, 2, traits.w_max)
        bounds = nominal if self.mean_bounds else traits
        up = traits.alpha_up * jnp.abs(self.gamma_up + self.gamma_std * xi_up) / _divisor(bounds.w_max)
        down = traits.alpha_down * jnp.abs(self.gamma_down + self.gamma_std * xi_down) / _divisor(bounds.w_min)
        return LinearTraits(up, down)

    def line(self, up: Direction, traits: Traits) -> tuple[Cell, Cell]:
        """$a = \\alpha_\\pm$, $b = \\alpha_\\pm\\gamma_\\pm / w^r$."""
        return traits.alpha(up), jnp.where(up, traits.own.slope_up, traits.own.slope_down)


def _divisor(bound: Cell) -> Cell:
    return jnp.where(bound == 0, 1.0, bound)
