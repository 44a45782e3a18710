"""Optional parts of a pulsed device: a reference cell, a leak, a reset."""

import equinox as eqx
import jax.numpy as jnp

from ..._types import PRNGKey, Scalar, physical
from ._base import AbstractStep, Cell, Traits, normals
from ._symmetry import balance


class Reference(eqx.Module):
    r"""A second, fixed cell that is subtracted: $w = u - r$ with $r = [w^*] + \mu_R + \sigma_R\xi$, drawn once.

    The pulses act on u, so that w has each cell's bounds shifted by r.

    **Arguments:** `mean` $\mu_R$, `std` $\sigma_R$, in units of the weight; `at_symmetry_point`: whether the
    reference was programmed to the symmetry point $w^*$ of its cell, which a mean and a spread then miss.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024), Methods: $\mathcal N(w^* + \mu_R, \sigma_R)$.
    """

    mean: Scalar = physical(0.0, doc="Rasch 2024")
    std: Scalar = physical(0.0, doc="Rasch 2024")
    at_symmetry_point: bool = eqx.field(default=False, static=True)

    def draw(self, step: AbstractStep, traits: Traits, *, key: PRNGKey | None) -> Cell:
        """What is subtracted from each cell [weight]."""
        (xi,) = normals(key, 1, traits.w_max)
        base = balance(step, traits) if self.at_symmetry_point else jnp.zeros_like(traits.w_max)
        return base + self.mean + self.std * xi


class Leak(eqx.Module):
    r"""What every mini-batch takes: $w \leftarrow w_{rest} + (w - w_{rest})(1 - 1/\tau)$, $\tau$ drawn once per cell,
    $\tau = \bar\tau(1 + \sigma_\tau\xi)$, and 1 if less.

    **Arguments:** `lifetime` $\bar\tau$ in mini-batches; `lifetime_std` $\sigma_\tau$, relative.

    **Reference:** Rasch et al., arXiv 2104.02184 (2021): the decay of AIHWKit's devices.
    """

    lifetime: Scalar = physical(1e6, doc="AIHWKit capacitor preset, Li 2018")
    lifetime_std: Scalar = physical(0.3, doc="AIHWKit capacitor preset, Li 2018")

    def draw(self, traits: Traits, *, key: PRNGKey | None) -> Cell:
        """The factor that one mini-batch leaves of each cell."""
        (xi,) = normals(key, 1, traits.w_max)
        return 1.0 - 1.0 / (self.lifetime * (1.0 + self.lifetime_std * xi)).clip(1.0)


class Reset(eqx.Module):
    r"""Where a reset leads: $w = b + \sigma\xi$, fresh $\xi$ at every reset and $b = \mu + \sigma_b\xi$ once per cell.

    **Arguments:** `mean` $\mu$, `cell_std` $\sigma_b$, `std` $\sigma$, all in units of the weight.

    **Reference:** Rasch et al., arXiv 2104.02184 (2021); defaults as AIHWKit's.
    """

    mean: Scalar = physical(0.0, doc="AIHWKit")
    cell_std: Scalar = physical(0.0, doc="AIHWKit")
    std: Scalar = physical(0.01, doc="AIHWKit")

    def draw(self, traits: Traits, *, key: PRNGKey | None) -> Cell:
        """Where each cell's resets lead in the mean [weight]."""
        (xi,) = normals(key, 1, traits.w_max)
        return self.mean + self.cell_std * xi
