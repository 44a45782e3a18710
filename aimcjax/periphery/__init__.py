"""Converters: activations to volts, amperes to numbers.

- `UniformDac`, `IdealDac`: `v = dac(x)` for normalised `x`.
- `UniformAdc`, `IdealAdc`: `code = adc(i, key=key)`, in amperes.
- `quantize`, `round_straight_through`: the steps without a derivative and their surrogates.
"""

from ._adc import AbstractAdc as AbstractAdc, IdealAdc as IdealAdc, UniformAdc as UniformAdc
from ._dac import AbstractDac as AbstractDac, IdealDac as IdealDac, UniformDac as UniformDac
from ._quantize import quantize as quantize, round_straight_through as round_straight_through
from ._roles import ROLES as ROLES
