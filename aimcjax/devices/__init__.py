"""The physics of one memory cell.

Every device is elementwise over any shape of cells and has three verbs: `program` (random, once per chip), `drift`
(a function of the cells and the time), `read_std` (the law of one read).

- `Pcm`: phase-change memory, the published statistical model. `StatisticalDevice`: any cell known by its statistics
  (RRAM, SONOS, ...). `Bistable`: magnetic tunnel junctions. `IdealDevice`: keeps what was written.
- Devices made of a device, in any order: `NoiselessReads` (read with averaging), `DiscreteLevels` (a number of levels),
  `TelegraphNoise` (traps), `NonlinearDevice` (an I-V law; `current(device, g, v)` is how to ask for it).
- Reliability, the same way: `StuckCells`, `Endurance`, `Retention`, `AtTemperature`.
- `reprogram(device, cells, g_target, key=key)` writes the same cells again; `is_stuck` says which cannot be.
- `arrhenius_factor`, `time_to_failure`: how much faster things fail when hot.
- `preset(name or file)`, `preset_names()`: devices by name; `describe(device)`: the text of one;
  `datasheet(name or file)`: what was published about it; `statistics(device, key=key)`: what a sample of cells does.
- Laws, how a statistic depends on the conductance (`Constant`, `Polynomial`, `ClippedLog`, `Power`, `Saturation`,
  `Piecewise`) and also on the time (`LogTime`, `Accumulation`, `PolynomialTable`, `SaturationTable`, `Excess`).
- `memristors`: cells as differential equations. `pulsed`: cells that are trained in place by pulses.
- Bases: `AbstractDevice`, `AbstractWrapper`, `AbstractLaw`, `AbstractTimedLaw`, `AbstractIV` (`CubicIV`,
  `LogPolynomialIV`), `AbstractDistribution` (`Normal`, `Uniform`: how programming errors are spread).
- What programming leaves: `AbstractCells`, of which `PcmCells`, `StatisticalCells`, `BistableCells`, `IdealCells`,
  and around others `FaultyCells`, `WornCells`, `TelegraphCells`.
- `Datasheet`, of `Quoted` numbers; `reference_of`, `recognised`, `is_file`, `as_law`, `ROLES`: devices as text.
"""

from . import memristors as memristors, pulsed as pulsed
from ._base import AbstractCells as AbstractCells, AbstractDevice as AbstractDevice
from ._bistable import Bistable as Bistable, BistableCells as BistableCells
from ._datasheet import Datasheet as Datasheet, Quoted as Quoted, reference_of as reference_of
from ._distributions import AbstractDistribution as AbstractDistribution, Normal as Normal, Uniform as Uniform
from ._endurance import Endurance as Endurance, WornCells as WornCells
from ._ideal import IdealCells as IdealCells, IdealDevice as IdealDevice
from ._iv import (
    AbstractIV as AbstractIV,
    CubicIV as CubicIV,
    LogPolynomialIV as LogPolynomialIV,
    NonlinearDevice as NonlinearDevice,
    current as current,
)
from ._laws import (
    AbstractLaw as AbstractLaw,
    ClippedLog as ClippedLog,
    Constant as Constant,
    Piecewise as Piecewise,
    Polynomial as Polynomial,
    Power as Power,
    Saturation as Saturation,
    as_law as as_law,
)
from ._levels import DiscreteLevels as DiscreteLevels
from ._lifecycle import is_stuck as is_stuck, reprogram as reprogram
from ._pcm import Pcm as Pcm, PcmCells as PcmCells
from ._preset_file import describe as describe, is_file as is_file
from ._presets import (
    datasheet as datasheet,
    preset as preset,
    preset_names as preset_names,
    recognised as recognised,
)
from ._retention import Retention as Retention
from ._roles import ROLES as ROLES
from ._statistical import StatisticalCells as StatisticalCells, StatisticalDevice as StatisticalDevice
from ._statistics import statistics as statistics
from ._stuck_cells import FaultyCells as FaultyCells, StuckCells as StuckCells
from ._telegraph import TelegraphCells as TelegraphCells, TelegraphNoise as TelegraphNoise
from ._temperature import (
    AtTemperature as AtTemperature,
    arrhenius_factor as arrhenius_factor,
    time_to_failure as time_to_failure,
)
from ._timed_laws import (
    AbstractTimedLaw as AbstractTimedLaw,
    Accumulation as Accumulation,
    Excess as Excess,
    LogTime as LogTime,
    PolynomialTable as PolynomialTable,
    SaturationTable as SaturationTable,
)
from ._wrappers import AbstractWrapper as AbstractWrapper, NoiselessReads as NoiselessReads
