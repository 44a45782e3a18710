"""When each operation of an inference happens.

- `decoder_graph(Decoder(...))`, `sequential_graph`: the operations of an inference and their order (`Graph`).
- `placement_graph(placement)`, `placement_resources(placement)`: those of a model on a chip; `placement_schedule`:
  both, scheduled; `count_operations`: how many there would be; `placement_requests`: a stream of them.
- `schedule(graph, Resources(...), caps=Caps(...))`: when each of them starts; `write_chrome_trace` to look at it.
- `simulate_requests`, `estimate_requests`: latency of requests under load, from a queue of events or of one resource.
- `compare_banks`: mixtures of experts on stacked arrays, for placements such as `banks_by_coactivation`.
- `Experts`, `Block`: parts of a decoder and of a placement; `GraphBuilder` makes graphs, `OperationCosts` says what
  operations take, `KINDS` which there are. `Schedule`, `chrome_events`: what happened when.
- `poisson_arrivals`, `queue_requests`: requests and one queue of them; `RequestLatencies`, `Stream`: what comes out.
- `draw_experts`, `coactivation`: which experts meet; `banks_in_order`, `bank_tiles`: where they lie; `TierResult`.
"""

from ._budget import Caps as Caps
from ._decoder import Decoder as Decoder, decoder_graph as decoder_graph, sequential_graph as sequential_graph
from ._experts import Experts as Experts, draw_experts as draw_experts
from ._graph import KINDS as KINDS, Block as Block, Graph as Graph, GraphBuilder as GraphBuilder
from ._operations import OperationCosts as OperationCosts
from ._placed import (
    count_operations as count_operations,
    placement_graph as placement_graph,
    placement_resources as placement_resources,
    placement_schedule as placement_schedule,
)
from ._requests import (
    RequestLatencies as RequestLatencies,
    estimate_requests as estimate_requests,
    poisson_arrivals as poisson_arrivals,
    queue_requests as queue_requests,
    simulate_requests as simulate_requests,
)
from ._resources import Resources as Resources
from ._schedule import Schedule as Schedule, schedule as schedule
from ._stream import Stream as Stream, placement_requests as placement_requests
from ._tiers import (
    TierResult as TierResult,
    bank_tiles as bank_tiles,
    banks_by_coactivation as banks_by_coactivation,
    banks_in_order as banks_in_order,
    coactivation as coactivation,
    compare_banks as compare_banks,
)
from ._trace import chrome_events as chrome_events, write_chrome_trace as write_chrome_trace
