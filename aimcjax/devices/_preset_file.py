"""Preset files: a device in text, with its source and the range in which it was measured.

device: {type: pcm, g_max: 25 uS, ...}
source: who measured it, or the file that it was fitted to
technology: what it is made of                                   # optional
valid: {g: [0 S, 25 uS], t: [20 s, 1 year], v: [-1 V, 1 V]}      # optional
"""

from pathlib import Path
from typing import Any

from ..components import Registry, read_quantity, read_yaml, shorten
from . import memristors, pulsed
from ._base import AbstractDevice
from ._datasheet import Datasheet, Quoted
from ._roles import ROLES


_REGISTRY = Registry(ROLES)
_KINDS = (AbstractDevice, memristors.AbstractMemristor, pulsed.AbstractPulsedDevice)
_UNITS = {"g": "S", "t": "s", "v": "V", "i": "A", "pulse": "1", "w": "1"}
_KEYS = ("device", "source", "technology", "valid", "fit")

describe = _REGISTRY.describe


def check(device: Any) -> None:
    """Raises `ValueError` if the parameters of a device are not what a preset file could say."""
    kind = next((kind for kind in _KINDS if isinstance(device, kind)), None)
    if kind is not None:
        _REGISTRY.build(describe(device), kind)


def is_file(name: Any) -> bool:
    """Whether `name` is meant as a path: it ends like a preset file."""
    return Path(name).suffix in (".yaml", ".yml", ".json")


def read_preset(path: Path) -> tuple[Any, Datasheet]:
    """The device in a preset file and its data sheet.

    **Raises:** `ValueError` of one line: no such file, not YAML, unknown keys, types or units.
    """
    tree = read_yaml(path, what="preset file")
    if not isinstance(tree, dict) or not {"device", "source"} <= set(tree):
        raise ValueError(f"{path} is no preset: it must say `device: {{type: ...}}` and `source: ...`")
    unknown = [key for key in tree if key not in _KEYS]
    if unknown:
        raise ValueError(f"{path}: unknown key {shorten(unknown[0])}; known: {', '.join(_KEYS)}")
    try:
        return _REGISTRY.build(tree["device"], _kind(tree["device"])), _datasheet(tree)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _kind(tree: Any) -> type:
    name = tree.get("type") if isinstance(tree, dict) else tree
    return next((kind for kind in _KINDS if name in ROLES[kind].types), AbstractDevice)


def _datasheet(tree: dict[str, Any]) -> Datasheet:
    if not isinstance(tree["source"], str) or not tree["source"].strip():
        raise ValueError(f"source: expected who measured it, in words, got {shorten(tree['source'])}")
    source = tree["source"]
    valid = tree.get("valid") or {}
    if not isinstance(valid, dict):
        raise ValueError(f"valid: expected {{t: [first, last], ...}}, got {shorten(valid)}")
    ranges = {name: Quoted(_range(name, value), source) for name, value in valid.items()}
    return Datasheet(
        technology=str(tree.get("technology", "as measured")),
        source=source,
        g_range=ranges.get("g"),
        times=ranges.get("t"),
        voltages=ranges.get("v"),
    )


def _range(name: Any, value: Any) -> tuple[float, float]:
    if name not in _UNITS:
        raise ValueError(f"valid: unknown quantity {shorten(name)}; known: {', '.join(_UNITS)}")
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"valid: {name}: expected [smallest, largest], got {shorten(value)}")
    low, high = (read_quantity(each, _UNITS[name], signed=True) for each in value)
    if not low <= high:
        raise ValueError(f"valid: {name}: the smallest comes first, got {shorten(value)}")
    return low, high
