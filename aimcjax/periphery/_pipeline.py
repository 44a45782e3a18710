"""Pipeline: a chain of 1.5-bit stages."""

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


class PipelineAdc(AbstractAdc, AbstractFabricated):
    r"""$B - 1$ stages of 1.5 bits, each deciding d in {-1, 0, 1} and passing on twice what is left
    (see `residue` for its equation), and a last ternary decision:

    $$\mathrm{code} = \sum_{k=1}^{B-1} d_k\, 2^{B-1-k} + d_B$$
    Offsets of comparators below a quarter of the reference have no effect on the code (digital redundancy). To first
    order of the mismatch $\delta_k$ of stage k's capacitors ($\gamma = 1 + \delta$, variance $2 \sigma_C^2$) the code
    is wrong by $\sum_k \delta_k (V_k - d_k)\, 2^{B-1-k}$.

    **Arguments:** `i_max` [A], full scale; `gain` (A), of the amplifiers; `sigma_capacitor` of C1 and C2,
    `sigma_parasitic`, relative to C1; `sigma_comparator`, offset as a fraction of the reference; `bits`, whole.

    **Gradient:** that of the uniform converter, `quantize`; none with respect to gain and mismatch.

    **Reference:** Lewis et al., IEEE JSSC 27:351 (1992); parameters as in CrossSim (Spear et al., IEEE JXCDC 9(2),
    2023), which ends with a binary decision, so that zero is no code; deviations are assumed.
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
        """The stages of `n` converters, all independent."""
        shape = (n, self.bits - 1)
        return draw_stages(shape, self.sigma_capacitor, self.sigma_parasitic, self.sigma_comparator, key)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        del key
        if self.mismatch is not None:
            check_count(self.mismatch.gamma, i.shape[0])
        v = (in_steps(i, self.i_max, self.bits) / 2.0 ** (self.bits - 1)).clip(-1.0, 1.0)
        stages = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), self.mismatch)
        return as_read(convert(v, stages, self.gain, self.bits), i, self.i_max, self.bits)
