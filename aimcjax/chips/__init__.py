"""A model as a machine: what lies where, what an inference costs, and when each of its operations happens.

- `load(name_or_file)`, `NAMES`, `build_chip`, `describe_chip`, `constants`: chips from text. `Chip` and its parts:
  `Core`, `DigitalUnits`, `Mesh`, `Bus`, `Buffer`, `Dram`, `Technology`.
- `place(model, chip, strategy=...)`: a `Placement`; `STRATEGIES`.
- `cost(placement, ...)`: energy by component and layer, latency, area. `price(counts, chip)`, the pure function behind
  it; `COMPONENTS`; `check_cost(model)`: whether there is one. `adc.andrulis`: converters by published regression.
- `count_activity(model, x)`: vectors through each analog layer and digital work, from the jaxpr.
- `mapping_table(model, placement)`, `check_capacity(model, max_tiles)`: which part of which matrix is on which tile.
  `write_artifacts`, `schema`: its files; `read_mapping`: one that was edited.
- `peak(chip)`: all tiles busy; `mvm_time`, `energy_per_mac`: from published throughput and efficiency;
  `fit_mvm_energy`: a law fitted to measured macros.
- `timing`: operations of an inference, also of a placed model (`placement_graph`, `placement_resources`), `schedule` on
  shared resources, requests under load, experts on stacked arrays.
- `heat`: temperatures of tiles and tiers, leakage, throttling, ageing.
- `service`: months of requests, heat, drift and wear under a policy, and their log.
- `economics`: yield with spares, dies of a wafer, cost of tokens, break-even with GPUs, sensitivity.
- `optimise(model, chip, ...)`: accuracy and cost from the same numbers, designs by gradient (`codesign`).
- `rewritten_cells(before, after)`: what had to be written to make one chip the other; none where adapters train.
- `Activity`, `Counts`, `Stages` (`stage_times`), `Bill`, `Cost`, `Peak`, `MvmEnergy`, `Schedule`: what these return;
  `Slot` and `Placed`, an array and the block on it. `OFF_TILES`, the row of what lies on no tile.
- `AbstractLinks`: what a network between tiles must offer. `energy_factor`: energy by node and supply. `bits_of`: how
  a converter says its resolution. `ROLES`, `REGISTRY`, `SCHEMAS`: all by name, for configs and files.
"""

from ..nn import Activity as Activity, count_activity as count_activity
from . import (
    adc as adc,
    codesign as codesign,
    economics as economics,
    heat as heat,
    service as service,
    timing as timing,
)
from ._artifacts import SCHEMAS as SCHEMAS, schema as schema, write_artifacts as write_artifacts
from ._cost import Cost as Cost, check_cost as check_cost, cost as cost
from ._counts import Counts as Counts
from ._description import Chip as Chip, Slot as Slot
from ._edited import read_mapping as read_mapping
from ._latency import Stages as Stages, stage_times as stage_times
from ._load import (
    NAMES as NAMES,
    REGISTRY as REGISTRY,
    ROLES as ROLES,
    build_chip as build_chip,
    constants as constants,
    describe_chip as describe_chip,
    load as load,
)
from ._mapping_table import bits_of as bits_of, check_capacity as check_capacity, mapping_table as mapping_table
from ._mvm_energy import MvmEnergy as MvmEnergy, fit_mvm_energy as fit_mvm_energy
from ._parts import (
    AbstractLinks as AbstractLinks,
    Buffer as Buffer,
    Bus as Bus,
    Core as Core,
    DigitalUnits as DigitalUnits,
    Dram as Dram,
    Mesh as Mesh,
)
from ._peak import Peak as Peak, energy_per_mac as energy_per_mac, mvm_time as mvm_time, peak as peak
from ._place import Placed as Placed, Placement as Placement, place as place
from ._price import COMPONENTS as COMPONENTS, OFF_TILES as OFF_TILES, Bill as Bill, price as price
from ._strategies import STRATEGIES as STRATEGIES
from ._technology import Technology as Technology, energy_factor as energy_factor
from ._writes import rewritten_cells as rewritten_cells
from .codesign import optimise as optimise
from .timing import (
    Schedule as Schedule,
    placement_graph as placement_graph,
    placement_resources as placement_resources,
    schedule as schedule,
)
