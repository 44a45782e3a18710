"""Chips from text: published headlines by the package's own arithmetic, and what is refused."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from aimcjax import chips, tiles
from aimcjax.units import ns


def test_hermes_follows_from_its_throughput_and_efficiency() -> None:
    """63.1 TOPS at 9.76 TOPS/W in one phase, 16.1 TOPS at 2.48 TOPS/W in four (Le Gallo 2023)."""
    one, four = (float(chips.mvm_time(tops * 1e12, 64, 256, 256)) for tops in (63.1, 16.1))
    np.testing.assert_allclose([one / ns, four / ns], [132.9, 521.0], rtol=4e-4)
    energy = [64 * 256 * 256 * float(chips.energy_per_mac(e * 1e12)) for e in (9.76, 2.48)]
    np.testing.assert_allclose([energy[0] / one, energy[1] / four], [6.47, 6.49], rtol=2e-3)  # equal power [W]


def test_ambrogio_by_the_tools_own_arithmetic() -> None:
    """12.4 TOPS/W is 81 fJ an operation: of a multiply-accumulate, where it counts as one."""
    np.testing.assert_allclose(float(chips.energy_per_mac(12.4e12, ops_per_mac=1)), 81e-15, rtol=5e-3)
    np.testing.assert_allclose(float(chips.energy_per_mac(12.4e12)), 161e-15, rtol=5e-3)


# Throughput [TOPS] and efficiency [TOPS/W] as published, or what a product on an array takes [s, J]
PEAKS = {
    "hermes_2023": {"mvm_s": 132.9e-9, "ops_per_s": 63.1e12, "ops_per_J": 9.76e12},
    "ambrogio_2023": {"mvm_s": 300e-9, "ops_per_J": 12.4e12},
    "neurram_2022": {"ops_per_s": 0.744e12, "ops_per_J": 15.95e12},
    "aimc3d_2025": {"mvm_s": 100e-9},
}


@pytest.mark.parametrize("name", PEAKS)
def test_named_chips_reach_their_headlines(name: str) -> None:
    """Assumed numbers are chosen so: this is what keeps them from drifting off."""
    found = chips.peak(chips.load(name))
    for quantity, value in PEAKS[name].items():
        np.testing.assert_allclose(float(getattr(found, quantity)), value, rtol=5e-3, err_msg=quantity)
    np.testing.assert_allclose(found.power_W, found.ops_per_s / found.ops_per_J, rtol=1e-5)
    if name == "aimc3d_2025":  # 10 nJ a product on a tier, without what the digital units leak
        dynamic = sum(float(found.parts_J[part]) for part in ("core", "dac", "adc", "digital"))
        np.testing.assert_allclose(dynamic / 1024, 10e-9, rtol=5e-3)


def test_four_phases_take_four_times_as_long_at_the_same_power() -> None:
    chip = chips.load("hermes_2023")
    fast, slow = (
        chips.peak(dataclasses.replace(chip, core=dataclasses.replace(chip.core, phases=p))) for p in (1.0, 4.0)
    )
    np.testing.assert_allclose(slow.mvm_s / fast.mvm_s, 4.0, rtol=1e-4)
    np.testing.assert_allclose(slow.mvm_s, 521e-9, rtol=0.03)
    np.testing.assert_allclose(slow.power_W / fast.power_W, 1.0, rtol=0.01)


# (bits out, bits in): TOPS/W of NeuRRAM as digitised by CiMLoop
NEURRAM = {(3, 1): 43.08, (4, 2): 40.33, (5, 3): 23.09, (6, 4): 15.95,
           (7, 5): 11.03, (8, 6): 8.26, (9, 7): 7.75, (10, 8): 6.44}  # fmt: skip


def test_an_energy_law_fitted_on_half_of_neurram_predicts_the_other_half() -> None:
    points = np.asarray(list(NEURRAM), float)
    energy = np.asarray([1e-12 / efficiency for efficiency in NEURRAM.values()])
    law = chips.fit_mvm_energy(points[::2, 1], points[::2, 0], energy[::2])
    found = np.asarray(law(jnp.asarray(points[:, 1]), jnp.asarray(points[:, 0])), np.float64)
    assert np.all(np.diff(found[1::2]) > 0)  # the ordering of what it has not seen
    assert np.all(np.diff(found) >= 0)
    np.testing.assert_allclose(found[1::2], energy[1::2], rtol=0.25)
    with pytest.raises(ValueError, match="three or more positive energies"):
        chips.fit_mvm_energy(points[:2, 1], points[:2, 0], energy[:2])


@pytest.mark.parametrize("name", chips.NAMES)
def test_named_chips_say_where_their_numbers_are_from(name: str) -> None:
    chip = chips.load(name)
    assert chip.name == name
    assert len(chip.source) > 20
    for path, value, source in chips.constants(chip):
        assert len(source) > 4 or source == "assumed", path
        assert source != "as given in the config", path
        assert value, path
    tree = yaml.safe_load(yaml.safe_dump(chips.describe_chip(chip)))
    assert chips.describe_chip(chips.build_chip(tree)) == chips.describe_chip(chip)


def test_a_named_chip_may_be_changed_and_keeps_its_sources() -> None:
    chip = chips.build_chip({"type": "hermes_2023", "core": {"t_read": "200 ns"}, "grid": [4, 16]})
    assert (chip.grid, chip.capacity) == ((4, 16), 64)
    rows = {path: (value, source) for path, value, source in chips.constants(chip)}
    assert rows["technology/node"] == ("14 nm", "Le Gallo 2023")
    assert rows["core/t_read"][0] == "200 ns"
    assert chips.build_chip("hermes_2023").tile.rows == 256


BAD = {
    "no tiles": ({"grid": [0, 8]}, "grid: expected a whole number from 1"),
    "no tiers": ({"tiers": 0}, "tiers: expected a whole number from 1"),
    "unknown unit": ({"core": {"t_read": "5 uS"}}, "core: t_read: expected a quantity in s.*'5 uS'"),
    "no unit": ({"digital": {"energy_per_op": 3}}, "digital: energy_per_op: a number needs its unit"),
    "unknown key": ({"gird": [2, 2]}, "chip has no parameter 'gird'; did you mean 'grid'"),
    "unknown key inside": ({"core": {"t_raed": "5 ns"}}, "core: core has no parameter 't_raed'; did you mean 't_read'"),
    "tiles that contradict": ({"grid": [2, 2], "n_tiles": 5}, "5 tiles are stated and its grid has 2 x 2 = 4"),
    "banks that contradict": ({"grid": [2, 2], "n_tiles": 4, "banks": 2}, "grid has 2 x 2 x 2 = 8"),
    "a tile larger than its array": (
        {"array": [64, 64], "tile": {"type": "tile", "rows": 128, "cols": 64, "device": {"type": "pcm_joshi2020"}}},
        "its tile holds 128x64 and its array is stated as 64x64",
    ),
    "links": ({"links": {"type": "mush"}}, "links: expected links between tiles, got 'mush'; did you mean 'mesh'"),
    "half a source": ({"core": {"t_read": {"value": "5 ns"}}}, "core/t_read: expected {value: ..., source: ...}"),
    "an empty source": ({"core": {"t_read": {"value": "5 ns", "source": ""}}}, "core/t_read: a source is who"),
    "no name": ("hermes", "unknown chip 'hermes'; did you mean 'hermes_2023'|unknown chip 'hermes'; known: "),
    "no file": ("nowhere.yaml", "no chip file nowhere.yaml"),
    "a number": (5, "expected the name of a chip, a file, or"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_chips_are_refused_in_one_line(name: str) -> None:
    tree, message = BAD[name]
    with pytest.raises(ValueError, match=message) as error:
        chips.build_chip(tree)
    assert "\n" not in str(error.value)


def test_sizes_are_checked_in_code_too() -> None:
    with pytest.raises(ValueError, match="grid, tiers and banks are whole numbers from 1"):
        chips.Chip(grid=(0, 2))
    with pytest.raises(ValueError, match="as large as a model needs"):
        _ = chips.Chip().capacity
    with pytest.raises(ValueError, match="has no tile of its own"):
        chips.peak(chips.Chip(grid=(1, 1)))
    assert isinstance(chips.load("bulk_rram_2025").tile, tiles.TileDesign)
