"""Devices by name, with their source."""

from collections.abc import Callable

from ._base import AbstractDevice
from ._bistable import Bistable
from ._emerging import bulk_rram, cbram, ecram, fefet, mos2
from ._hermes import pcm_hermes_1, pcm_hermes_2
from ._ideal import IdealDevice
from ._pcm import Pcm
from ._rram import rram_falcone_0p2, rram_falcone_2, rram_milo2021, rram_wan2022
from ._sonos import sonos


_PRESETS: dict[str, Callable[[], AbstractDevice]] = {
    "ideal": IdealDevice,
    "pcm_joshi2020": Pcm,  # the defaults of `Pcm` are the published fit
    "pcm_hermes_1": pcm_hermes_1,
    "pcm_hermes_2": pcm_hermes_2,
    "rram_wan2022": rram_wan2022,
    "rram_milo2021": rram_milo2021,
    "rram_falcone_0p2": rram_falcone_0p2,
    "rram_falcone_2": rram_falcone_2,
    "sonos": sonos,
    "mram": lambda: Bistable(),  # pyright: ignore[reportCallIssue]
    "fefet": fefet,
    "cbram": cbram,
    "ecram": ecram,
    "mos2": mos2,
    "bulk_rram": bulk_rram,
}


def preset(name: str) -> AbstractDevice:
    """The device published under `name`.

    **Arguments:** `name`, one of `preset_names()`.

    **Raises:** `ValueError` for an unknown name, with the known ones.

    **Reference:** `datasheet(name)`, and the docstring of the function or class that makes the device.
    """
    if name not in _PRESETS:
        raise ValueError(f"unknown device preset {name!r}; known: {', '.join(preset_names())}")
    return _PRESETS[name]()


def preset_names() -> list[str]:
    """The names that `preset` knows, sorted."""
    return sorted(_PRESETS)
