"""A model as a machine: what lies where, what an inference costs, and when each of its operations happens.

- `count_activity(model, x)`: vectors through each analog layer and digital work, from the jaxpr.
- `mapping_table(chip)`, `check_capacity(model, max_tiles)`: which part of which matrix is on which tile.
- `CostModel`, `cost(...)`: energy by component, latency, area. `check_cost(model)`: whether they are known.
- `AbstractDefectModel` (`Poisson`, `NegativeBinomial`, `Murphy`), `Die`: defects and what is on a die. `chip_yield`,
  `simulate_yield`: good dies with spares, replicas and tiers. `SpareLines`, `repair`: of one array.
- `Wafer`, `die_price`: dies of a wafer, and what a good one costs.
- `Economics`, `AimcMachine`, `GpuMachine`: what tokens cost. `cost_per_million`, `cost_per_day`, `break_even`;
  `tornado`: which input matters. `ECONOMICS_ROLES`: all of it by name, for configs.
- `decoder_graph(Decoder(...))`, `sequential_graph`: the operations of an inference and their order (`Graph`).
- `schedule(graph, Resources(...), caps=Caps(...))`: when each of them starts; `write_chrome_trace` to look at it.
- `simulate_requests`, `estimate_requests`: latency of requests under load, from a queue of events or of one resource.
- `compare_banks`: mixtures of experts on stacked arrays, for placements such as `banks_by_coactivation`.
- `rewritten_cells(before, after)`: what had to be written to make one chip the other; none where adapters train.
"""

from ..nn import Activity as Activity, count_activity as count_activity
from ._array_repair import Repair as Repair, SpareLines as SpareLines, repair as repair
from ._break_even import BreakEven as BreakEven, break_even as break_even
from ._budget import Caps as Caps
from ._cost import (
    COMPONENTS as COMPONENTS,
    Cost as Cost,
    CostModel as CostModel,
    check_cost as check_cost,
    cost as cost,
)
from ._decoder import Decoder as Decoder, decoder_graph as decoder_graph, sequential_graph as sequential_graph
from ._defect_yield import (
    AbstractDefectModel as AbstractDefectModel,
    Murphy as Murphy,
    NegativeBinomial as NegativeBinomial,
    Poisson as Poisson,
)
from ._economics_roles import ECONOMICS_ROLES as ECONOMICS_ROLES
from ._experts import Experts as Experts, draw_experts as draw_experts
from ._graph import KINDS as KINDS, Block as Block, Graph as Graph, GraphBuilder as GraphBuilder
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
from ._operations import OperationCosts as OperationCosts
from ._placement import bits_of as bits_of, check_capacity as check_capacity, mapping_table as mapping_table
from ._redundancy import (
    Die as Die,
    YieldEstimate as YieldEstimate,
    chip_yield as chip_yield,
    simulate_yield as simulate_yield,
)
from ._requests import (
    RequestLatencies as RequestLatencies,
    estimate_requests as estimate_requests,
    poisson_arrivals as poisson_arrivals,
    simulate_requests as simulate_requests,
)
from ._resources import Resources as Resources
from ._schedule import Schedule as Schedule, schedule as schedule
from ._tiers import (
    TierResult as TierResult,
    bank_tiles as bank_tiles,
    banks_by_coactivation as banks_by_coactivation,
    banks_in_order as banks_in_order,
    coactivation as coactivation,
    compare_banks as compare_banks,
)
from ._tornado import Bar as Bar, Tornado as Tornado, tornado as tornado
from ._trace import chrome_events as chrome_events, write_chrome_trace as write_chrome_trace
from ._wafer import Wafer as Wafer, die_price as die_price
from ._writes import rewritten_cells as rewritten_cells
