"""Ramp: the current charges a capacitor, then a counter runs until a common ramp has caught up with it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import GHz, ns, uA
from ._adc import AbstractAdc
from ._checks import check_bits, check_count, whole
from ._codes import as_read, in_steps, largest_code
from ._fabricate import AbstractFabricated


class RampMismatch(eqx.Module):
    """`inl` of the common ramp at every count, in steps, the same for all columns of a tile; relative error `gain` and
    `offset` in steps of each column's integrator and comparator."""

    inl: Float[Array, " counts"]
    gain: Float[Array, " converters"]
    offset: Float[Array, " converters"]


class RampAdc(AbstractAdc, AbstractFabricated):
    r"""Charge integration and a single-slope ramp of $N = 2^B - 2$ counts, shared by all columns.

    $$V_c = \frac{1}{1 + 1/A}\,\frac{i_c\,t_{int}}{C\,(1 + \sigma_C\,\xi_c)}, \qquad
      \mathrm{code}_c = -M + \#\{k : V_c > T_k + o_c\}, \quad T_k = k - \tfrac12 - M + \mathrm{inl}_k$$
    with V in steps of $i_{max} t_{int} / (M C)$. The steps of the ramp come from unit elements of relative deviation
    $\sigma_s$ and its ends are trimmed, so inl is a Brownian bridge: variance $\sigma_s^2\, k (N - k)/N$, and each step
    differs from one with variance $\sigma_s^2 (1 - 1/N)$.

    **Arguments:** `i_max` [A], full scale; `gain` (A), of the integrator; `sigma_capacitor` ($\sigma_C$),
    `sigma_step` ($\sigma_s$), relative deviations; `sigma_comparator`, offset as a fraction of `i_max`; `t_integrate`
    [s] and `clock` [Hz], which set the latency $t_{int} + N/f$ only; `bits`, whole, at most 12.

    **Gradient:** that of the uniform converter, `quantize`; none with respect to gain and mismatch.

    **Reference:** gain of 100 dB as in CrossSim's ramp converter (Spear et al., IEEE JXCDC 9(2), 2023), whose
    ramp is a binary capacitor array instead; the other numbers are assumed.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    gain: Scalar = physical(1e5, doc="CrossSim: 100 dB", above=0.0)
    sigma_capacitor: Scalar = physical(0.001, doc="assumed")
    sigma_step: Scalar = physical(0.01, doc="assumed")
    sigma_comparator: Scalar = physical(0.0, doc="assumed: offset calibrated away")
    t_integrate: Scalar = physical(100 * ns, unit="s", doc="assumed")
    clock: Scalar = physical(1 * GHz, unit="Hz", doc="assumed", above=0.0)
    bits: int = whole(8)
    mismatch: RampMismatch | None = None

    def __check_init__(self) -> None:
        check_bits(self.bits, most=12)

    def draw(self, n: int, *, key: PRNGKey) -> RampMismatch:
        """One ramp, and the integrators and comparators of `n` columns."""
        key_ramp, key_gain, key_offset = _random.split(key, 3)
        dtype, largest = self.i_max.dtype, largest_code(self.bits)
        walk = jnp.cumsum(_random.normal(key_ramp, (2 * largest,), dtype))
        trimmed = walk - walk[-1] * jnp.asarray(np.arange(1, 2 * largest + 1) / (2 * largest), dtype)
        return RampMismatch(
            inl=self.sigma_step * trimmed,
            gain=self.sigma_capacitor * _random.normal(key_gain, (n,), dtype),
            offset=largest * self.sigma_comparator * _random.normal(key_offset, (n,), dtype),
        )

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        del key
        largest = largest_code(self.bits)
        z = in_steps(i, self.i_max, self.bits) / (1.0 + 1.0 / lax.stop_gradient(self.gain))
        thresholds = jnp.asarray(np.arange(-largest, largest) + 0.5, z.dtype)
        if self.mismatch is not None:
            made = lax.stop_gradient(self.mismatch)
            check_count(made.gain, i.shape[0])
            z = z / (1.0 + made.gain) - made.offset
            # A comparator stops the count at the first step that passes it, also where the ramp goes back
            thresholds = jnp.maximum.accumulate(thresholds + made.inl)
        counts = jnp.searchsorted(thresholds, z, side="left").astype(z.dtype)
        return as_read(counts - largest, i, self.i_max, self.bits)
