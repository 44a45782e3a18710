"""Steps that vanish at the bounds."""

import jax.numpy as jnp

from ..._types import PRNGKey
from ._base import AbstractAffineStep, Cell, Direction, Traits


class SoftBounds(AbstractAffineStep):
    r"""$\Delta w_+ = \alpha_+(1 - w/w_{max})$, $\;\Delta w_- = -\alpha_-(1 - w/w_{min})$, with each cell's bounds.

    n up pulses close the gap to the bound geometrically, $w_{max} - w_n = (w_{max} - w_0)(1 - \alpha_+/w_{max})^n$.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024), Eqs. (4), (5); Frascaroli et al., Sci. Rep. 8:7178 (2018).
    """

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> None:
        """Nothing."""

    def line(self, up: Direction, traits: Traits) -> tuple[Cell, Cell]:
        """$a = \\alpha_\\pm$, $b = \\alpha_\\pm / w_{max,min}$."""
        alpha, bound = traits.alpha(up), jnp.where(up, traits.w_max, traits.w_min)
        return alpha, alpha / jnp.where(bound == 0, 1.0, bound)
