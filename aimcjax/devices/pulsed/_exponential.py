"""Steps that change exponentially with the weight."""

import jax.numpy as jnp

from ..._types import PRNGKey, Scalar, physical
from ._base import AbstractStep, Cell, Direction, Traits


class ExponentialStep(AbstractStep):
    r"""$\Delta w_\pm = \pm\alpha_\pm\max(1 - A_\pm e^{\pm\gamma_\pm z},\, 0)$ with
    $z = 2 a w/(w_{max} - w_{min}) + b$.

    **Arguments:** `a_up`, `a_down` $A_\pm$; `gamma_up`, `gamma_down` $\gamma_\pm$; `scale` a; `offset` b;
    all dimensionless.

    **Reference:** Rasch et al., arXiv 2104.02184 (2021), exponential step device; defaults as there (a ReRAM fit).
    """

    a_up: Scalar = physical(0.00081, doc="AIHWKit")
    a_down: Scalar = physical(0.36833, doc="AIHWKit")
    gamma_up: Scalar = physical(12.44625, doc="AIHWKit")
    gamma_down: Scalar = physical(12.78785, doc="AIHWKit")
    scale: Scalar = physical(0.244, doc="AIHWKit")
    offset: Scalar = physical(0.2425, doc="AIHWKit")

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> None:
        """Nothing."""

    def size(self, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\alpha_\\pm\\max(1 - A_\\pm e^{\\pm\\gamma_\\pm z}, 0)$."""
        z = 2.0 * self.scale * w / traits.span() + self.offset
        gamma = jnp.where(up, self.gamma_up, -self.gamma_down)
        return traits.alpha(up) * (1.0 - jnp.where(up, self.a_up, self.a_down) * jnp.exp(gamma * z)).clip(0.0)
