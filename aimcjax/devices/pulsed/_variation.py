"""Device-to-device variation: what fabrication draws once per cell."""

import abc

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ._base import Cell, Traits, normals


class AbstractSpread(eqx.Module):
    """The distribution of a positive factor around 1."""

    @abc.abstractmethod
    def factor(self, xi: Cell) -> Cell:
        """The factor for a standard normal `xi`; 1 at zero."""


class NormalSpread(AbstractSpread):
    r"""The factor $1 + \sigma\xi$ with `std` $\sigma$."""

    std: Scalar = physical(0.3, doc="Gokmen & Vlasov 2016")

    def factor(self, xi: Cell) -> Cell:
        """$1 + \\sigma\\xi$."""
        return 1.0 + self.std * xi


class LogNormalSpread(AbstractSpread):
    r"""The factor $e^{\sigma\xi}$ with `std` $\sigma$."""

    std: Scalar = physical(0.3, doc="Rasch 2024, Eq. (7)")

    def factor(self, xi: Cell) -> Cell:
        """$e^{\\sigma\\xi}$."""
        return jnp.exp(self.std * xi)


class Variation(eqx.Module):
    r"""How cells differ from each other, drawn once with $\xi_i \sim \mathcal N(0, 1)$ for every cell:

    $$w_{max} = \bar w_{max}|1 + \sigma_{max}\xi_1|, \qquad w_{min} = \bar w_{min}|1 + \sigma_{min}\xi_2|$$
    $$\alpha_\pm = |\bar\alpha_\pm + \delta(\gamma - 1 \pm \sigma_\pm\xi_4)|, \qquad
      \gamma = 1 + \sigma_\gamma\xi_3 \;\text{or}\; e^{\sigma_\gamma\xi_3}$$
    with $\delta$ the device's `dw_min`. A fraction `stuck` of the cells has no step, and stands anywhere within
    $\pm$ `stuck_range` and its bounds.

    **Arguments:** `gain`, the spread of $\gamma$; `imbalance` $\sigma_\pm$; `w_max`, `w_min` the relative standard
    deviations of the bounds; `stuck` the probability; `stuck_range` [weight]. All dimensionless.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016) for the defaults; Rasch et al., Nat. Commun.
    15:7133 (2024), Eqs. (4)-(8). Rasch cuts a bound at zero instead of mirroring it: such a cell has no step law;
    mirroring is AIHWKit's, and concerns 4 cells in 10,000 at 30 %.
    """

    gain: AbstractSpread = eqx.field(default_factory=NormalSpread)
    imbalance: Scalar = physical(0.01, doc="Gokmen & Vlasov 2016 as in AIHWKit")
    w_max: Scalar = physical(0.3, doc="Gokmen & Vlasov 2016")
    w_min: Scalar = physical(0.3, doc="Gokmen & Vlasov 2016")
    stuck: Scalar = physical(0.0, doc="assumed: no stuck cells")
    stuck_range: Scalar = physical(0.1, doc="assumed, as AIHWKit")

    def draw(self, nominal: Traits, dw_min: Scalar, shape: tuple[int, ...], *, key: PRNGKey) -> Traits:
        """The traits of cells of `shape` around those of the `nominal` cell."""
        key_normal, key_stuck, key_level = _random.split(key, 3)
        up, down, gain, difference = normals(key_normal, 4, jnp.zeros(shape, nominal.w_max.dtype))
        w_max = nominal.w_max * jnp.abs(1.0 + self.w_max * up)
        w_min = nominal.w_min * jnp.abs(1.0 + self.w_min * down)
        common, difference = dw_min * (self.gain.factor(gain) - 1.0), dw_min * self.imbalance * difference
        alpha_up = jnp.abs(nominal.alpha_up + common + difference)
        alpha_down = jnp.abs(nominal.alpha_down + common - difference)
        stuck = jr.uniform(key_stuck, shape, w_max.dtype) < self.stuck
        low, high = jnp.maximum(w_min, -self.stuck_range), jnp.minimum(w_max, self.stuck_range)
        level = low + (high - low) * jr.uniform(key_level, shape, w_max.dtype)
        return Traits(
            w_max=jnp.where(stuck, level, w_max),
            w_min=jnp.where(stuck, level, w_min),
            alpha_up=jnp.where(stuck, 0.0, alpha_up),
            alpha_down=jnp.where(stuck, 0.0, alpha_down),
        )


def no_variation() -> Variation:
    """Cells that are all alike."""
    return Variation(gain=NormalSpread(0.0), imbalance=0.0, w_max=0.0, w_min=0.0)
