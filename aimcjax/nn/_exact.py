"""The product without tiles: what the digital layer computes, for calibration, counting and comparison."""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._forms import AbstractProduct
from ._stack import by_group


def _unwatched(xs: Array, which: Array | None) -> Array:
    del which
    return xs


@dataclasses.dataclass(frozen=True)
class ExactProduct(AbstractProduct):
    """Digital products with `matrices`; `watch(xs, which)` sees, and may replace, all vectors on their way in, with the
    index of the matrix of each where vectors choose one."""

    matrices: Float[Array, "*stack n_out n_in"]
    watch: Callable[[Array, Array | None], Array] = _unwatched

    def one(self, x: Float[Array, " n_in"]) -> Float[Array, " n_out"]:
        """See `AbstractProduct`."""
        return self.matrices @ self.watch(x, None)

    def many(self, xs: Float[Array, "*stack vectors n_in"]) -> Float[Array, "*stack vectors n_out"]:
        """See `AbstractProduct`."""
        return jnp.einsum("...vi,...oi->...vo", self.watch(xs, None), self.matrices)

    def chosen(self, xs: Float[Array, "rows n_in"], which: Int[Array, " rows"]) -> Float[Array, "rows n_out"]:
        """See `AbstractProduct`."""
        return by_group(lambda e, block: block @ self.matrices[e].T, which, len(self.matrices), self.watch(xs, which))
