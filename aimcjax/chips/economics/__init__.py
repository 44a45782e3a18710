"""What chips yield and what their tokens cost.

- `AbstractDefectModel` (`Poisson`, `NegativeBinomial`, `Murphy`), `Die`: defects and what is on a die. `chip_yield`,
  `simulate_yield`: good dies with spares, replicas and tiers. `SpareLines`, `repair`: of one array.
- `Wafer`, `die_price`: dies of a wafer, and what a good one costs.
- `Economics`, `AimcMachine`, `GpuMachine`: what tokens cost. `cost_per_million`, `cost_per_day`, `break_even`;
  `tornado`: which input matters.
- `quantities`: all inputs of a module, by path. `ROLES`: all of it by name, for configs.
- `AbstractMachine`: what serves tokens; `capacity`, `fixed_cost`, `token_cost`: parts of what it takes.
- `Repair`, `YieldEstimate`, `BreakEven`, `Tornado` and its `Bar`: what these return.
"""

from ._array_repair import Repair as Repair, SpareLines as SpareLines, repair as repair
from ._break_even import BreakEven as BreakEven, break_even as break_even
from ._defect_yield import (
    AbstractDefectModel as AbstractDefectModel,
    Murphy as Murphy,
    NegativeBinomial as NegativeBinomial,
    Poisson as Poisson,
)
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
from ._quantities import quantities as quantities
from ._redundancy import (
    Die as Die,
    YieldEstimate as YieldEstimate,
    chip_yield as chip_yield,
    simulate_yield as simulate_yield,
)
from ._roles import ROLES as ROLES
from ._tornado import Bar as Bar, Tornado as Tornado, tornado as tornado
from ._wafer import Wafer as Wafer, die_price as die_price
