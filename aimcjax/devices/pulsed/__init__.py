"""Cells that learn in place: a weight that identical pulses move up and down.

One pulse is a mean step (a law of the weight) plus noise, within bounds; every cell has steps and bounds of its own:

    device = pulsed.preset("reram_es_gong2018")       # or PulsedDevice(step=SoftBounds(), dw_min=0.01, ...)
    cells = device.init((rows, cols), key=k0)         # fabricated once: what differs from cell to cell
    cells = device.pulses(cells, counts, key=k1)      # trained many times: counts up (+) or down (-)
    w = device.weights(cells)                         # what a product sees

Weights are in normalised units; no conductances here. The parts of a device are chosen, not switched:

- step laws: `ConstantStep`, `LinearStep`, `SoftBounds`, `ExponentialStep`, `PowerStep`, `PiecewiseStep`,
  `NeuroSimStep`, `LookUpTable`;
- noise of a pulse: `RelativeNoise`, `AdditiveNoise`, `StateNoise`, `TableNoise`;
- `Variation` between cells with `NormalSpread` or `LogNormalSpread`; `no_variation()`;
- `Reference` (with any step law: soft bounds or power step with reference), `Leak`, `Reset`;
- `preset(name)`, `preset_names()`: the published devices; `soft_bounds_from_pulses`;
- what one measures: `staircase`, `symmetry_point`, `number_of_states`, `moments_of_pulses`, `label_of`, `parameter_of`;
- bases: `AbstractPulsedDevice`, `AbstractStep`, `AbstractAffineStep`, `AbstractPulseNoise`, `AbstractSpread`; state:
  `PulsedCells`, with the `Traits` of each cell; `sources`, where presets were published; `ROLES`, for configs.
"""

from ._analysis import (
    moments_of_pulses as moments_of_pulses,
    number_of_states as number_of_states,
    staircase as staircase,
    symmetry_point as symmetry_point,
)
from ._base import (
    AbstractAffineStep as AbstractAffineStep,
    AbstractPulsedDevice as AbstractPulsedDevice,
    AbstractPulseNoise as AbstractPulseNoise,
    AbstractStep as AbstractStep,
    PulsedCells as PulsedCells,
    Traits as Traits,
)
from ._constant import ConstantStep as ConstantStep
from ._device import PulsedDevice as PulsedDevice
from ._exponential import ExponentialStep as ExponentialStep
from ._linear import LinearStep as LinearStep
from ._neurosim import NeuroSimStep as NeuroSimStep, label_of as label_of, parameter_of as parameter_of
from ._noise import AdditiveNoise as AdditiveNoise, RelativeNoise as RelativeNoise, StateNoise as StateNoise
from ._parts import Leak as Leak, Reference as Reference, Reset as Reset
from ._piecewise import PiecewiseStep as PiecewiseStep
from ._power import PowerStep as PowerStep
from ._presets import (
    preset as preset,
    preset_names as preset_names,
    soft_bounds_from_pulses as soft_bounds_from_pulses,
    sources as sources,
)
from ._roles import ROLES as ROLES
from ._soft_bounds import SoftBounds as SoftBounds
from ._table import LookUpTable as LookUpTable, TableNoise as TableNoise
from ._variation import (
    AbstractSpread as AbstractSpread,
    LogNormalSpread as LogNormalSpread,
    NormalSpread as NormalSpread,
    Variation as Variation,
    no_variation as no_variation,
)
