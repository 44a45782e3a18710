"""Several programmed copies of one matrix, averaged digitally."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Time
from ..tiles import AbstractTileDesign
from ._calibration import check_vectors
from ._compensation import AbstractCompensation
from ._matrix import MatrixSnapshot, TiledMatrix, program_matrix


class AveragedSnapshot(eqx.Module):
    """Copies of a matrix at one time; see `AveragedMatrix`."""

    copies: MatrixSnapshot
    share: Float[Array, "copies n_out"]

    def __call__(self, x: Float[Array, " n_in"], *, key: PRNGKey) -> Float[Array, " n_out"]:
        """The average of the copies' products for one vector in [-1, 1]."""
        keys = _random.split(key, self.share.shape[0])
        y = eqx.filter_vmap(lambda copy, key: copy(x, key=key), in_axes=(eqx.if_array(0), 0))(self.copies, keys)
        return jnp.sum(self.share * y, axis=0)


class AveragedMatrix(eqx.Module):
    """Copies of one matrix on tiles of their own: every output is the average of those copies that hold it best.

    `copies` have one more leading axis; `share` of every copy in every output sums to one over the copies.

    **Reference:** layer ensemble averaging, Yousuf et al., Nat. Commun. 16 (2025): with 20 % stuck cells back to within
    5 points of the baseline on their task.
    """

    copies: TiledMatrix
    share: Float[Array, "copies n_out"]

    def at(self, t: Time) -> AveragedSnapshot:
        """The copies `t` seconds after programming."""
        aged = eqx.filter_vmap(lambda copy: copy.at(t), in_axes=(eqx.if_array(0),))(self.copies)
        return AveragedSnapshot(aged, self.share)

    def __call__(self, x: Float[Array, " n_in"], *, t: Time, key: PRNGKey) -> Float[Array, " n_out"]:
        """One analog product `y ~ x @ w` of one vector in [-1, 1] at `t` [s] after programming."""
        return self.at(t)(x, key=key)


def program_copies(
    design: AbstractTileDesign,
    w: Float[Array, "n_in n_out"],
    *,
    n_copies: int,
    key: PRNGKey,
    compensation: AbstractCompensation | None = None,
) -> TiledMatrix:
    """`n_copies` chips' worth of `program_matrix`, stacked along a new leading axis."""
    if n_copies < 1:
        raise ValueError(f"at least one copy is needed, got n_copies={n_copies}")
    program = lambda key: program_matrix(design, w, key=key, compensation=compensation)
    return eqx.filter_vmap(program)(_random.split(key, n_copies))


def averaged(
    copies: TiledMatrix,
    *,
    keep: int | None = None,
    x: Float[Array, "n n_in"] | None = None,
    wanted: Float[Array, "n n_out"] | None = None,
    key: PRNGKey | None = None,
) -> AveragedMatrix:
    """The average of `copies`, from `program_copies`.

    **Arguments:** `keep`, how many copies count in every output: those whose answers to the calibration vectors `x`
    are nearest to `wanted`, read once with `key` right after programming; `None` averages all.

    **Raises:** `ValueError` if `keep` is not from 1 to the number of copies, or comes without calibration vectors.
    """
    if copies.reference.ndim != 5:
        raise ValueError("copies come from `program_copies`, got a single matrix: it has nothing to average")
    n_copies = copies.reference.shape[0]
    n_out = copies.partition.n_out
    if keep is None:
        return AveragedMatrix(copies, jnp.full((n_copies, n_out), 1.0 / n_copies))
    if not 1 <= keep <= n_copies:
        raise ValueError(f"from 1 to all {n_copies} copies can be kept, got keep={keep}")
    if x is None or wanted is None or key is None:
        raise ValueError("to keep the best copies give calibration vectors: x, wanted and key")
    check_vectors(copies.partition, x, wanted)
    fresh = AveragedMatrix(copies, jnp.ones((n_copies, n_out))).at(0.0).copies

    def error(copy: MatrixSnapshot, key: PRNGKey) -> Float[Array, " n_out"]:
        y = jax.vmap(lambda x, key: copy(x, key=key))(x, _random.split(key, len(x)))
        return jnp.sum((y - wanted) ** 2, axis=0)

    errors = eqx.filter_vmap(error, in_axes=(eqx.if_array(0), 0))(fresh, _random.split(key, n_copies))
    rank = jnp.argsort(jnp.argsort(errors, axis=0), axis=0)
    return AveragedMatrix(copies, jnp.where(rank < keep, 1.0 / keep, 0.0))
