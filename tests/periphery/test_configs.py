"""Converters and their parts from names and back, and what every one of them says about itself."""

import equinox as eqx
import pytest

from aimcjax import periphery as p
from aimcjax.components import Registry


REGISTRY = Registry(p.ROLES)
NESTED = {
    "noisy_adc": {"noise": {"type": "shot_noise", "bandwidth": "2 GHz"}, "adc": {"type": "sar_adc", "bits": 6}},
    "shared_adc": {"adc": "cyclic_adc", "cols_per_adc": 4},
    "s_shaped_adc": {"adc": {"type": "asymmetric_adc", "adc": "ideal_adc"}},
    "voltage_offset_adc": {"adc": "flash_adc", "compression": "20 1/A"},
    "asymmetric_adc": {"adc": "ramp_adc"},
    "compressive_dac": {"dac": {"type": "level_dac", "bits": 2, "mismatch": [[-0.9, 0.01, 1.1]]}},
    "bound_management": {"fallback": {"type": "abs_max_np_sum", "bound": 6}, "dac_bits": 8},
    "andrulis_cost": {"node": "22 nm", "smooth": False},
    "bit_serial_dac": {"bits": 5, "slice_bits": 2, "adc_range": [0.5, 1], "adc_per_slice": False},
}
TYPES = [(role, name) for role, kinds in p.ROLES.items() for name in kinds.types]


@pytest.mark.parametrize(("role", "name"), TYPES, ids=[name for _, name in TYPES])
def test_description_builds_the_same_converter(role: type, name: str) -> None:
    built = REGISTRY.build({"type": name, **NESTED.get(name, {})}, role)
    assert isinstance(built, role)
    assert eqx.tree_equal(REGISTRY.build(REGISTRY.describe(built), role), built, typematch=True)


@pytest.mark.parametrize(("role", "name"), TYPES[:24], ids=[name for _, name in TYPES[:24]])
def test_every_converter_but_the_ideal_has_bits_and_cycles(role: type, name: str) -> None:
    built = REGISTRY.build({"type": name, **NESTED.get(name, {})}, role)
    inner_ideal = name in ("ideal_dac", "ideal_adc", "s_shaped_adc")
    assert (p.resolution(built) is None) == (p.effective_bits(built) is None) == inner_ideal
    assert p.clock_cycles(built) >= 1.0
    assert p.turns(built) == (4 if name == "shared_adc" else 1)
