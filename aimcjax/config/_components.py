"""Everything that a config can name."""

from .. import devices, periphery, tiles
from ..components import Registry


_REGISTRY = Registry({**devices.ROLES, **periphery.ROLES, **tiles.ROLES})
build = _REGISTRY.build
describe = _REGISTRY.describe
