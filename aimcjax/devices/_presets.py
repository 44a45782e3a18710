"""Devices by name, or from a file."""

import dataclasses
from pathlib import Path
from typing import Any

import equinox as eqx

from ..components import suggest
from . import memristors, pulsed
from ._catalogue import CATALOGUE
from ._datasheet import Datasheet, known_datasheet, sheet_of_class
from ._preset_file import check, is_file, read_preset


def preset(name: str | Path, **changes: Any) -> Any:
    """The device published under `name`, or described in a file.

    **Arguments:** `name`, one of `preset_names()`, of `memristors.preset_names()`, of `pulsed.preset_names()`, or the
    path of a preset file (`.yaml`, `.json`) such as `aimcjax fit` writes; `changes`, parameters to set, in SI. A range
    of conductances beyond the one that was measured is a warning.

    **Raises:** `ValueError` for an unknown name, with the known ones, or for a file that cannot be read.

    **Reference:** `datasheet(name)`, and the docstring of the function or class that makes the device.
    """
    device = read_preset(Path(name))[0] if is_file(name) else _published(str(name))
    if not changes:
        return device
    known = [field.name for field in dataclasses.fields(device)]
    for key in changes:
        if key not in known:
            raise ValueError(f"{name} ({type(device).__name__}) has no parameter {key!r}; {suggest(key, known)}")
    changed = dataclasses.replace(device, **changes)
    check(changed)
    if {"g_min", "g_max"} & set(changes):
        datasheet(name).warn_outside(g=(float(changed.g_min), float(changed.g_max)))
    return changed


def datasheet(name: str | Path) -> Datasheet:
    """What was published about the technology of the preset `name`, or what the file says.

    **Raises:** `ValueError` for an unknown name, with the known ones, or for a file that cannot be read.
    """
    if is_file(name):
        return read_preset(Path(name))[1]
    sheet = known_datasheet(str(name)) or sheet_of_class(type(_published(str(name))))
    source = pulsed.sources().get(str(name), sheet.source)
    return sheet if source == sheet.source else dataclasses.replace(sheet, source=source)


def recognised(device: Any) -> str | None:
    """The name of the published device that `device` equals, parameter by parameter; `None` if it is another."""
    return next((name for name, make in CATALOGUE.items() if eqx.tree_equal(device, make(), typematch=True)), None)


def preset_names() -> list[str]:
    """The names of the devices that tiles can be made of, sorted."""
    return sorted(CATALOGUE)


def _published(name: str) -> Any:
    for names, make in ((CATALOGUE, lambda name: CATALOGUE[name]()), *_PARTS):
        if name in names:
            return make(name)
    every = sorted(each for names, _ in ((CATALOGUE, None), *_PARTS) for each in names)
    raise ValueError(f"unknown device preset {name!r}; {suggest(name, every, always_list=True)}")


_PARTS = ((memristors.preset_names(), memristors.preset), (pulsed.preset_names(), pulsed.preset))
