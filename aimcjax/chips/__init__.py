"""A model as a machine: what lies where, and what an inference costs.

- `count_activity(model, x)`: vectors through each analog layer and digital work, from the jaxpr.
- `mapping_table(chip)`, `check_capacity(model, max_tiles)`: which part of which matrix is on which tile.
- `CostModel`, `cost(...)`: energy by component, latency, area. `check_cost(model)`: whether they are known.
- `AbstractDefectModel` (`Poisson`, `NegativeBinomial`, `Murphy`), `Die`: defects and what is on a die. `chip_yield`,
  `simulate_yield`: good dies with spares, replicas and tiers. `SpareLines`, `repair`: of one array.
- `Wafer`, `die_price`: dies of a wafer, and what a good one costs.
- `Economics`, `AimcMachine`, `GpuMachine`: what tokens cost. `cost_per_million`, `cost_per_day`, `break_even`;
  `tornado`: which input matters. `ECONOMICS_ROLES`: all of it by name, for configs.
- `rewritten_cells(before, after)`: what had to be written to make one chip the other; none where adapters train.
"""

from ..nn import Activity as Activity, count_activity as count_activity
from ._array_repair import Repair as Repair, SpareLines as SpareLines, repair as repair
from ._break_even import BreakEven as BreakEven, break_even as break_even
from ._cost import (
    COMPONENTS as COMPONENTS,
    Cost as Cost,
    CostModel as CostModel,
    check_cost as check_cost,
    cost as cost,
)
from ._defect_yield import (
    AbstractDefectModel as AbstractDefectModel,
    Murphy as Murphy,
    NegativeBinomial as NegativeBinomial,
    Poisson as Poisson,
)
from ._economics_roles import ECONOMICS_ROLES as ECONOMICS_ROLES
from ._money import (
    AbstractMachine as AbstractMachine,
    AimcMachine as AimcMachine,
    Economics as Economics,
    GpuMachine as GpuMachine,
    capacity as capacity,
    cost_per_day as cost_per_day,
    cost_per_million as cost_per_million,
    fixed_cost as fixed_cost,
    token_cost as token_cost,
)
from ._placement import bits_of as bits_of, check_capacity as check_capacity, mapping_table as mapping_table
from ._redundancy import (
    Die as Die,
    YieldEstimate as YieldEstimate,
    chip_yield as chip_yield,
    simulate_yield as simulate_yield,
)
from ._tornado import Bar as Bar, Tornado as Tornado, tornado as tornado
from ._wafer import Wafer as Wafer, die_price as die_price
from ._writes import rewritten_cells as rewritten_cells
