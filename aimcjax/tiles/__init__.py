"""One crossbar: weights to conductances, conductances to currents, currents to numbers.

    weights ─encode→ targets ─program→ cells ─drift(t)→ conductances ─read→ currents ─adc→ codes ─decode→ y

- `TileDesign`: the physical tile; `program` once, `at` a time, `read` many times, `trace` to look inside.
- `WeightLevelTile`: the same verbs on normalised weights, for training.
- `DifferentialPair`; `IdealCrossbar`, `CubicIrDrop`.
- `preset(name)`, `preset_names()`: tiles by name.
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
from ._encoding import AbstractEncoding as AbstractEncoding, DifferentialPair as DifferentialPair
from ._presets import preset as preset, preset_names as preset_names
from ._roles import ROLES as ROLES
from ._tile import (
    TileDesign as TileDesign,
    TileSnapshot as TileSnapshot,
    TileState as TileState,
    TileTrace as TileTrace,
)
from ._weight_level import WeightLevelTile as WeightLevelTile, WeightState as WeightState
