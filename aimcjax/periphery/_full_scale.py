"""The range of an ADC, whatever is around it: to read, to set, and to notice that it was exceeded."""

import dataclasses
import functools as ft
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar
from ._adc import AbstractAdc, IdealAdc, UniformAdc
from ._cyclic import CyclicAdc
from ._fabricate import AbstractWrapped
from ._flash import FlashAdc
from ._pipeline import PipelineAdc
from ._ramp import RampAdc
from ._resolution import resolution
from ._rounding import EnobAdc, StochasticAdc
from ._sar import SarAdc
from ._sign_magnitude import SignMagnitudeAdc


@ft.singledispatch
def full_scale(adc: Any) -> Scalar | None:
    """Full scale `i_max` [A] of `adc`, behind what is around it; `None` for one without a range (an ideal one, a sense
    amplifier). Register your own with `@full_scale.register`."""
    del adc


@full_scale.register(UniformAdc)
@full_scale.register(SignMagnitudeAdc)
@full_scale.register(StochasticAdc)
@full_scale.register(EnobAdc)
@full_scale.register(SarAdc)
@full_scale.register(FlashAdc)
@full_scale.register(RampAdc)
@full_scale.register(PipelineAdc)
@full_scale.register(CyclicAdc)
def _(adc: Any) -> Scalar | None:
    return adc.i_max


@full_scale.register(AbstractWrapped)
def _(adc: Any) -> Scalar | None:
    return full_scale(adc.adc)


@ft.singledispatch
def with_full_scale(adc: Any, i_max: Scalar) -> Any:
    """`adc` with the full scale `i_max` [A]. **Raises:** `ValueError` for one without a range."""
    if full_scale(adc) is None:
        raise ValueError(f"{type(adc).__name__} has no range; take an ADC with an `i_max`")
    return dataclasses.replace(adc, i_max=i_max)


@with_full_scale.register
def _(adc: AbstractWrapped, i_max: Scalar) -> Any:
    return dataclasses.replace(adc, adc=with_full_scale(adc.adc, i_max))


@ft.singledispatch
def bare(adc: Any) -> Any:
    """What is around `adc`, with an ideal one in it: converts a current to that at the input of the ADC itself."""
    del adc
    return IdealAdc()


@bare.register
def _(adc: AbstractWrapped) -> Any:
    return dataclasses.replace(adc, adc=bare(adc.adc))


class OverrangeAdc(AbstractAdc, AbstractWrapped):
    r"""`adc` with a comparator beside it: infinite where its input would round to a code beyond the last,
    $|i| > i_{max} (1 + 1/2M)$, and `adc` elsewhere. Never where `adc` has no range.

    **Reference:** what bound management of AIHWKit looks at; its comparison is at half a step beyond the range.
    """

    adc: AbstractAdc

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted, or infinite."""
        code, i_max = self.adc(i, key=key), full_scale(self.adc)
        if i_max is None:
            return code
        seen = lax.stop_gradient(jnp.abs(at_input(self.adc, i, key)))
        over = seen > i_max + i_max / (2.0 ** jnp.asarray(resolution(self.adc), seen.dtype) - 2.0)
        return jnp.where(over, jnp.inf, code)


@ft.singledispatch
def watched(adc: Any) -> Any:
    """`adc` with an `OverrangeAdc` inside of what is around it."""
    return OverrangeAdc(adc)


@watched.register
def _(adc: AbstractWrapped) -> Any:
    return dataclasses.replace(adc, adc=watched(adc.adc))


@ft.singledispatch
def at_input(adc: Any, i: Float[Array, " cols"], key: PRNGKey) -> Float[Array, " cols"]:
    """The currents `i` [A] with the noise that `adc` itself draws from `key`."""
    del adc, key
    return i


@at_input.register
def _(adc: UniformAdc, i: Float[Array, " cols"], key: PRNGKey) -> Float[Array, " cols"]:
    return i + adc.noise * _random.normal(key, i.shape, i.dtype)


@at_input.register
def _(adc: EnobAdc, i: Float[Array, " cols"], key: PRNGKey) -> Float[Array, " cols"]:
    return i + adc.noise_std() * _random.normal(key, i.shape, i.dtype)
