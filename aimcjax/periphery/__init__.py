"""Converters: activations to volts, amperes to numbers, and what that costs.

A converter is a design: its bits, ranges and the deviations of its parts. `fabricate` draws the parts of one chip,
once, and `install` gives the converter that is made of them; a tile does both when it is programmed.

- DACs, `v = dac(x)` for x in [-1, 1]: `IdealDac`, `UniformDac`, `SignMagnitudeDac`, `LevelDac` (INL and DNL),
  `PulseWidthDac`, `BitSerialDac` (several reads; `read_array` shifts and adds them), `CompressiveDac` around another.
- ADCs, `code = adc(i, key=key)` in amperes: `IdealAdc`, `UniformAdc`, `SignMagnitudeAdc`, `StochasticAdc`, `EnobAdc`,
  `BinarySense`, `TernarySense`; with parts that differ: `SarAdc`, `FlashAdc`, `RampAdc`, `PipelineAdc`, `CyclicAdc`.
- Around an ADC: `SharedAdc` (several columns a converter), `NoisyAdc` with `ThermalNoise`, `ShotNoise`, `FlickerNoise`
  or `OutputNoise`, `SShapedAdc`, `VoltageOffsetAdc`, `AsymmetricAdc`. What is not there is switched off.
- Ranges: `StaticRange`, `LearnedRange`, and from each vector `AbsMax`, `Maximum`, `Deviations`, `AbsMaxNpSum`,
  `AverageAbsMax` (`observed`); `managed_product` scales with them, and with `BoundManagement` until nothing saturates;
  `calibrate_range`, `worst_case_range` for ADCs; `full_scale`, `with_full_scale` through what is around them.
- `conversion_cost(model, converter)`: `AndrulisCost`, `IsaacCost`, `WaldenCost`, `SchreierCost`, `ClockedCost`,
  `DriverCost`; `reads(dac)` of the array and `conversions(dac)` of a sense line are how often a vector is.
- `quantize`, `round_straight_through` and others: the steps without a derivative and their surrogates.
- Bases: `AbstractDac`, `AbstractAdc`, `AbstractFabricated`, `AbstractWrapped`, `AbstractWrappedFabricated`,
  `AbstractNoise`, `AbstractRange`, `AbstractCostModel` (`ConversionCost` is what it returns).
- Questions: `resolution`, `effective_bits`, `driver_bits`, `clock_cycles`, `turns`, `slices_of`, `bare`.
  `OverrangeAdc`, `watched`: whether a conversion saturated. `ROLES`: all by name, for configs.
- Steps: `clamp`, `saturate`, `decide`, `decide_ternary`, `digits`, `quantize_learned`, `quantize_levels`,
  `quantize_stochastic`, `finite_root`, `with_noise`, `replace_gradient`.
"""

from ._adc import AbstractAdc as AbstractAdc, IdealAdc as IdealAdc, UniformAdc as UniformAdc
from ._bit_serial import BitSerialDac as BitSerialDac, slices_of as slices_of
from ._calibrate import calibrate_range as calibrate_range, worst_case_range as worst_case_range
from ._cost import (
    AbstractCostModel as AbstractCostModel,
    AndrulisCost as AndrulisCost,
    ClockedCost as ClockedCost,
    ConversionCost as ConversionCost,
    DriverCost as DriverCost,
    IsaacCost as IsaacCost,
    SchreierCost as SchreierCost,
    WaldenCost as WaldenCost,
    conversion_cost as conversion_cost,
)
from ._cyclic import CyclicAdc as CyclicAdc
from ._dac import AbstractDac as AbstractDac, IdealDac as IdealDac, UniformDac as UniformDac
from ._distortion import (
    AsymmetricAdc as AsymmetricAdc,
    CompressiveDac as CompressiveDac,
    SShapedAdc as SShapedAdc,
    VoltageOffsetAdc as VoltageOffsetAdc,
)
from ._fabricate import (
    AbstractFabricated as AbstractFabricated,
    AbstractWrapped as AbstractWrapped,
    AbstractWrappedFabricated as AbstractWrappedFabricated,
    fabricate as fabricate,
    install as install,
)
from ._flash import FlashAdc as FlashAdc
from ._full_scale import (
    OverrangeAdc as OverrangeAdc,
    bare as bare,
    full_scale as full_scale,
    watched as watched,
    with_full_scale as with_full_scale,
)
from ._level_dac import LevelDac as LevelDac
from ._management import BoundManagement as BoundManagement, managed_product as managed_product
from ._noise import (
    AbstractNoise as AbstractNoise,
    FlickerNoise as FlickerNoise,
    NoisyAdc as NoisyAdc,
    OutputNoise as OutputNoise,
    ShotNoise as ShotNoise,
    ThermalNoise as ThermalNoise,
    finite_root as finite_root,
    with_noise as with_noise,
)
from ._pipeline import PipelineAdc as PipelineAdc
from ._pulse_width import PulseWidthDac as PulseWidthDac
from ._quantize import (
    clamp as clamp,
    decide as decide,
    decide_ternary as decide_ternary,
    digits as digits,
    quantize as quantize,
    quantize_learned as quantize_learned,
    quantize_levels as quantize_levels,
    quantize_stochastic as quantize_stochastic,
    replace_gradient as replace_gradient,
    round_straight_through as round_straight_through,
    saturate as saturate,
)
from ._ramp import RampAdc as RampAdc
from ._ranges import (
    AbsMax as AbsMax,
    AbsMaxNpSum as AbsMaxNpSum,
    AbstractRange as AbstractRange,
    AverageAbsMax as AverageAbsMax,
    Deviations as Deviations,
    LearnedRange as LearnedRange,
    Maximum as Maximum,
    StaticRange as StaticRange,
    observed as observed,
)
from ._read import read_array as read_array
from ._resolution import (
    clock_cycles as clock_cycles,
    conversions as conversions,
    driver_bits as driver_bits,
    effective_bits as effective_bits,
    reads as reads,
    resolution as resolution,
    turns as turns,
)
from ._roles import ROLES as ROLES
from ._rounding import EnobAdc as EnobAdc, StochasticAdc as StochasticAdc
from ._sar import SarAdc as SarAdc
from ._sense import BinarySense as BinarySense, TernarySense as TernarySense
from ._shared import SharedAdc as SharedAdc
from ._sign_magnitude import SignMagnitudeAdc as SignMagnitudeAdc, SignMagnitudeDac as SignMagnitudeDac
