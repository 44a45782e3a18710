"""Flash: every threshold has its comparator."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._adc import AbstractAdc
from ._checks import check_bits, check_count, whole
from ._codes import as_read, in_steps, largest_code
from ._fabricate import AbstractFabricated


class FlashAdc(AbstractAdc, AbstractFabricated):
    r"""$2M = 2^B - 2$ comparators at once; the code is how many of them are exceeded (which corrects bubbles):

    $$c = -M + \#\{k : z > k - \tfrac12 + o_k\}, \quad k = -M+1 ... M, \qquad
      E[c] = -M + \sum_k \Phi\!\left(\frac{z - k + 1/2}{\sigma}\right)$$
    with z the current and $\sigma$ the deviation of the thresholds in steps.

    **Arguments:** `i_max` [A], full scale; `sigma_comparator`, deviation of a threshold as a fraction of `i_max`;
    `bits`, whole, at most 10. `mismatch` are the offsets $o$ in steps, per converter and comparator.

    **Gradient:** that of the uniform converter, `quantize`; none with respect to mismatch.

    **Reference:** textbook converter; the default deviation is assumed.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    sigma_comparator: Scalar = physical(0.005, doc="assumed")
    bits: int = whole(5)
    mismatch: Float[Array, "converters comparators"] | None = None

    def __check_init__(self) -> None:
        check_bits(self.bits, most=10)

    def draw(self, n: int, *, key: PRNGKey) -> Float[Array, "converters comparators"]:
        """Offsets of the comparators of `n` converters, in steps."""
        largest = largest_code(self.bits)
        sigma = largest * self.sigma_comparator
        return sigma * _random.normal(key, (n, 2 * largest), self.i_max.dtype)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        del key
        z = in_steps(i, self.i_max, self.bits)
        largest = largest_code(self.bits)
        thresholds = jnp.asarray(np.arange(-largest, largest) + 0.5, z.dtype)[None]
        if self.mismatch is not None:
            check_count(self.mismatch, i.shape[0])
            thresholds = thresholds + lax.stop_gradient(self.mismatch)
        exceeded = jnp.sum(z[:, None] > thresholds, axis=1).astype(z.dtype)
        return as_read(exceeded - largest, i, self.i_max, self.bits)
