"""Heat by name, for configs."""

from ...components import Role
from ._ageing import ThermalAgeing
from ._leakage import Leakage
from ._network import ThermalNetwork


ROLES = {
    ThermalNetwork: Role("a thermal network", {"thermal_network": ThermalNetwork}),
    ThermalAgeing: Role("a law of ageing", {"thermal_ageing": ThermalAgeing}),
    Leakage: Role("a law of leakage", {"leakage": Leakage}),
}
