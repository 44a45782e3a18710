"""Steps given by straight lines between nodes that are equally spaced over the range."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import PRNGKey
from ._base import AbstractStep, Cell, Direction, Traits


def _to_nodes(values) -> Float[Array, " nodes"]:
    return jnp.asarray(values, dtype=float) if not eqx.is_array(values) else values


class PiecewiseStep(AbstractStep):
    r"""$\Delta w_\pm = \pm\alpha_\pm\, f_\pm\big(\tfrac{w - w_{min}}{w_{max} - w_{min}}\big)$ with $f_\pm$ linear
    between the values at equally spaced nodes.

    **Arguments:** `up`, `down`: the values at the nodes from $w_{min}$ to $w_{max}$, dimensionless, two or more
    and as many for both.

    **Raises:** `ValueError` for fewer nodes or unequal numbers.

    **Reference:** Rasch et al., arXiv 2104.02184 (2021), piecewise step device.
    """

    up: Float[Array, " nodes"] = eqx.field(default=(1.0, 1.0), converter=_to_nodes)
    down: Float[Array, " nodes"] = eqx.field(default=(1.0, 1.0), converter=_to_nodes)

    def __check_init__(self) -> None:
        if self.up.shape != self.down.shape or self.up.ndim != 1 or self.up.shape[0] < 2:
            raise ValueError(
                f"a piecewise step needs two or more nodes, as many up as down; got the shapes {self.up.shape} "
                f"and {self.down.shape}: repeat the value of a constant step"
            )

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> None:
        """Nothing."""

    def size(self, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\alpha_\\pm$ times the line between the two nodes beside `w`."""
        n = self.up.shape[0]
        x = (n - 1) * traits.position(w)
        left = jnp.floor(x).astype(jnp.int32).clip(0, n - 2)
        # One table of both directions: one gather for each end, instead of two.
        table, at = jnp.concatenate([self.up, self.down]), left + jnp.where(up, 0, n)
        low, high = table[at], table[at + 1]
        return traits.alpha(up) * (low + (high - low) * (x - left.astype(x.dtype)))
