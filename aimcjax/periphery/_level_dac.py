"""A DAC with integral and differential non-linearity."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import V
from ._checks import check_bits, check_count, whole
from ._codes import array_leaf, largest_code
from ._dac import AbstractDac
from ._fabricate import AbstractFabricated
from ._quantize import quantize_levels


class LevelDac(AbstractDac, AbstractFabricated):
    r"""A level for every code of every row: $v = v_{max}\, l_{\mathrm{round}(M x)}$, $M = 2^{B-1} - 1$.

    Levels that are drawn are those of M unit elements, with the sign by a switch and the full scale trimmed:
    $l_k = \sum_{j \le k} (1 + \sigma \xi_j) / \sum_j (1 + \sigma \xi_j)$ and $l_{-k} = -l_k$. To first order
    the INL of level k has the variance $\sigma^2 k (M - k)/M$ steps squared, the DNL $\sigma^2 (1 - 1/M)$. Levels that
    were measured go into `mismatch`, `[rows or 1, 2 M + 1]` from the lowest code to the highest.

    **Arguments:** `sigma`, relative deviation of a unit element; `v_max` [V]; `bits`, whole, at most 12.

    **Gradient:** as `quantize_levels`: one inside the range with respect to the input.

    **Reference:** unit elements as in textbooks; deviation assumed.
    """

    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)
    sigma: Scalar = physical(0.01, doc="assumed")
    bits: int = whole(8)
    mismatch: Float[Array, "converters codes"] | None = eqx.field(default=None, converter=array_leaf)

    def __check_init__(self) -> None:
        check_bits(self.bits, most=12)
        shape = getattr(self.mismatch, "shape", None)
        if shape and shape[-1] != 2 * largest_code(self.bits) + 1:
            raise ValueError(f"{self.bits} bits have {2 * largest_code(self.bits) + 1} levels, got an array of {shape}")

    def draw(self, n: int, *, key: PRNGKey) -> Float[Array, "converters codes"]:
        """Levels of `n` rows as fractions of full scale."""
        largest = largest_code(self.bits)
        elements = 1.0 + self.sigma * _random.normal(key, (n, largest), self.v_max.dtype)
        level = jnp.cumsum(elements, axis=1) / jnp.sum(elements, axis=1, keepdims=True)
        return jnp.concatenate([-level[:, ::-1], jnp.zeros_like(level[:, :1]), level], axis=1)

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Voltages [V] for inputs `x`; inputs beyond [-1, 1] saturate."""
        largest = largest_code(self.bits)
        levels = self.mismatch
        if levels is None:
            levels = jnp.asarray(np.arange(-largest, largest + 1) / largest, x.dtype)[None]
        check_count(levels, x.shape[0])
        return self.v_max * quantize_levels(x, levels, self.bits)
