"""Cycle-to-cycle noise: one pulse is not like the next."""

import jax.numpy as jnp

from ..._types import Scalar, physical
from ._base import AbstractPulseNoise, Cell, Direction, Traits


class RelativeNoise(AbstractPulseNoise):
    r"""$\Delta w (1 + \sigma\xi)$: in proportion to the step, with `relative_std` $\sigma$.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016), 30 %.
    """

    relative_std: Scalar = physical(0.3, doc="Gokmen & Vlasov 2016")

    def std(self, size: Cell, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\sigma |\\Delta w|$."""
        return self.relative_std * jnp.abs(size)


class AdditiveNoise(AbstractPulseNoise):
    r"""$\Delta w + \alpha_\pm\sigma\xi$: the same at every weight, with `relative_std` $\sigma$ in units of the
    cell's scale $\alpha_\pm$.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024), Eqs. (4), (5).
    """

    relative_std: Scalar = physical(0.3, doc="Rasch 2024, Fig. 3")

    def std(self, size: Cell, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\sigma \\alpha_\\pm$."""
        return self.relative_std * traits.alpha(up)


class StateNoise(AbstractPulseNoise):
    r"""$\Delta w + \sigma(|\Delta w| + c + s|w|)\xi$: partly in proportion to the step, partly to the weight.

    **Arguments:** `relative_std` $\sigma$ and `slope` $s$, dimensionless; `offset` $c$, in units of the weight.

    **Reference:** the fit of AIHWKit's PCM preset to Nandakumar et al., Front. Neurosci. 14:406 (2020).
    """

    relative_std: Scalar = physical(0.6, doc="AIHWKit PCM preset")
    offset: Scalar = physical(0.042, doc="AIHWKit PCM preset")
    slope: Scalar = physical(0.108, doc="AIHWKit PCM preset")

    def std(self, size: Cell, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\sigma (|\\Delta w| + c + s|w|)$."""
        return self.relative_std * (jnp.abs(size) + self.offset + self.slope * jnp.abs(w))
