"""From a vector to codes through an array, by as many reads as the DAC needs."""

import functools as ft
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey
from ._adc import AbstractAdc, front_noise
from ._bit_serial import BitSerialDac, slices_of
from ._dac import AbstractDac
from ._noise import with_noise


Moments = Callable[[Float[Array, " rows"]], tuple[Float[Array, " cols"], Float[Array, " cols"] | None]]


@ft.singledispatch
def read_array(
    dac: AbstractDac, adc: AbstractAdc, array: Moments, x: Float[Array, " rows"], *, key: PRNGKey
) -> tuple[Float[Array, " rows"], Float[Array, " cols"], Float[Array, " cols"]]:
    """One product: inputs to volts, volts to amperes, amperes to codes.

    **Arguments:** `dac`; `adc`; `array(v)`, its mean currents [A] and their variance [A^2] in one read (`None` if
    noiseless); `x`, dimensionless in [-1, 1]; `key`, for noise of the array and of the ADC. Dispatches on `dac`:
    register one that needs several reads of another kind than the slices of `BitSerialDac` (and of what is around one)
    with `@read_array.register`.

    **Returns:** voltages [V], currents [A] and codes [A], of all reads together. In a single read the noise at the
    input of the ADC (`front_noise`) is drawn with that of the array: independent Gaussian noise is one number with the
    sum of the variances, and counts as current.
    """
    with jax.named_scope("aimc.dac"):
        sliced = slices_of(dac, x)
        v = dac(x) if sliced is None else sliced[1]
    if sliced is not None:
        return _read_slices(*sliced, adc, array, key=key)
    key_read, key_adc = _random.split(key, 2)
    with jax.named_scope("aimc.crossbar"):
        mean, variance = array(v)
    with jax.named_scope("aimc.adc"):
        at_input, convert = front_noise(adc)
        parts = [part for part in (variance, at_input) if part is not None]
        i = with_noise(mean, sum(parts) if parts else None, key=key_read)
        code = convert(i, key=key_adc)
    return v, i, code


def _read_slices(
    serial: BitSerialDac, v: Array, weights: Array, adc: AbstractAdc, array: Moments, *, key: PRNGKey
) -> tuple[Float[Array, " rows"], Float[Array, " cols"], Float[Array, " cols"]]:
    key_read, key_adc = _random.split(key, 2)
    with jax.named_scope("aimc.crossbar"):
        draw = lambda moments, key: with_noise(*moments, key=key)
        reads = jax.vmap(draw)(jax.vmap(array)(v), _random.split(key_read, serial.n_slices))
    shift_and_add = lambda parts: jnp.sum(weights[:, None] * parts, axis=0)
    with jax.named_scope("aimc.adc"):
        if serial.adc_per_slice:
            relative = jnp.ones_like(weights) if serial.adc_range is None else serial.adc_range
            convert = lambda i, relative, key: relative * adc(i / relative, key=key)
            code = shift_and_add(jax.vmap(convert)(reads, relative, _random.split(key_adc, serial.n_slices)))
        else:
            code = adc(shift_and_add(reads), key=key_adc)
    return shift_and_add(v), shift_and_add(reads), code
