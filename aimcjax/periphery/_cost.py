"""Energy, area and latency of conversions, by models that can be exchanged: published ones differ by two decades."""

import functools as ft
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from .._types import Scalar, physical
from ..components import shorten
from ..units import GHz, fJ, nm, ns, pJ, um2
from ._adc import AbstractAdc
from ._andrulis import log_area, log_energy_exact, log_energy_smooth
from ._dac import AbstractDac
from ._resolution import clock_cycles, driver_bits, effective_bits, reads, resolution, turns


class AbstractCostModel(eqx.Module):
    """What conversions cost, by `conversion_cost`."""


class ConversionCost(eqx.Module):
    """Of one converter: `energy` [J] of a conversion, `area` [m2], `latency` [s] until all of its columns are
    converted once. For a DAC, all reads that one input takes are one conversion."""

    energy: Scalar
    area: Scalar
    latency: Scalar


class AndrulisCost(AbstractCostModel):
    r"""Regression on 215 published ADCs, deliberately optimistic (best fifth in energy, best tenth in area): a floor.

    $$E = \tfrac12 10^{(SNDR - F)/10}\,\mathrm{pJ}\, e^{26.05 - 1.470} T^{1.880} b^{-2.829}, \qquad
      F = \min(213.78 - 2.8719 \ln f,\; 128.31 + 3.2205 \lceil b \rceil)$$
    $$A = e^{1.3462}\, T^{0.9933} f^{0.18072} E^{0.29912}\,\mathrm{um^2}, \qquad SNDR = 6.0206\,b + 1.76091$$
    with T in nm and E in pJ. `smooth` replaces ceiling and minimum by differentiable functions, and lets energy
    grow with b everywhere (as fitted it falls below 4.4 bits). Below the corner rate (1.07 GS/s at 8 bits) energy
    does not depend on f: that slope is zero, not missing.

    **Arguments:** `rate` (f), conversions a second of one converter [Hz]; `node` (T) [m]; `factor`, on energy and area:
    the median published ADC takes 2.67 times the energy; `width` (w), of the smooth minimum [dB]: at the corner
    energy is w ln 2 above the fit (1.6 %); `smooth`, static.

    **Reference:** Andrulis et al., arXiv:2404.06553 (2024), coefficients of its released model, valid from 4
    effective bits, 4 nm to 1 um, up to 10 GS/s.
    """

    rate: Scalar = physical(1 * GHz, unit="Hz", doc="assumed", above=0.0)
    node: Scalar = physical(32 * nm, unit="m", doc="assumed: the node of ISAAC", above=0.0)
    factor: Scalar = physical(1.0, doc="the fit itself")
    width: Scalar = physical(0.1, doc="assumed", above=0.0)
    smooth: bool = eqx.field(static=True, default=True)


class IsaacCost(AbstractCostModel):
    """The component table of ISAAC at 32 nm: energy and area of an 8-bit ADC and a 1-bit DAC, both doubled a bit.
    A bit-serial DAC is one of `slice_bits`, used once a slice; a pulse needs one of a single bit.

    **Arguments:** energies [J], areas [m2], rate [Hz].

    **Reference:** Shafiee et al., ISCA 2016, as listed in CiMLoop's library (ISPASS 2024); doubling is assumed. A DAC
    settles within the read, without latency of its own.
    """

    adc_energy: Scalar = physical(1.667 * pJ, unit="J", doc="ISAAC, 8 bits")
    adc_area: Scalar = physical(1200 * um2, unit="m2", doc="ISAAC, 8 bits")
    adc_rate: Scalar = physical(1.2 * GHz, unit="Hz", doc="ISAAC", above=0.0)
    dac_energy: Scalar = physical(0.41667 * pJ, unit="J", doc="ISAAC, 1 bit")
    dac_area: Scalar = physical(0.166 * um2, unit="m2", doc="ISAAC, 1 bit")


class WaldenCost(AbstractCostModel):
    r"""$E = F\,2^{ENOB}$, Walden's figure of merit.

    **Arguments:** `merit` (F) [J] per step; `rate` [Hz]; `area` [m2] of one converter, whatever its bits.

    **Reference:** Walden, IEEE JSAC 17:539 (1999).
    """

    merit: Scalar = physical(6.5 * fJ, unit="J", doc="ISAAC: 1.667 pJ / 2^8")
    rate: Scalar = physical(1.2 * GHz, unit="Hz", doc="ISAAC", above=0.0)
    area: Scalar = physical(1200 * um2, unit="m2", doc="ISAAC")


class SchreierCost(AbstractCostModel):
    r"""$E = \tfrac12 10^{(SNDR - F)/10}$, Schreier's figure of merit, limited by thermal noise: fourfold a bit.

    **Arguments:** `merit` (F) [dB, per joule]; `rate` [Hz]; `area` [m2] of one converter, whatever its bits.

    **Reference:** the definition of B. Murmann's ADC survey, $F = SNDR + 10 \lg(f / 2P)$; its value is assumed.
    """

    merit: Scalar = physical(165.0, doc="assumed")
    rate: Scalar = physical(1.2 * GHz, unit="Hz", doc="ISAAC", above=0.0)
    area: Scalar = physical(1200 * um2, unit="m2", doc="ISAAC")


