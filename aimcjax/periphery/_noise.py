"""Noise of circuits, as variances of a current, and the converter that sees it."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import GHz, Hz, K, k_B, mS, uA
from ._adc import AbstractAdc
from ._checks import check_deviations, check_part, is_known
from ._fabricate import AbstractWrapped


ELEMENTARY_CHARGE = 1.602176634e-19  # [C], exact in the SI of 2019


class AbstractNoise(eqx.Module):
    """White or coloured noise at the input of a converter, by its variance over the converter's bandwidth."""

    @abc.abstractmethod
    def variance(self, i: Float[Array, " cols"]) -> Float[Array, " cols"]:
        """Variance [A^2] beside currents `i` [A]."""


class ThermalNoise(AbstractNoise):
    r"""Johnson and Nyquist's noise of a conductance, $\sigma^2 = 4 k T G B$.

    **Arguments:** `conductance` (G) [S] of a column and its amplifier; `temperature` [K]; `bandwidth` (B) [Hz].

    **Reference:** Nyquist, Phys. Rev. 32:110 (1928); numbers assumed.
    """

    conductance: Scalar = physical(1 * mS, unit="S", doc="assumed: 256 cells of 4 uS")
    temperature: Scalar = physical(300 * K, unit="K", doc="assumed")
    bandwidth: Scalar = physical(1 * GHz, unit="Hz", doc="assumed")

    def variance(self, i: Float[Array, " cols"]) -> Float[Array, " cols"]:
        """Variance [A^2], the same for all currents."""
        # In an order that single precision can hold: k T alone is 4e-21
        return jnp.broadcast_to(4 * k_B * self.bandwidth * (self.temperature * self.conductance), i.shape)


class ShotNoise(AbstractNoise):
    r"""Schottky's noise of a current, $\sigma^2 = 2 q |I| B$.

    **Arguments:** `bandwidth` (B) [Hz].

    **Reference:** Schottky, Ann. Phys. 362:541 (1918); bandwidth assumed. A resistive cell shows at most this.
    """

    bandwidth: Scalar = physical(1 * GHz, unit="Hz", doc="assumed")

    def variance(self, i: Float[Array, " cols"]) -> Float[Array, " cols"]:
        """Variance [A^2] of currents `i` [A]."""
        return (2 * ELEMENTARY_CHARGE * self.bandwidth) * jnp.abs(i)


class FlickerNoise(AbstractNoise):
    r"""1/f noise between two frequencies, $S(f) = K \frac{T}{300\,\mathrm{K}} \frac{I^2}{f}$, hence

    $$\sigma^2 = K \frac{T}{300\,\mathrm{K}} I^2 \ln\frac{f_{high}}{f_{low}}$$

    **Arguments:** `strength` (K), dimensionless; `f_low`, the inverse of the time since calibration [Hz];
    `f_high`, the bandwidth [Hz]; `temperature` [K]. Drawn anew in every read: correlations between reads are left out.

    **Reference:** Hooge, Phys. Lett. A 29:139 (1969), for the current; proportional to T as of thermally activated
    fluctuators (Dutta & Horn, Rev. Mod. Phys. 53:497, 1981); numbers assumed.
    """

    strength: Scalar = physical(1e-6, doc="assumed")
    f_low: Scalar = physical(1 * Hz, unit="Hz", doc="assumed", above=0.0)
    f_high: Scalar = physical(1 * GHz, unit="Hz", doc="assumed", above=0.0)
    temperature: Scalar = physical(300 * K, unit="K", doc="assumed")

    def __check_init__(self) -> None:
        if is_known(self.f_low) and is_known(self.f_high) and np.any(np.asarray(self.f_low) > np.asarray(self.f_high)):
            raise ValueError(f"f_low is at most f_high, got {self.f_low} Hz and {self.f_high} Hz; exchange them")

    def variance(self, i: Float[Array, " cols"]) -> Float[Array, " cols"]:
        """Variance [A^2] of currents `i` [A]; NaN where `f_low` is above `f_high`."""
        decades = jnp.log(self.f_high / self.f_low)
        spectrum = jnp.where(decades >= 0, decades, jnp.nan)
        return self.strength * (self.temperature / 300.0) * spectrum * i**2


class OutputNoise(AbstractNoise):
    """Noise of one deviation `std` [A], whatever its cause: `out_noise` of AIHWKit.

    **Reference:** Rasch et al., Nat. Commun. 14:5282 (2023), Methods: 0.04 of one full cell at full input.
    """

    std: Scalar = physical(0.2 * uA, unit="A", doc="Rasch 2023: 0.04 x 25 uS x 0.2 V")

    def __check_init__(self) -> None:
        check_deviations(self)

    def variance(self, i: Float[Array, " cols"]) -> Float[Array, " cols"]:
        """Variance [A^2], the same for all currents."""
        return jnp.broadcast_to(self.std**2, i.shape)


class NoisyAdc(AbstractAdc, AbstractWrapped):
    r"""`adc` behind Gaussian noise: $\mathrm{adc}(i + \sigma(i)\,\xi)$. Several kinds of noise are several of these.

    **Arguments:** `noise`, its variance; `adc`, the converter.

    **Gradient:** through noise and current by reparametrisation; zero through the deviation where that is zero.
    """

    noise: AbstractNoise
    adc: AbstractAdc

    def __check_init__(self) -> None:
        check_part("noise", self.noise, AbstractNoise, "a noise")

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted."""
        key_noise, key_adc = _random.split(key, 2)
        return self.adc(with_noise(i, self.noise.variance(i), key=key_noise), key=key_adc)


def with_noise(
    i: Float[Array, " cols"], variance: Float[Array, " #cols"] | Scalar | None, *, key: PRNGKey
) -> Float[Array, " cols"]:
    """Currents `i` [A] and Gaussian noise of `variance` [A^2]; `i` itself where that is `None`."""
    if variance is None:
        return i
    return i + finite_root(variance) * _random.normal(key, i.shape, i.dtype)


def finite_root(variance: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The square root, zero with slope zero where `variance` is zero or below; NaN for NaN."""
    zero = variance <= 0  # the slope of the root at zero is infinite
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, variance)))
