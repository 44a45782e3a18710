"""Months of service: requests, heat, drift and wear, and what a policy does about them.

- `serve(model, policies, traffic, network, ...)`: accuracy, energy and availability under each `Policy`.
- `load_policy`, `describe_policy`: `runtime_policy.yaml`; `TRIGGERS`, `ACTIONS`, and a class for each action.
- `telemetry`, `write_telemetry`, `read_telemetry`, `telemetry_table`: its log, as JSON lines or a table (`FIELDS`);
  `request_facts`, `write_facts`: what requests and writes take of the tiles.
- Actions: `Monitor` and `Retry` canaries, `Recalibrate`, `Refresh`, `MapAgain`, `Throttle`, `Degrade`, `FailOver`.
  `Traffic`: requests over time.
"""

from ._facts import request_facts as request_facts, write_facts as write_facts
from ._policy import (
    ACTIONS as ACTIONS,
    TRIGGERS as TRIGGERS,
    Degrade as Degrade,
    FailOver as FailOver,
    MapAgain as MapAgain,
    Monitor as Monitor,
    Policy as Policy,
    Recalibrate as Recalibrate,
    Refresh as Refresh,
    Retry as Retry,
    Throttle as Throttle,
    describe_policy as describe_policy,
    load_policy as load_policy,
)
from ._serve import serve as serve
from ._telemetry import (
    FIELDS as FIELDS,
    read_telemetry as read_telemetry,
    telemetry as telemetry,
    telemetry_table as telemetry_table,
    write_telemetry as write_telemetry,
)
from ._traffic import Traffic as Traffic
