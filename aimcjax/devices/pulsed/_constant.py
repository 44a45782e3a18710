"""The same step at every weight."""

import jax.numpy as jnp

from ..._types import PRNGKey
from ._base import AbstractAffineStep, Cell, Direction, Traits


class ConstantStep(AbstractAffineStep):
    r"""$\Delta w_\pm = \pm\alpha_\pm$ until the bound.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016). On a GPU AIHWKit adds the n pulses of an update
    before it clips once, if their noise is below 33 %; here every pulse meets the bound, as on its CPU.
    """

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> None:
        """Nothing."""

    def line(self, up: Direction, traits: Traits) -> tuple[Cell, Cell]:
        """$a = \\alpha_\\pm$, $b = 0$."""
        alpha = traits.alpha(up)
        return alpha, jnp.zeros_like(alpha)
