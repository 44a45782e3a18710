"""Converters and their parts by name, for configs."""

from ..components import Role
from ._adc import AbstractAdc, IdealAdc, UniformAdc
from ._bit_serial import BitSerialDac
from ._cost import AbstractCostModel, AndrulisCost, ClockedCost, DriverCost, IsaacCost, SchreierCost, WaldenCost
from ._cyclic import CyclicAdc
from ._dac import AbstractDac, IdealDac, UniformDac
from ._distortion import AsymmetricAdc, CompressiveDac, SShapedAdc, VoltageOffsetAdc
from ._flash import FlashAdc
from ._level_dac import LevelDac
from ._management import BoundManagement
from ._noise import AbstractNoise, FlickerNoise, NoisyAdc, OutputNoise, ShotNoise, ThermalNoise
from ._pipeline import PipelineAdc
from ._pulse_width import PulseWidthDac
from ._ramp import RampAdc
from ._ranges import AbsMax, AbsMaxNpSum, AbstractRange, AverageAbsMax, Deviations, LearnedRange, Maximum, StaticRange
from ._rounding import EnobAdc, StochasticAdc
from ._sar import SarAdc
from ._sense import BinarySense, TernarySense
from ._shared import SharedAdc
from ._sign_magnitude import SignMagnitudeAdc, SignMagnitudeDac


ROLES = {
    AbstractDac: Role(
        "a DAC",
        {
            "uniform_dac": UniformDac,
            "ideal_dac": IdealDac,
            "sign_magnitude_dac": SignMagnitudeDac,
            "level_dac": LevelDac,
            "pulse_width_dac": PulseWidthDac,
            "bit_serial_dac": BitSerialDac,
            "compressive_dac": CompressiveDac,
        },
    ),
    AbstractAdc: Role(
        "an ADC",
        {
            "uniform_adc": UniformAdc,
            "ideal_adc": IdealAdc,
            "sign_magnitude_adc": SignMagnitudeAdc,
            "stochastic_adc": StochasticAdc,
            "enob_adc": EnobAdc,
            "sar_adc": SarAdc,
            "flash_adc": FlashAdc,
            "ramp_adc": RampAdc,
            "pipeline_adc": PipelineAdc,
            "cyclic_adc": CyclicAdc,
            "binary_sense": BinarySense,
            "ternary_sense": TernarySense,
            "shared_adc": SharedAdc,
            "noisy_adc": NoisyAdc,
            "s_shaped_adc": SShapedAdc,
            "voltage_offset_adc": VoltageOffsetAdc,
            "asymmetric_adc": AsymmetricAdc,
        },
    ),
    AbstractNoise: Role(
        "a noise",
        {
            "thermal_noise": ThermalNoise,
            "shot_noise": ShotNoise,
            "flicker_noise": FlickerNoise,
            "output_noise": OutputNoise,
        },
    ),
    BoundManagement: Role("a bound management", {"bound_management": BoundManagement}),
    AbstractCostModel: Role(
        "a cost model of conversions",
        {
            "andrulis_cost": AndrulisCost,
            "isaac_cost": IsaacCost,
            "walden_cost": WaldenCost,
            "schreier_cost": SchreierCost,
            "clocked_cost": ClockedCost,
            "driver_cost": DriverCost,
        },
    ),
    AbstractRange: Role(
        "an input range",
        {
            "static_range": StaticRange,
            "learned_range": LearnedRange,
            "abs_max": AbsMax,
            "maximum": Maximum,
            "deviations": Deviations,
            "abs_max_np_sum": AbsMaxNpSum,
            "average_abs_max": AverageAbsMax,
        },
    ),
}
