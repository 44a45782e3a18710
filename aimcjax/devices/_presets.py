"""Devices by name."""

from ._base import AbstractDevice
from ._catalogue import CATALOGUE


def preset(name: str) -> AbstractDevice:
    """The device published under `name`.

    **Arguments:** `name`, one of `preset_names()`.

    **Raises:** `ValueError` for an unknown name, with the known ones.

    **Reference:** `datasheet(name)`, and the docstring of the function or class that makes the device.
    """
    if name not in CATALOGUE:
        raise ValueError(f"unknown device preset {name!r}; known: {', '.join(preset_names())}")
    return CATALOGUE[name]()


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(CATALOGUE)
