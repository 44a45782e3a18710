"""Sign and magnitude apart: one comparator decides the polarity, a unipolar converter does the rest."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import V, uA
from ._adc import AbstractAdc
from ._checks import check_count
from ._dac import AbstractDac
from ._fabricate import AbstractFabricated
from ._quantize import decide, quantize, replace_gradient


class SignMagnitudeMismatch(eqx.Module):
    """`offset` [A] of each column's polarity comparator and relative `gain` error of its negative path."""

    offset: Float[Array, " converters"]
    gain: Float[Array, " converters"]


class SignMagnitudeAdc(AbstractAdc, AbstractFabricated):
    r"""$s = \mathrm{sign}(i + o)$, then $s\;\mathrm{quant}(\max(s\,i, 0))$ on $B - 1$ bits of magnitude.

    Zero has one code, so the ideal converter is the uniform one; a wrong polarity reads as zero.

    **Arguments:** `i_max` [A]; `bits` with the sign (real, a leaf); `sigma_comparator`, deviation of the comparator's
    offset as a fraction of `i_max`; `sigma_polarity`, relative deviation of the gain for negative currents.

    **Gradient:** that of `quantize`.

    **Reference:** the ideal part as in CrossSim (2^B - 1 levels); mismatch assumed.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)
    sigma_comparator: Scalar = physical(0.0, doc="assumed: offset calibrated away")
    sigma_polarity: Scalar = physical(0.0, doc="assumed: both polarities share the converter")
    mismatch: SignMagnitudeMismatch | None = None

    def draw(self, n: int, *, key: PRNGKey) -> SignMagnitudeMismatch:
        """Comparators and negative paths of `n` converters."""
        key_offset, key_gain = _random.split(key, 2)
        dtype = self.i_max.dtype
        return SignMagnitudeMismatch(
            offset=self.i_max * self.sigma_comparator * _random.normal(key_offset, (n,), dtype),
            gain=self.sigma_polarity * _random.normal(key_gain, (n,), dtype),
        )

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        del key
        offset, gain = jnp.zeros_like(i), jnp.zeros_like(i)
        if self.mismatch is not None:
            check_count(self.mismatch.offset, i.shape[0])
            offset, gain = self.mismatch.offset, self.mismatch.gain
        s = decide(lax.stop_gradient(i), -offset, self.i_max)
        seen = i * jnp.where(s > 0, jnp.ones_like(i), 1.0 + gain)
        value = s * quantize(jnp.maximum(s * seen, 0.0), self.i_max, self.bits)
        return replace_gradient(value, quantize(seen, self.i_max, self.bits))


class SignMagnitudeDac(AbstractDac):
    r"""$B - 1$ bits of magnitude, and a switch that reverses the supply: negative voltages are
    $(1 - a)$ times the positive ones.

    **Arguments:** `bits` with the sign (real, a leaf); `v_max` [V]; `asymmetry` (a); at 0 this is `UniformDac`.

    **Gradient:** that of `quantize`, times $1 - a$ for negative inputs.

    **Reference:** polarity asymmetry as `inp_asymmetry` of AIHWKit (Rasch et al., AICAS 2021).
    """

    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)
    v_max: Scalar = physical(0.2 * V, unit="V", doc="assumed: a usual read voltage of PCM", above=0.0)
    asymmetry: Scalar = physical(0.0, doc="AIHWKit's default")

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        """Voltages [V] for inputs `x`; inputs beyond [-1, 1] saturate."""
        v = quantize(self.v_max * x, self.v_max, self.bits)
        return v * jnp.where(v < 0, 1.0 - self.asymmetry, jnp.ones_like(v))
