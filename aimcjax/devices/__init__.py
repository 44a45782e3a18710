"""The physics of one memory cell.

Every device is elementwise over any shape of cells and has three verbs: `program` (random, once per chip), `drift`
(a function of the cells and the time), `read_std` (the law of one read).

- `Pcm`: phase-change memory, the published statistical model. `IdealDevice`: keeps what was written.
- `NoiselessReads(device)`: a device read with averaging.
- `preset(name)`, `preset_names()`: devices by name.
- `pulsed`: cells that are trained in place by pulses.
- `Constant`, `Polynomial`, `ClippedLog`, `Power`: how a statistic depends on the conductance.
"""

from . import pulsed as pulsed
from ._base import AbstractCells as AbstractCells, AbstractDevice as AbstractDevice
from ._ideal import IdealCells as IdealCells, IdealDevice as IdealDevice
from ._laws import (
    AbstractLaw as AbstractLaw,
    ClippedLog as ClippedLog,
    Constant as Constant,
    Polynomial as Polynomial,
    Power as Power,
    as_law as as_law,
)
from ._pcm import Pcm as Pcm, PcmCells as PcmCells
from ._presets import preset as preset, preset_names as preset_names
from ._wrappers import NoiselessReads as NoiselessReads
