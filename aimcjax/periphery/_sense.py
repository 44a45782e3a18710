"""One or two comparators a column: binary and ternary sensing."""

from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._adc import AbstractAdc
from ._fabricate import AbstractFabricated, mismatch_of
from ._quantize import decide, decide_ternary


class BinarySense(AbstractAdc, AbstractFabricated):
    r"""$i_{out}\,\mathrm{sign}(i - \theta - o)$: a sense amplifier.

    **Arguments:** `i_out` [A], what a decision stands for; `threshold` ($\theta$) [A]; `sigma_comparator` [A],
    deviation of the offset o between amplifiers; `i_pass` [A], range of the surrogate gradient.

    **Gradient:** that of $i_{out}\,\mathrm{clip}((i - \theta)/i_{pass}, -1, 1)$ with respect to i and $\theta$.

    **Reference:** binary networks as in Hubara et al., NeurIPS 2016; all numbers are assumed.
    """

    i_out: Scalar = physical(1 * uA, unit="A", doc="assumed")
    threshold: Scalar = physical(0.0, unit="A", doc="assumed")
    sigma_comparator: Scalar = physical(0.0, unit="A", doc="assumed: offset calibrated away")
    i_pass: Scalar = physical(5 * uA, unit="A", doc="assumed: one full cell at full input, 25 uS x 0.2 V", above=0.0)
    mismatch: Float[Array, " converters"] | None = None

    def draw(self, n: int, *, key: PRNGKey) -> Float[Array, " converters"]:
        """Offsets [A] of `n` amplifiers."""
        return self.sigma_comparator * _random.normal(key, (n,), self.i_out.dtype)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The decisions for currents `i` [A], in amperes."""
        del key
        offset = mismatch_of(self, i)
        return self.i_out * decide(i - self.threshold, offset, self.i_pass)


class TernarySense(AbstractAdc, AbstractFabricated):
    r"""$i_{out}\,\mathrm{sign}(i)$ where $|i| > \theta + o$, and zero elsewhere.

    **Arguments:** as `BinarySense`, with `threshold` of the magnitude.

    **Gradient:** that of $i_{out}\,\mathrm{clip}(i/i_{pass}, -1, 1)$; none with respect to the threshold.

    **Reference:** ternary values as in Li et al., arXiv:1605.04711; all numbers are assumed.
    """

    i_out: Scalar = physical(1 * uA, unit="A", doc="assumed")
    threshold: Scalar = physical(0.5 * uA, unit="A", doc="assumed")
    sigma_comparator: Scalar = physical(0.0, unit="A", doc="assumed: offset calibrated away")
    i_pass: Scalar = physical(5 * uA, unit="A", doc="assumed: one full cell at full input, 25 uS x 0.2 V", above=0.0)
    mismatch: Float[Array, " converters"] | None = None

    def draw(self, n: int, *, key: PRNGKey) -> Float[Array, " converters"]:
        """Offsets [A] of `n` amplifiers."""
        return self.sigma_comparator * _random.normal(key, (n,), self.i_out.dtype)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The decisions for currents `i` [A], in amperes."""
        del key
        offset = mismatch_of(self, i)
        return self.i_out * decide_ternary(i, self.threshold + offset, self.i_pass)