class ClockedCost(AbstractCostModel):
    r"""Energy and time by clock cycles, for ramps and counters: $E = e_s + N e_c$, latency $t_s + N/f$ with N the
    cycles of the converter's kind (`clock_cycles`): $2^B - 2$ for a ramp, B + 1 for successive approximation.

    **Arguments:** `cycle_energy` ($e_c$) [J]; `sample_energy` ($e_s$) [J]; `t_sample` ($t_s$) [s], of sampling or
    integration; `clock` (f) [Hz]; `area` [m2].

    **Reference:** NeuRRAM, 130 nm (Wan et al., Nature 2022), as listed in CiMLoop's library: 0.3 pJ a step, 1.2 pJ a
    sample and 0.25 pJ of the integrator, 400 um2; times are assumed.
    """

    cycle_energy: Scalar = physical(0.3 * pJ, unit="J", doc="NeuRRAM")
    sample_energy: Scalar = physical(1.45 * pJ, unit="J", doc="NeuRRAM: 1.2 pJ sample, 0.25 pJ integrator")
    t_sample: Scalar = physical(100 * ns, unit="s", doc="assumed")
    clock: Scalar = physical(1 * GHz, unit="Hz", doc="assumed", above=0.0)
    area: Scalar = physical(400 * um2, unit="m2", doc="NeuRRAM")


class DriverCost(AbstractCostModel):
    """Drivers of rows, energy and area of which double for each bit that they set at once.

    **Arguments:** `energy_per_step` [J] and `area_per_step` [m2] of one of $2^b$ levels; it settles within the read.

    **Reference:** the DAC of the ISAAC library, 32 nm, as listed in CiMLoop (ISPASS 2024), taken as 8-bit; its area is
    that of one bit doubled up to eight (assumed).
    """

    energy_per_step: Scalar = physical(0.41667 * pJ / 256, unit="J", doc="ISAAC library, 0.41667 pJ taken as 8-bit")
    area_per_step: Scalar = physical(
        0.083 * um2, unit="m2", doc="ISAAC library, 0.166 um2 of one bit, doubled per bit (assumed)"
    )


@ft.singledispatch
def conversion_cost(model: Any, converter: Any) -> ConversionCost:
    """What a conversion of `converter`, an ADC or a DAC, costs according to `model` (`AndrulisCost`, `IsaacCost`,
    `WaldenCost`, `SchreierCost`, `ClockedCost`, `DriverCost`; register your own with `@conversion_cost.register`). The
    first, third and fourth are of ADCs only, the last of DACs.

    A DAC that reads in slices has its ADC convert `conversions(dac)` times a vector.

    **Raises:** `ValueError` for what is no model or no converter, an ideal converter, or a DAC in a fit to ADCs.
    """
    del converter
    raise ValueError(f"{type(model).__name__} is no cost model; use one such as `AndrulisCost()`, or register it")


@conversion_cost.register
def _(model: AndrulisCost, converter: Any) -> ConversionCost:
    bits = _bits(_adc(model, converter), effective_bits)
    if model.smooth:
        energy = log_energy_smooth(bits, model.rate, model.node, model.width)
    else:
        energy = log_energy_exact(bits, model.rate, model.node)
    area = log_area(energy, model.rate, model.node)
    return ConversionCost(model.factor * jnp.exp(energy), model.factor * jnp.exp(area), turns(converter) / model.rate)


@conversion_cost.register
def _(model: IsaacCost, converter: Any) -> ConversionCost:
    return _isaac(converter, model)


@conversion_cost.register
def _(model: WaldenCost, converter: Any) -> ConversionCost:
    energy = model.merit * 2.0 ** _bits(_adc(model, converter), effective_bits)
    return ConversionCost(energy, model.area, turns(converter) / model.rate)


@conversion_cost.register
def _(model: SchreierCost, converter: Any) -> ConversionCost:
    sndr = 6.0206 * _bits(_adc(model, converter), effective_bits) + 1.76091
    energy = 0.5 * 10.0 ** ((sndr - model.merit) / 10.0)
    return ConversionCost(energy, model.area, turns(converter) / model.rate)


@conversion_cost.register
def _(model: ClockedCost, converter: Any) -> ConversionCost:
    _bits(converter, resolution)
    cycles = clock_cycles(converter)
    latency = turns(converter) * (model.t_sample + cycles / model.clock)
    return ConversionCost(model.sample_energy + cycles * model.cycle_energy, model.area, latency)


@conversion_cost.register
def _(model: DriverCost, converter: Any) -> ConversionCost:
    if not isinstance(converter, AbstractDac):
        raise ValueError(
            f"DriverCost prices drivers of rows and not {type(converter).__name__}; use one such as `WaldenCost()`"
        )
    steps = 2.0 ** _bits(converter, driver_bits)
    energy = reads(converter) * steps * model.energy_per_step
    return ConversionCost(energy, steps * model.area_per_step, jnp.zeros_like(energy))


@ft.singledispatch
def _isaac(converter: Any, model: IsaacCost) -> ConversionCost:
    steps = 2.0 ** (_bits(converter, resolution) - 8.0)
    return ConversionCost(steps * model.adc_energy, steps * model.adc_area, turns(converter) / model.adc_rate)


@_isaac.register
def _(converter: AbstractDac, model: IsaacCost) -> ConversionCost:
    steps = 2.0 ** (_bits(converter, driver_bits) - 1.0)
    energy = reads(converter) * steps * model.dac_energy
    return ConversionCost(energy, steps * model.dac_area, jnp.zeros_like(model.dac_energy))


def _adc(model: AbstractCostModel, converter: Any) -> Any:
    if isinstance(converter, AbstractDac):
        raise ValueError(
            f"{type(model).__name__} is a fit to ADCs and has no price for {type(converter).__name__}; "
            "use `IsaacCost()` or `ClockedCost()`"
        )
    return converter


def _bits(converter: Any, of: Any) -> Any:
    if not isinstance(converter, (AbstractAdc, AbstractDac)):
        raise ValueError(f"a conversion is that of an ADC or a DAC, got {shorten(converter)}")
    bits = of(converter)
    if bits is None:
        raise ValueError(f"{type(converter).__name__} is ideal and has no cost; give it a resolution")
    return jnp.asarray(bits, float)
