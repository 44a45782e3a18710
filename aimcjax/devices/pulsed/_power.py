"""Steps that follow a power of the distance to the bound."""

from typing import NamedTuple

import jax.numpy as jnp

from ..._types import PRNGKey, Scalar, physical
from ._base import AbstractStep, Cell, Direction, Traits, normals


class PowerTraits(NamedTuple):
    """Each cell's exponents of the up and the down step."""

    gamma_up: Cell
    gamma_down: Cell


class PowerStep(AbstractStep):
    r"""$\Delta w_+ = \alpha_+ \big(\tfrac{w_{max} - w}{w_{max} - w_{min}}\big)^{\gamma_+}$,
    $\;\Delta w_- = -\alpha_- \big(\tfrac{w - w_{min}}{w_{max} - w_{min}}\big)^{\gamma_-}$ with
    $\gamma_\pm = |\bar\gamma_\pm + \bar\gamma(\sigma_\gamma\xi_1 \pm \sigma_\pm\xi_2)|$ drawn once per cell,
    $\bar\gamma_+ = \bar\gamma(1 + \min(u, 0))$, $\bar\gamma_- = \bar\gamma(1 - \max(u, 0))$.

    **Arguments:** `gamma` $\bar\gamma$, `gamma_std` $\sigma_\gamma$, `up_down` u, `up_down_std` $\sigma_\pm$;
    all dimensionless.

    **Reference:** Rasch et al., arXiv 2104.02184 (2021), power step device; defaults as in AIHWKit.
    """

    gamma: Scalar = physical(1.0, doc="AIHWKit")
    gamma_std: Scalar = physical(0.1, doc="AIHWKit")
    up_down: Scalar = physical(0.0, doc="AIHWKit")
    up_down_std: Scalar = physical(0.0, doc="AIHWKit")

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> PowerTraits:
        """Each cell's exponents."""
        common, difference = normals(key, 2, traits.w_max)
        common, difference = 1.0 + self.gamma_std * common, self.up_down_std * difference
        up = self.gamma * jnp.abs(jnp.minimum(self.up_down, 0.0) + common + difference)
        down = self.gamma * jnp.abs(-jnp.maximum(self.up_down, 0.0) + common - difference)
        return PowerTraits(up, down)

    def size(self, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\alpha_\\pm$ times the power of the distance to the bound ahead."""
        ahead = jnp.where(up, traits.w_max - w, w - traits.w_min) / traits.span()
        # Kept off zero, where a power has no slope; the bound clips what little is left.
        return traits.alpha(up) * ahead.clip(1e-6) ** jnp.where(up, traits.own.gamma_up, traits.own.gamma_down)
