"""From a vector to codes through an array, by as many reads as the DAC needs."""

import functools as ft
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey
from ._adc import AbstractAdc
from ._bit_serial import BitSerialDac, slices_of
from ._dac import AbstractDac


Currents = Callable[[Float[Array, " rows"], PRNGKey], Float[Array, " cols"]]


@ft.singledispatch
def read_array(
    dac: AbstractDac, adc: AbstractAdc, currents: Currents, x: Float[Array, " rows"], *, key: PRNGKey
) -> tuple[Float[Array, " rows"], Float[Array, " cols"], Float[Array, " cols"]]:
    """One product: inputs to volts, volts to amperes, amperes to codes.

    **Arguments:** `dac`; `adc`; `currents(v, key)`, the array; `x`, dimensionless in [-1, 1]; `key`, for noise of the
    array and of the ADC. Dispatches on `dac`: register one that needs several reads of another kind than the slices of
    `BitSerialDac` (and of what is around one) with `@read_array.register`.

    **Returns:** voltages [V], currents [A] and codes [A], of all reads together.
    """
    with jax.named_scope("aimc.dac"):
        sliced = slices_of(dac, x)
        v = dac(x) if sliced is None else sliced[1]
    if sliced is not None:
        return _read_slices(*sliced, adc, currents, key=key)
    key_read, key_adc = _random.split(key, 2)
    with jax.named_scope("aimc.crossbar"):
        i = currents(v, key_read)
    with jax.named_scope("aimc.adc"):
        code = adc(i, key=key_adc)
    return v, i, code


def _read_slices(
    serial: BitSerialDac, v: Array, weights: Array, adc: AbstractAdc, currents: Currents, *, key: PRNGKey
) -> tuple[Float[Array, " rows"], Float[Array, " cols"], Float[Array, " cols"]]:
    key_read, key_adc = _random.split(key, 2)
    with jax.named_scope("aimc.crossbar"):
        reads = jax.vmap(currents)(v, _random.split(key_read, serial.n_slices))
    shift_and_add = lambda parts: jnp.sum(weights[:, None] * parts, axis=0)
    with jax.named_scope("aimc.adc"):
        if serial.adc_per_slice:
            relative = jnp.ones_like(weights) if serial.adc_range is None else serial.adc_range
            convert = lambda i, relative, key: relative * adc(i / relative, key=key)
            code = shift_and_add(jax.vmap(convert)(reads, relative, _random.split(key_adc, serial.n_slices)))
        else:
            code = adc(shift_and_add(reads), key=key_adc)
    return shift_and_add(v), shift_and_add(reads), code
