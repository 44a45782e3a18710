"""What a converter's kind says about its cost: bits, reads of the array, clock cycles, columns."""

import functools as ft
from typing import Any

from ._adc import UniformAdc
from ._bit_serial import BitSerialDac
from ._cyclic import CyclicAdc
from ._dac import UniformDac
from ._distortion import CompressiveDac
from ._fabricate import AbstractWrapped
from ._flash import FlashAdc
from ._level_dac import LevelDac
from ._pipeline import PipelineAdc
from ._pulse_width import PulseWidthDac
from ._ramp import RampAdc
from ._rounding import EnobAdc, StochasticAdc
from ._sar import SarAdc
from ._sense import BinarySense, TernarySense
from ._shared import SharedAdc
from ._sign_magnitude import SignMagnitudeAdc, SignMagnitudeDac


@ft.singledispatch
def resolution(converter: Any) -> Any:
    """Bits of a `converter`, `None` for an ideal one; register your own with `@resolution.register`."""
    del converter


@resolution.register(UniformAdc)
@resolution.register(UniformDac)
@resolution.register(SignMagnitudeAdc)
@resolution.register(SignMagnitudeDac)
@resolution.register(StochasticAdc)
@resolution.register(EnobAdc)
@resolution.register(SarAdc)
@resolution.register(FlashAdc)
@resolution.register(RampAdc)
@resolution.register(PipelineAdc)
@resolution.register(CyclicAdc)
@resolution.register(LevelDac)
@resolution.register(PulseWidthDac)
@resolution.register(BitSerialDac)
def _(converter: Any) -> Any:
    return converter.bits


@resolution.register(BinarySense)
def _(converter: Any) -> float:
    return 1.0


@resolution.register(TernarySense)
def _(converter: Any) -> float:
    return 2.0  # two comparators, three of four codes


@resolution.register(AbstractWrapped)
def _(converter: Any) -> Any:
    return resolution(converter.adc)


@resolution.register(CompressiveDac)
def _(converter: Any) -> Any:
    return resolution(converter.dac)


@ft.singledispatch
def driver_bits(dac: Any) -> Any:
    """Bits that the driver of a row in `dac` sets at once: the resolution, unless it takes its time instead."""
    return resolution(dac)


@driver_bits.register(BitSerialDac)
def _(dac: Any) -> float:
    return float(dac.slice_bits)


@driver_bits.register(PulseWidthDac)
def _(dac: Any) -> float:
    return 1.0  # on or off


@driver_bits.register(CompressiveDac)
def _(dac: Any) -> Any:
    return driver_bits(dac.dac)


@ft.singledispatch
def reads(dac: Any) -> int:
    """How often `dac` has the array read for one vector."""
    del dac
    return 1


@reads.register(BitSerialDac)
def _(dac: Any) -> int:
    return dac.n_slices


@reads.register(CompressiveDac)
def _(dac: Any) -> int:
    return reads(dac.dac)


@ft.singledispatch
def conversions(dac: Any) -> int:
    """How often a sense line is converted for one vector of `dac`: once a read, or once if currents are added."""
    del dac
    return 1


@conversions.register(BitSerialDac)
def _(dac: Any) -> int:
    return dac.n_slices if dac.adc_per_slice else 1


@conversions.register(CompressiveDac)
def _(dac: Any) -> int:
    return conversions(dac.dac)


@ft.singledispatch
def effective_bits(converter: Any) -> Any:
    """Effective number of bits, what figures of merit count: the resolution, unless `converter` says otherwise."""
    return resolution(converter)


@effective_bits.register(EnobAdc)
def _(converter: Any) -> Any:
    return converter.enob


@effective_bits.register(AbstractWrapped)
def _(converter: Any) -> Any:
    return effective_bits(converter.adc)


@ft.singledispatch
def turns(converter: Any) -> int:
    """Columns that one `converter` takes one after another."""
    del converter
    return 1


@turns.register(AbstractWrapped)
def _(converter: Any) -> int:
    return turns(converter.adc)


@turns.register(SharedAdc)
def _(converter: Any) -> int:
    return converter.cols_per_adc * turns(converter.adc)


@ft.singledispatch
def clock_cycles(converter: Any) -> Any:
    """Clock cycles of one conversion of `converter`: one for those of no particular architecture."""
    del converter
    return 1.0


@clock_cycles.register(SarAdc)
@clock_cycles.register(CyclicAdc)
@clock_cycles.register(PipelineAdc)
def _(converter: Any) -> float:
    return converter.bits + 1.0  # sampling, then one decision a cycle


@clock_cycles.register(RampAdc)
def _(converter: Any) -> float:
    return 2.0**converter.bits - 2.0


@clock_cycles.register(PulseWidthDac)
def _(converter: Any) -> Any:
    return 2.0 ** (converter.bits - 1.0) - 1.0


@clock_cycles.register(BitSerialDac)
def _(converter: Any) -> float:
    return float(converter.n_slices)


@clock_cycles.register(AbstractWrapped)
def _(converter: Any) -> Any:
    return clock_cycles(converter.adc)


@clock_cycles.register(CompressiveDac)
def _(converter: Any) -> Any:
    return clock_cycles(converter.dac)
