"""From a config to trained networks, and from those to chips: the steps that studies of inference are made of.

- `_roads`: convert, calibrate, place, age and score a network, each from the public parts of the package.
- `_trainings`: the sections of a config on training, as arguments of `training.fit`.
- `trained_networks(config, data, keys, ...)`: the baseline and those for chips, read where they are there already;
  `trained_for_hardware`, one of them. `KEY_NAMES`: of the keys that a run draws.
- `Kept`: the networks and scores that a run has finished; `losses`, of its trainings. `on_mesh`: a network where a
  training leaves it.
- `check_memory`: whether a network can be trained on this machine, from its shapes; `COPIES` of each parameter.
- `cautions(config)`: where it extrapolates beyond what was measured.
"""

from ._kept import (
    KEY_NAMES as KEY_NAMES,
    Kept as Kept,
    losses as losses,
    on_mesh as on_mesh,
    trained_for_hardware as trained_for_hardware,
    trained_networks as trained_networks,
)
from ._memory import COPIES as COPIES, check_memory as check_memory
from ._roads import cautions as cautions
