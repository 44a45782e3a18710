"""Drift compensation: one digital factor per tile, from calibration reads."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._types import Scalar, physical


class AbstractCompensation(eqx.Module):
    """Turns the answers of a tile to calibration vectors into a digital factor on its output."""

    @abc.abstractmethod
    def vectors(self, rows: int) -> Float[Array, "vectors rows"]:
        """The calibration inputs, in [-1, 1]."""

    @abc.abstractmethod
    def factor(self, reference: Float[Array, "vectors cols"], response: Float[Array, "vectors cols"]) -> Scalar:
        """The factor, from the `response` of the tile now and its `reference` when programmed, in the same units."""


class GlobalDriftCompensation(AbstractCompensation):
    r"""One scalar a tile: $\alpha = \left(\sum_{kc} |y_{kc}(0)| \,/\, \sum_{kc} |y_{kc}(t)|\right)^s$ for
    calibration vectors k.

    **Arguments:** `strength` s: 1 compensates, 0 does not; a leaf, so both are one program. `amplitude` of the vectors:
    one half is the mean magnitude of uniform inputs, so that the wires drop what they drop in use. `n_vectors`:
    the first vector is the constant one of the paper, the others are Walsh functions, which make the estimate
    `sqrt(n_vectors)` times sharper (one vector leaves 0.5 % on a 512x512 tile).

    The reads are taken as averaged until their noise is negligible (assumed).

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020), global drift compensation.
    """

    strength: Scalar = physical(1.0, doc="1: on, 0: off")
    amplitude: Scalar = physical(0.5, doc="assumed, see the class")
    n_vectors: int = eqx.field(static=True, default=16)

    def vectors(self, rows: int) -> Float[Array, "vectors rows"]:
        """Constant and Walsh vectors of the amplitude, as many as there are rows at most."""
        order, row = np.arange(min(self.n_vectors, rows))[:, None], np.arange(rows)[None]
        signs = 1.0 - 2.0 * (np.bitwise_count(order & row) % 2)
        return self.amplitude * jnp.asarray(signs, self.amplitude.dtype)

    def factor(self, reference: Float[Array, "vectors cols"], response: Float[Array, "vectors cols"]) -> Scalar:
        """See the class; 1 where a tile answers nothing (all weights zero)."""
        before, now = jnp.sum(jnp.abs(reference)), jnp.sum(jnp.abs(response))
        answers = (before > 0) & (now > 0)
        return (jnp.where(answers, before, 1.0) / jnp.where(answers, now, 1.0)) ** self.strength
