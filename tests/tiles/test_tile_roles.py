"""Every tile and every part of one by name, from a config and back."""

import jax
import numpy as np
import pytest

from aimcjax import devices, periphery, tiles
from aimcjax.components import Registry


REGISTRY = Registry({**devices.ROLES, **periphery.ROLES, **tiles.ROLES})
TYPES = [
    (role, name)
    for role, kinds in tiles.ROLES.items()
    for name in kinds.types
    if name not in devices.ROLES.get(role, kinds).types or role not in devices.ROLES
]
ARGUMENTS = {
    "array_defects": {"device": "pcm"},
    "managed_tile": {"tile": "standard_pcm"},
    "wire_resistance": {"source": "gate", "interleaved": True, "r_row": "2 Ohm"},
    "nonlinear_crossbar": {"device": "rram_milo2021", "r_row": "2 Ohm"},
}


@pytest.mark.parametrize(("role", "name"), TYPES)
def test_round_trip(role: type, name: str) -> None:
    made = tiles.ROLES[role].types[name]
    part = REGISTRY.build({"type": name, **ARGUMENTS.get(name, {})}, role)
    assert not isinstance(made, type) or type(part) is made
    again = REGISTRY.build(REGISTRY.describe(part), role)
    assert jax.tree.structure(again) == jax.tree.structure(part)
    for a, b in zip(jax.tree.leaves(again), jax.tree.leaves(part), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_unknown_source_is_named() -> None:
    with pytest.raises(ValueError, match="unknown source 'side'; choose one of"):
        REGISTRY.build({"type": "wire_resistance", "source": "side"}, tiles.AbstractCrossbar)
    with pytest.raises(ValueError, match="source: expected a name, got 3"):
        REGISTRY.build({"type": "wire_resistance", "source": 3}, tiles.AbstractCrossbar)
