"""Everything that a config can name."""

import dataclasses
from typing import Any

from .. import devices, mapping, nn, periphery, tiles
from ..chips import economics, heat
from ..components import Registry


def _device(value: Any) -> Any:
    """A device may be the path of a preset file."""
    return devices.preset(value) if isinstance(value, str) and devices.is_file(value) else NotImplemented


_ROLES = {
    **devices.ROLES, **periphery.ROLES, **tiles.ROLES, **mapping.ROLES, **nn.ROLES, **heat.ROLES, **economics.ROLES
}  # fmt: skip
_ROLES[devices.AbstractDevice] = dataclasses.replace(_ROLES[devices.AbstractDevice], shorthand=_device)
REGISTRY = Registry(_ROLES)
build = REGISTRY.build
describe = REGISTRY.describe
