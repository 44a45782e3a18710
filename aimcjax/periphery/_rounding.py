"""Uniform converters that differ in how they round: stochastically, or with fewer effective bits than codes."""

import jax.random as jr
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._adc import AbstractAdc
from ._noise import finite_root
from ._quantize import quantize, quantize_stochastic


class StochasticAdc(AbstractAdc):
    """Equal steps with stochastic rounding: within full scale the mean of many conversions is the current.

    **Arguments:** `i_max` [A], full scale; `bits`, resolution (real, a leaf).

    **Gradient:** that of the mean, `clip`.

    **Reference:** see `quantize_stochastic`; an option of AIHWKit and CrossSim.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        return quantize_stochastic(i, self.i_max, self.bits, jr.uniform(key, i.shape, i.dtype))


class EnobAdc(AbstractAdc):
    r"""A converter known by its effective number of bits: quantisation, and Gaussian noise for the rest.

    $$\sigma^2 = \max\left(\frac{(2 i_{max} / 2^{ENOB})^2}{12} - \frac{\Delta^2}{12},\; 0\right), \qquad
      \mathrm{SNDR} = 6.02\,ENOB + 1.76\;\mathrm{dB}$$
    for a sine of full scale, with $\Delta = 2 i_{max}/(2^{bits} - 2)$. ENOB above what the steps allow adds no noise.

    **Arguments:** `i_max` [A], full scale; `bits`, resolution; `enob`, effective bits (both real leaves).

    **Gradient:** that of `quantize`, also with respect to `enob` through the noise where there is any.

    **Reference:** IEEE Std 1241, definition of ENOB; noise taken as white and Gaussian. The default is assumed.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)
    enob: Scalar = physical(7.0, doc="assumed: one bit lost", above=0.0, at_most=32.0)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        noise = self.noise_std() * _random.normal(key, i.shape, i.dtype)
        return quantize(i + noise, self.i_max, self.bits)

    def noise_std(self) -> Scalar:
        """Deviation [A] of the noise that reduces `bits` to `enob`."""
        rest = (4.0 ** (1.0 - self.enob) - 4.0 / (2.0**self.bits - 2.0) ** 2) / 12.0
        return self.i_max * finite_root(rest)
