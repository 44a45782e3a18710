"""Preset files: every device survives being written and read, and what is wrong with a file is one line."""

import json
import warnings
from pathlib import Path
from typing import Any

import equinox as eqx
import pytest
import yaml

from aimcjax import devices
from aimcjax.units import day, uS, year


NAMES = [*devices.preset_names(), *devices.memristors.preset_names(), *devices.pulsed.preset_names()]
FILE = {
    "device": {"type": "pcm", "g_max": "20 uS", "nu_mean": 0.06},
    "source": "wafer 7",
    "valid": {"g": ["0 S", "20 uS"], "t": ["20 s", "30 days"], "v": ["-1 V", "0.5 V"]},
}


def _write(folder: Path, tree: Any, name: str = "cell.yaml") -> Path:
    path = folder / name
    path.write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_survives_a_file(name: str, tmp_path: Path) -> None:
    device = devices.preset(name)
    path = _write(tmp_path, {"device": devices.describe(device), "source": "test"})
    assert eqx.tree_equal(devices.preset(path), device, typematch=True)
    as_json = tmp_path / "cell.json"
    as_json.write_text(json.dumps({"device": devices.describe(device), "source": "test"}))
    assert eqx.tree_equal(devices.preset(str(as_json)), device, typematch=True)


def test_a_file_carries_its_source_and_range(tmp_path: Path) -> None:
    path = _write(tmp_path, FILE)
    device, sheet = devices.preset(path), devices.datasheet(path)
    assert float(device.g_max) == pytest.approx(20 * uS)
    assert sheet.source == "wafer 7"
    assert sheet.times is not None
    assert sheet.times.value == (20.0, 30 * day)
    sheet.warn_outside(g=(0.0, 20 * uS), t=(20.0, 30 * day), v=(-1.0, 0.5))
    for outside, message in (
        ({"t": (year,)}, r"t = 1 year is outside of 20 s to 30 days, the valid range of as measured \(wafer 7\)"),
        ({"g": (1e-6, 25e-6)}, "g = 25 uS is outside of 0 S to 20 uS"),
        ({"v": (-2.0,)}, "v = -2 V is outside of -1 V to 500 mV"),
    ):
        with pytest.warns(UserWarning, match=message):
            sheet.warn_outside(**outside)


def test_changes_beyond_what_was_measured_warn() -> None:
    with pytest.warns(UserWarning, match="g = 40 uS is outside of 0 S to 25 uS, the valid range of phase-change"):
        device = devices.preset("pcm_joshi2020", g_max=40 * uS)
    assert float(device.g_max) == pytest.approx(40 * uS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        devices.preset("pcm_joshi2020", g_max=20 * uS)
        devices.preset("vteam_technion", r_on=60.0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no preset file"),
        ("device: [", "is not readable YAML"),
        ("- 1", "is no preset: it must say"),
        ({"device": "ideal_device"}, "is no preset: it must say"),
        ({**FILE, "valdi": {}}, "unknown key 'valdi'; known: device, source"),
        ({**FILE, "device": {"type": "pmc"}}, "expected a device, got 'pmc'; did you mean 'pcm'"),
        ({**FILE, "device": {"type": "vteam", "k_of": 1}}, "vteam has no parameter 'k_of'; did you mean 'k_off'"),
        ({**FILE, "device": {"type": "vteam", "k_off": "1 m"}}, r"k_off: expected a quantity in m/s.*got '1 m'"),
        ({**FILE, "device": {"type": "pcm", "g_max": "-1 uS"}}, "g_max: expected a value above 0, got '-1 uS'"),
        ({**FILE, "valid": {"x": [0, 1]}}, "valid: unknown quantity 'x'; known: g, t"),
        ({**FILE, "valid": {"t": "1 s"}}, r"valid: t: expected \[smallest, largest\], got '1 s'"),
        ({**FILE, "valid": {"t": ["2 s", "1 s"]}}, "valid: t: the smallest comes first"),
        ({**FILE, "valid": {"t": ["1 m", "2 s"]}}, "expected a quantity in s"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.yaml" if content is None else _write(tmp_path, content)
    for read in (devices.preset, devices.datasheet):
        with pytest.raises(ValueError, match=message) as error:
            read(path)
        assert "\n" not in str(error.value)
        assert "cell.yaml" in str(error.value)
