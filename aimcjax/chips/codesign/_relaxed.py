"""Converters whose resolution can be moved a little: their steps as noise."""

import dataclasses
import functools as ft
from typing import Any

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...periphery import (
    AbstractAdc,
    AbstractWrapped,
    CompressiveDac,
    IdealDac,
    PulseWidthDac,
    SignMagnitudeDac,
    UniformAdc,
    UniformDac,
)


class RelaxedAdc(AbstractAdc):
    r"""A converter whose steps are additive noise, $\mathrm{clip}_{\pm i_{max}}(i + \sigma\xi + \Delta u)$ with
    $\Delta = 2 i_{max} / (2^{bits} - 2)$, $u$ uniform in $\pm\tfrac12$, of variance $\Delta^2/12$.

    A smooth function of `bits` with draws that stay, so expected losses have gradients with respect to them. Rounding
    itself is flat in them but where it jumps. The derivative that `periphery.quantize` has with respect to bits, as of
    LSQ, gives the same $\partial \langle e^2 \rangle / \partial \Delta = \Delta / 6$ on average, but is not that of its
    values. Exact in the mean where the distribution of $i$ is smooth over a step; with few bits, where most currents
    are below one step, real errors are smaller than this.

    **Reference:** Widrow, Kollar and Liu, IEEE Trans. Instrum. Meas. 45:353 (1996), for the noise model.
    """

    i_max: Scalar = physical(unit="A")
    noise: Scalar = physical(unit="A")
    bits: Scalar = physical()

    def __call__(self, i: Float[Array, " cols"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """The currents `i` [A] as converted, without steps."""
        key_noise, key_step = _random.split(key, 2)
        step = 2.0 * self.i_max / (2.0**self.bits - 2.0)
        u = jr.uniform(key_step, i.shape, i.dtype, -0.5, 0.5)
        seen = i + self.noise * _random.normal(key_noise, i.shape, i.dtype) + step * u
        return jnp.clip(seen, -self.i_max, self.i_max)


@ft.singledispatch
def relaxed(adc: Any) -> Any:
    """The converter `adc` with noise for its steps; register your own with `@relaxed.register`.

    **Raises:** `ValueError` for one without a resolution that could be changed a little.
    """
    raise ValueError(
        f"{type(adc).__name__} has no bits to optimise; give the tile a `UniformAdc`, or register it with `relaxed`"
    )


@relaxed.register
def _(adc: UniformAdc) -> RelaxedAdc:
    return RelaxedAdc(i_max=adc.i_max, noise=adc.noise, bits=adc.bits)


@relaxed.register(AbstractWrapped)
def _(adc: Any) -> Any:
    return dataclasses.replace(adc, adc=relaxed(adc.adc))


@ft.singledispatch
def with_bits(adc: Any, bits: Float[Array, "..."]) -> Any:
    """The converter `adc` at another resolution, `bits`, a leaf; they may be stacked."""
    return dataclasses.replace(adc, bits=bits)


@with_bits.register(AbstractWrapped)
def _(adc: Any, bits: Float[Array, "..."]) -> Any:
    return dataclasses.replace(adc, adc=with_bits(adc.adc, bits))


@ft.singledispatch
def with_v_max(dac: Any, v_max: Float[Array, "..."]) -> Any:
    """The `dac` at another voltage of full scale, `v_max` [V]; register your own with `@with_v_max.register`."""
    raise ValueError(f"{type(dac).__name__} has no read voltage to optimise; register it with `with_v_max`")


@with_v_max.register(IdealDac)
@with_v_max.register(UniformDac)
@with_v_max.register(PulseWidthDac)
@with_v_max.register(SignMagnitudeDac)
def _(dac: Any, v_max: Float[Array, "..."]) -> Any:
    return dataclasses.replace(dac, v_max=v_max)


@with_v_max.register(CompressiveDac)
def _(dac: Any, v_max: Float[Array, "..."]) -> Any:
    return dataclasses.replace(dac, dac=with_v_max(dac.dac, v_max))
