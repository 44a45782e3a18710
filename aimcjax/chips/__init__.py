"""A model as a machine: what lies where, what an inference costs, and when each of its operations happens.

- `count_activity(model, x)`: vectors through each analog layer and digital work, from the jaxpr.
- `mapping_table(chip)`, `check_capacity(model, max_tiles)`: which part of which matrix is on which tile.
- `CostModel`, `cost(...)`: energy by component, latency, area. `check_cost(model)`: whether they are known.
- `timing`: operations of an inference, `schedule` on shared resources, requests under load, experts on stacked arrays.
- `economics`: yield with spares, dies of a wafer, cost of tokens, break-even with GPUs, sensitivity.
- `heat`: temperatures of tiles and tiers, leakage, throttling, ageing.
- `service`: months of requests, heat, drift and wear under a policy, and their log.
- `rewritten_cells(before, after)`: what had to be written to make one chip the other; none where adapters train.
"""

from ..nn import Activity as Activity, count_activity as count_activity
from . import economics as economics, heat as heat, service as service, timing as timing
from ._cost import (
    COMPONENTS as COMPONENTS,
    Cost as Cost,
    CostModel as CostModel,
    check_cost as check_cost,
    cost as cost,
)
from ._placement import bits_of as bits_of, check_capacity as check_capacity, mapping_table as mapping_table
from ._writes import rewritten_cells as rewritten_cells
from .timing import Schedule as Schedule, schedule as schedule
