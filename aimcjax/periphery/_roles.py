"""Converters by name, for configs."""

from ..components import Role
from ._adc import AbstractAdc, IdealAdc, UniformAdc
from ._dac import AbstractDac, IdealDac, UniformDac


ROLES = {
    AbstractDac: Role("a DAC", {"uniform_dac": UniformDac, "ideal_dac": IdealDac}),
    AbstractAdc: Role("an ADC", {"uniform_adc": UniformAdc, "ideal_adc": IdealAdc}),
}
