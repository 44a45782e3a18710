"""The physics of one memory cell.

Every device is elementwise over any shape of cells and has three verbs: `program` (random, once per chip), `drift`
(a function of the cells and the time), `read_std` (the law of one read).

- `Pcm`: phase-change memory, the published statistical model. `IdealDevice`: keeps what was written.
- `NoiselessReads(device)`: a device read with averaging.
- Reliability, wrappers in any order: `StuckCells`, `Endurance`, `Retention`, `AtTemperature`.
- `reprogram(device, cells, g_target, key=key)` writes the same cells again; `is_stuck` says which cannot be.
- `arrhenius_factor`, `time_to_failure`: how much faster things fail when hot.
- `preset(name)`, `preset_names()`: devices by name.
- `Constant`, `Polynomial`, `ClippedLog`, `Power`: how a statistic depends on the conductance.
"""

from ._base import AbstractCells as AbstractCells, AbstractDevice as AbstractDevice
from ._endurance import Endurance as Endurance, WornCells as WornCells
from ._ideal import IdealCells as IdealCells, IdealDevice as IdealDevice
from ._laws import (
    AbstractLaw as AbstractLaw,
    ClippedLog as ClippedLog,
    Constant as Constant,
    Polynomial as Polynomial,
    Power as Power,
    as_law as as_law,
)
from ._lifecycle import is_stuck as is_stuck, reprogram as reprogram
from ._pcm import Pcm as Pcm, PcmCells as PcmCells
from ._presets import preset as preset, preset_names as preset_names
from ._retention import Retention as Retention
from ._roles import ROLES as ROLES
from ._stuck_cells import FaultyCells as FaultyCells, StuckCells as StuckCells
from ._temperature import (
    AtTemperature as AtTemperature,
    arrhenius_factor as arrhenius_factor,
    time_to_failure as time_to_failure,
)
from ._wrappers import AbstractWrapper as AbstractWrapper, NoiselessReads as NoiselessReads
