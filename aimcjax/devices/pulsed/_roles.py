"""Pulsed devices and their parts by name, for preset files."""

from ...components import Role
from ._base import AbstractPulsedDevice, AbstractPulseNoise, AbstractStep
from ._constant import ConstantStep
from ._device import PulsedDevice
from ._exponential import ExponentialStep
from ._linear import LinearStep
from ._neurosim import NeuroSimStep
from ._noise import AdditiveNoise, RelativeNoise, StateNoise
from ._parts import Leak, Reference, Reset
from ._piecewise import PiecewiseStep
from ._power import PowerStep
from ._soft_bounds import SoftBounds
from ._table import LookUpTable, TableNoise
from ._variation import AbstractSpread, LogNormalSpread, NormalSpread, Variation


ROLES = {
    AbstractPulsedDevice: Role("a pulsed device", {"pulsed_device": PulsedDevice}),
    AbstractStep: Role(
        "a step law",
        {
            "constant_step": ConstantStep,
            "linear_step": LinearStep,
            "soft_bounds": SoftBounds,
            "exponential_step": ExponentialStep,
            "power_step": PowerStep,
            "piecewise_step": PiecewiseStep,
            "neurosim_step": NeuroSimStep,
            "look_up_table": LookUpTable,
        },
    ),
    AbstractPulseNoise: Role(
        "a noise of pulses",
        {
            "relative_noise": RelativeNoise,
            "additive_noise": AdditiveNoise,
            "state_noise": StateNoise,
            "table_noise": TableNoise,
        },
    ),
    AbstractSpread: Role("a spread", {"normal_spread": NormalSpread, "log_normal_spread": LogNormalSpread}),
    Variation: Role("a variation", {"variation": Variation}),
    Reference: Role("a reference", {"reference": Reference}),
    Leak: Role("a leak", {"leak": Leak}),
    Reset: Role("a reset", {"reset": Reset}),
}
