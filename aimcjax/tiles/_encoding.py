"""How a signed weight is held by cells that can only conduct."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..devices import AbstractDevice


class AbstractEncoding(eqx.Module):
    """Weights to target conductances, and column currents back to weights times inputs.

    `polarity` has one entry for each cell of a weight: the sign with which its current enters the sense line of the
    column, where the currents of the cells are summed before conversion.
    """

    name: ClassVar[str]
    polarity: ClassVar[tuple[float, ...]]

    @abc.abstractmethod
    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows cols"], Float[Array, " cols"]]:
        """Target conductances [S] of weights `w`, and the digital gain [weight / S] of every column, with
        `w = gain * sum(polarity * g_target)`."""


class DifferentialPair(AbstractEncoding):
    r"""Two cells a weight: $g^\pm = g_{min} + (g_{max} - g_{min}) \max(\pm w / w_{max}, 0)$,
    $w = \mathrm{gain}\,(g^+ - g^-)$.

    **Arguments:** `w_max`, the weight that a full cell stands for: `None` takes the largest magnitude of each
    column, so every column uses the whole range and is scaled back digitally (column-wise scaling); a number is the
    same for all columns, and larger weights saturate.

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020); column-wise scaling as in Rasch et al., Nat. Commun.
    14:5282 (2023).
    """

    name: ClassVar[str] = "differential_pair"
    polarity: ClassVar[tuple[float, ...]] = (1.0, -1.0)
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows cols"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`; a column of zeros has gain 0."""
        largest = jnp.max(jnp.abs(w), axis=0)
        w_max = largest if self.w_max is None else jnp.broadcast_to(self.w_max, largest.shape)
        x = (w / jnp.where(w_max > 0, w_max, 1.0)[None]).clip(-1.0, 1.0)
        span = device.g_max - device.g_min
        g_target = device.g_min + span * jnp.stack([x, -x]).clip(0.0)
        return g_target, w_max / span
