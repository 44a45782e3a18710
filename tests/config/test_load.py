"""Configs: what is read, what overrides change, and what is written back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_config import CONFIGS, Load, tiny

from aimcjax import chips
from aimcjax.config import Config, load_study


def test_values_reach_the_objects(load: Load) -> None:
    config: Any = load(tiny())
    assert config.name == "tiny"
    assert config.model.widths == (20, 10)
    assert config.digital_training.schedule().learning_rate == 5e-3
    assert config.hwa_training.ages == (20.0, 3600.0)
    assert config.sweep.times == (20.0, 86400.0)
    assert (config.tile.rows, config.tile.cols) == (24, 256)
    assert float(config.tile.device.g_max) == pytest.approx(30e-6, rel=1e-6)
    assert float(config.tile.adc.bits) == 6.0
    assert [float(c) for c in config.tile.device.programming.coefficients] == pytest.approx([0.01, 0.08])
    assert float(config.tile.device.nu_mean.value) == pytest.approx(0.05)
    assert float(config.chip.design.core.cols_per_adc) == 4.0
    assert float(config.chip.design.digital.energy_per_mac) == pytest.approx(1.5e-12, rel=1e-6)
    assert config.chip.max_tiles is None


def test_the_chip_is_a_default_one_or_a_published_one(load: Load) -> None:
    tree = tiny()
    del tree["chip"]
    given, default = (chips.describe_chip(chip) for chip in (load(tree).chip.design, chips.Chip()))
    assert given == default
    published = load(tree, "chip.design={type: hermes_2023, core: {phases: 4}}").chip.design
    assert (published.grid, float(published.core.phases)) == ((8, 8), 4.0)
    assert load(tree, "chip.design=hermes_2023").chip.design.source.startswith("Le Gallo")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs_resolve_and_come_back(path: Path, tmp_path: Path) -> None:
    resolved = load_study(path)
    (tmp_path / "again.yaml").write_text(resolved.to_yaml(), encoding="utf-8")
    again = load_study(tmp_path / "again.yaml")
    assert again.to_yaml() == resolved.to_yaml()
    assert again.model_dump(mode="json") == resolved.model_dump(mode="json")


def test_resolved_config_is_complete(load: Load) -> None:
    tree = yaml.safe_load(load(tiny()).to_yaml())
    assert tree["tile"]["device"]["g_max"] == "30 uS"
    assert tree["tile"]["dac"]["v_max"] == "200 mV"
    assert tree["sweep"]["times"] == ["20 s", "1 day"]
    assert tree["calibration"]["quantile"] == 0.999
    assert tree["chip"]["design"]["core"]["cols_per_adc"] == {"value": 4, "source": "assumed"}
    assert tree["chip"]["design"]["digital"]["energy_per_mac"] == "1.5 pJ"
    assert set(tree) == set(Config.model_fields)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("tile.device.g_max=40 uS", lambda c: float(c.tile.device.g_max) / 40e-6),
        ("tile.rows=32", lambda c: c.tile.rows / 32),
        ("model.widths.1=7", lambda c: c.model.widths[1] / 7),
        ("model.widths=[3]", lambda c: c.model.widths[0] / 3),
        ("digital_training.learning_rate=3e-3", lambda c: c.digital_training.learning_rate / 3e-3),
        ("chip.max_tiles=9", lambda c: c.chip.max_tiles / 9),
        ("chip.design.core.t_read={value: 2 ns, source: measured}", lambda c: float(c.chip.design.core.t_read) / 2e-9),
    ],
)
def test_overrides_change_one_value(load: Load, override: str, read: Callable[[Any], float]) -> None:
    assert read(load(tiny(), override)) == pytest.approx(1.0, rel=1e-6)
    untouched = load(tiny()).model_dump(mode="json")
    changed = load(tiny(), override).model_dump(mode="json")
    assert sum(untouched[key] != changed[key] for key in untouched) == 1


def test_later_overrides_win(load: Load) -> None:
    assert load(tiny(), "seed=1", "seed=2").seed == 2
