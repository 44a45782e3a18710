"""Devices by name, with their source."""

from collections.abc import Callable

from ._base import AbstractDevice
from ._ideal import IdealDevice
from ._pcm import Pcm


_PRESETS: dict[str, Callable[[], AbstractDevice]] = {
    "ideal": IdealDevice,
    "pcm_joshi2020": Pcm,  # the defaults of `Pcm` are the published fit
}


def preset(name: str) -> AbstractDevice:
    """The device published under `name`.

    **Arguments:** `name`, one of `preset_names()`.

    **Raises:** `ValueError` for an unknown name, with the known ones.

    **Reference:** in the docstring of the class of the device that is returned.
    """
    if name not in _PRESETS:
        raise ValueError(f"unknown device preset {name!r}; known: {', '.join(preset_names())}")
    return _PRESETS[name]()


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_PRESETS)
