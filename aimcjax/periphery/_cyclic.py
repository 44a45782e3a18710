"""Cyclic (algorithmic): one 1.5-bit stage used again and again."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._adc import AbstractAdc
from ._checks import check_bits, check_count, whole
from ._codes import as_read, in_steps
from ._fabricate import AbstractFabricated
from ._residue import StageMismatch, convert, draw_stages


class CyclicAdc(AbstractAdc, AbstractFabricated):
    r"""The stage of `PipelineAdc` with its output fed back $B - 1$ times: smaller and slower, and its
    errors add up coherently: to first order the code is wrong by $\delta \sum_k (V_k - d_k)\, 2^{B-1-k}$.

    **Arguments:** as `PipelineAdc`.

    **Gradient:** that of the uniform converter, `quantize`; none with respect to gain and mismatch.

    **Reference:** parameters as in CrossSim (Spear et al., IEEE JXCDC 9(2), 2023); deviations are assumed.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    gain: Scalar = physical(1e5, doc="CrossSim: 100 dB", above=0.0)
    sigma_capacitor: Scalar = physical(0.001, doc="assumed")
    sigma_parasitic: Scalar = physical(0.0, doc="assumed")
    sigma_comparator: Scalar = physical(0.01, doc="assumed")
    bits: int = whole(8)
    mismatch: StageMismatch | None = None

    def __check_init__(self) -> None:
        check_bits(self.bits)

    def draw(self, n: int, *, key: PRNGKey) -> StageMismatch:
        """The one stage of each of `n` converters."""
        return draw_stages((n,), self.sigma_capacitor, self.sigma_parasitic, self.sigma_comparator, key)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        del key
        if self.mismatch is not None:
            check_count(self.mismatch.gamma, i.shape[0])
        v = (in_steps(i, self.i_max, self.bits) / 2.0 ** (self.bits - 1)).clip(-1.0, 1.0)
        again = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (self.bits - 1, *leaf.shape)), self.mismatch)
        return as_read(convert(v, again, self.gain, self.bits), i, self.i_max, self.bits)
