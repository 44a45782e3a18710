"""Drift compensation: digital factors on the outputs of a tile, from calibration reads."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._types import Scalar, physical


class AbstractCompensation(eqx.Module):
    """Turns the answers of a tile to calibration vectors into digital factors on its outputs.

    `strength` is 1 where it compensates and 0 where it does not; a leaf, so both are one program.
    """

    strength: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def vectors(self, rows: int) -> Float[Array, "vectors rows"]:
        """The calibration inputs, in [-1, 1]."""

    @abc.abstractmethod
    def factor(
        self, reference: Float[Array, "vectors cols"], response: Float[Array, "vectors cols"]
    ) -> Float[Array, "#cols"]:
        """One factor for all columns or one for each, from the `response` of the tile now and its `reference` when
        programmed, in the same units."""


class GlobalDriftCompensation(AbstractCompensation):
    r"""One scalar a tile: $\alpha = \left(\sum_{kc} |y_{kc}(0)| \,/\, \sum_{kc} |y_{kc}(t)|\right)^s$ for
    calibration vectors k.

    **Arguments:** `strength` s; `amplitude` of the vectors: one half is the mean magnitude of uniform inputs, so that
    the wires drop what they drop in use. `n_vectors`: the first vector is the constant one of the paper, the others are
    Walsh functions, which make the estimate `sqrt(n_vectors)` times sharper (one vector leaves 0.5 % on a 512x512
    tile).

    The reads are taken as averaged until their noise is negligible (assumed).

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020), global drift compensation.
    """

    strength: Scalar = physical(1.0, doc="1: on, 0: off")
    amplitude: Scalar = physical(0.5, doc="assumed, see the class")
    n_vectors: int = eqx.field(static=True, default=16)

    def vectors(self, rows: int) -> Float[Array, "vectors rows"]:
        """Constant and Walsh vectors of the amplitude, as many as there are rows at most."""
        return _walsh_vectors(self.amplitude, self.n_vectors, rows)

    def factor(
        self, reference: Float[Array, "vectors cols"], response: Float[Array, "vectors cols"]
    ) -> Float[Array, "1"]:
        """See the class; 1 where a tile answers nothing (all weights zero)."""
        total = lambda y: jnp.sum(jnp.abs(y), keepdims=True)[0]
        return ratio(total(reference), total(response)) ** self.strength


class ColumnDriftCompensation(AbstractCompensation):
    r"""One factor a column: $\alpha_c = \left(\sum_k |y_{kc}(0)| \,/\, \sum_k |y_{kc}(t)|\right)^s$.

    It also undoes what drift took from one column more than from another, and costs a multiplier a column.

    **Arguments:** as `GlobalDriftCompensation`; with `n_vectors` rows of a column are seen in so many combinations.

    **Reference:** AIHWKit's drift compensation per column, with Walsh instead of unit vectors.
    """

    strength: Scalar = physical(1.0, doc="1: on, 0: off")
    amplitude: Scalar = physical(0.5, doc="assumed, as for `GlobalDriftCompensation`")
    n_vectors: int = eqx.field(static=True, default=16)

    def vectors(self, rows: int) -> Float[Array, "vectors rows"]:
        """As those of `GlobalDriftCompensation`."""
        return _walsh_vectors(self.amplitude, self.n_vectors, rows)

    def factor(
        self, reference: Float[Array, "vectors cols"], response: Float[Array, "vectors cols"]
    ) -> Float[Array, " cols"]:
        """See the class; 1 where a column answers nothing."""
        total = lambda y: jnp.sum(jnp.abs(y), axis=0)
        return ratio(total(reference), total(response)) ** self.strength


def ratio(wanted: Float[Array, "*n"], answer: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`wanted / answer` of magnitudes, and 1 where either is zero."""
    known = (answer > 0) & (wanted > 0)
    return jnp.where(known, wanted, 1.0) / jnp.where(known, answer, 1.0)


def _walsh_vectors(amplitude: Scalar, n_vectors: int, rows: int) -> Float[Array, "vectors rows"]:
    order, row = np.arange(min(n_vectors, rows))[:, None], np.arange(rows)[None]
    signs = 1.0 - 2.0 * (np.bitwise_count(order & row) % 2)
    return amplitude * jnp.asarray(signs, amplitude.dtype)
