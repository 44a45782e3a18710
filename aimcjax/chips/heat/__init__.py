"""How hot tiles and tiers get, and what heat does.

- `ThermalNetwork`: tiles and tiers, `steady` and `transient`; `Map`, a number for every tile.
- `Leakage`, `steady_with_leakage`, `approach`: power that grows with temperature; `HOTTEST`, where it has run away.
- `throttle`: the work that a limit of temperature allows; `bisect`, where it has no closed form; `power_cap`, the power
  it allows, and `thermal_caps`, for schedules.
- `power_map(placement, cost)`, `network_of(placement, cost)`, `caps_of(placement, cost, limit)`: of a model on a chip.
- `ThermalAgeing`: how much older hot tiles get.
- `ROLES`: all of it by name, for configs.
"""

from ._ageing import ThermalAgeing as ThermalAgeing
from ._leakage import (
    HOTTEST as HOTTEST,
    Leakage as Leakage,
    approach as approach,
    steady_with_leakage as steady_with_leakage,
)
from ._network import Map as Map, ThermalNetwork as ThermalNetwork
from ._placed import caps_of as caps_of, network_of as network_of, power_map as power_map
from ._roles import ROLES as ROLES
from ._throttle import (
    bisect as bisect,
    power_cap as power_cap,
    thermal_caps as thermal_caps,
    throttle as throttle,
)
