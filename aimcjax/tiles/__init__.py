"""One crossbar: weights to conductances, conductances to currents, currents to numbers.

    weights ─encode→ targets ─program→ cells ─drift(t)→ conductances ─read→ currents ─adc→ codes ─decode→ y

- `TileDesign`: the physical tile; `program` once, `at` a time, `read` many times, `trace` to look inside.
- `WeightLevelTile`: the same verbs on weights, for training. `read_together`, `ages`, `digital_scale`: what a matrix
  asks of its tiles.
- `ManagedTile`: around either, vectors scaled by their range, and until no ADC saturates.
- Encodings: `DifferentialPair`, `Offset`, `OffsetUnitColumn`, `SignificancePairs`, `TablePairs`; of other encodings
  `BitSliced`, `Replicated`. `decode_weights` is what conductances stand for.
- `IdealCrossbar`, `CubicIrDrop`, `SeriesResistance`, `WireResistance`, `NonlinearCrossbar`.
- Programming policies: `OneShot`, `WriteVerify`, `GradientProgramming`, `PulsePredictor` (`train_pulse_predictor`);
  each reports what it took. `optimize_table`: targets for accuracy over time, by gradient on `error_over_time`.
- `PulsedConductance`: pulsed cells in a tile.
- Defects: `ArrayDefects` (dead lines, clusters), `remap` to spare lines, `with_parity` and `parity_alarm`.
- `crossbar_currents`, `nonlinear_currents`: the exact currents of an array with wire resistance.
- `read_margin`, `half_select_voltages`: passive arrays, with `DiodeSelector`, `SinhSelector`, `ThresholdSelector`;
  `cell_with_selector` is the law of a 1S1R cell for `nonlinear_currents`.
- `preset(name)`, `preset_names()`: tiles by name.
- Bases: `AbstractTileDesign`, `AbstractEncoding`, `AbstractCrossbar`, `AbstractProgrammingPolicy`,
  `AbstractSelector`.
- What these return: `TileState`, `TileSnapshot`, `TileTrace`, `WeightState`; `ProgrammingReport` (of `PulseCost`s,
  through a `Readout`); `DefectiveCells`, `ConductiveCells`, `HalfSelect`, `Remap`.
- `with_overrange`: reads that say when they saturate. `parity_residual`: what the alarm looks at. `check_finite`,
  `check_time`: what no tile takes. `ROLES`: all by name, for configs.
"""

from ._base import (
    AbstractTileDesign as AbstractTileDesign,
    check_finite as check_finite,
    check_time as check_time,
)
from ._crossbar import (
    AbstractCrossbar as AbstractCrossbar,
    CubicIrDrop as CubicIrDrop,
    IdealCrossbar as IdealCrossbar,
)
from ._crossbar_currents import crossbar_currents as crossbar_currents
from ._defects import ArrayDefects as ArrayDefects, DefectiveCells as DefectiveCells
from ._encoding import (
    AbstractEncoding as AbstractEncoding,
    DifferentialPair as DifferentialPair,
    decode_weights as decode_weights,
)
from ._encoding_offset import Offset as Offset, OffsetUnitColumn as OffsetUnitColumn
from ._encoding_pairs import SignificancePairs as SignificancePairs, TablePairs as TablePairs
from ._encoding_slices import BitSliced as BitSliced, Replicated as Replicated
from ._managed import ManagedTile as ManagedTile, with_overrange as with_overrange
from ._nonlinear_crossbar import NonlinearCrossbar as NonlinearCrossbar
from ._nonlinear_currents import nonlinear_currents as nonlinear_currents
from ._parity import (
    parity_alarm as parity_alarm,
    parity_residual as parity_residual,
    with_parity as with_parity,
)
from ._presets import preset as preset, preset_names as preset_names
from ._programming import (
    AbstractProgrammingPolicy as AbstractProgrammingPolicy,
    OneShot as OneShot,
    ProgrammingReport as ProgrammingReport,
    PulseCost as PulseCost,
    Readout as Readout,
)
from ._programming_gradient import GradientProgramming as GradientProgramming
from ._programming_over_time import error_over_time as error_over_time, optimize_table as optimize_table
from ._programming_predictor import (
    PulsePredictor as PulsePredictor,
    train_pulse_predictor as train_pulse_predictor,
)
from ._programming_verify import WriteVerify as WriteVerify
from ._pulsed_conductance import ConductiveCells as ConductiveCells, PulsedConductance as PulsedConductance
from ._roles import ROLES as ROLES
from ._selector_law import cell_with_selector as cell_with_selector
from ._selectors import (
    AbstractSelector as AbstractSelector,
    DiodeSelector as DiodeSelector,
    SinhSelector as SinhSelector,
    ThresholdSelector as ThresholdSelector,
)
from ._sneak_paths import (
    HalfSelect as HalfSelect,
    half_select_voltages as half_select_voltages,
    read_margin as read_margin,
)
from ._spares import Remap as Remap, remap as remap
from ._tile import (
    TileDesign as TileDesign,
    TileSnapshot as TileSnapshot,
    TileState as TileState,
    TileTrace as TileTrace,
)
from ._together import ages as ages, digital_scale as digital_scale, read_together as read_together
from ._weight_level import WeightLevelTile as WeightLevelTile, WeightState as WeightState
from ._wire_resistance import SeriesResistance as SeriesResistance, WireResistance as WireResistance
