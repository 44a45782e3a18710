"""Output side: the current of a column becomes a number."""

import abc
import functools as ft
from collections.abc import Callable

import equinox as eqx
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, physical
from ..units import uA
from ._quantize import quantize


class AbstractAdc(eqx.Module):
    """Analog-to-digital converter of the columns."""

    @abc.abstractmethod
    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted, in amperes; `key` draws the converter's own noise."""


class IdealAdc(AbstractAdc):
    """Reads the current exactly."""

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] unchanged."""
        del key
        return i


class UniformAdc(AbstractAdc):
    r"""Equal steps between $\pm i_{max}$ after input-referred Gaussian noise:
    $\mathrm{quant}_{\pm i_{max}}(i + \sigma\xi)$.

    **Arguments:** `i_max` [A], full scale; `noise` [A], standard deviation at the input; `bits`, resolution (real, a
    leaf, so that changing it does not recompile).

    **Reference:** Rasch et al., Nat. Commun. 14:5282 (2023), Methods: with $i_0 = g_{max} v_{max}$ the
    current of one full cell at full input, $i_{max} = 10\,i_0$ and $\sigma = 0.04\,i_0$.
    """

    i_max: Scalar = physical(50 * uA, unit="A", doc="Rasch 2023: 10 x 25 uS x 0.2 V", above=0.0)
    noise: Scalar = physical(0.2 * uA, unit="A", doc="Rasch 2023: 0.04 x 25 uS x 0.2 V")
    bits: Scalar = physical(8.0, doc="Rasch 2023", above=1.0, at_most=32.0)

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted; currents beyond full scale saturate."""
        return self.steps(i + self.noise * _random.normal(key, i.shape, i.dtype))

    def steps(self, i: Float[Array, " cols"]) -> Float[Array, " cols"]:
        """What currents `i` [A] at the quantiser itself, behind the noise, are converted to [A]."""
        return quantize(i, self.i_max, self.bits)


@ft.singledispatch
def front_noise(adc: AbstractAdc) -> tuple[Scalar | None, Callable[..., Float[Array, " cols"]]]:
    """Gaussian noise at the input of `adc` that is the same for all currents, as a variance [A^2], and the converter
    `(i, key=...)` without it; `None` and `adc` where there is none of that kind. What is in front of the converter
    adds the variance to its own: one normal number a conversion instead of two. Register with
    `@front_noise.register`."""
    return None, adc


@front_noise.register
def _(adc: UniformAdc) -> tuple[Scalar | None, Callable[..., Float[Array, " cols"]]]:
    return adc.noise**2, lambda i, *, key: adc.steps(i)
