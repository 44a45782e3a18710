"""Devices by name: published parameter sets."""

from collections.abc import Callable

from ._base import AbstractDevice
from ._bistable import Bistable
from ._emerging import bulk_rram, cbram, ecram, fefet, mos2
from ._hermes import pcm_hermes_1, pcm_hermes_2
from ._ideal import IdealDevice
from ._pcm import Pcm
from ._rram import rram_falcone_0p2, rram_falcone_2, rram_milo2021, rram_wan2022
from ._sonos import sonos


CATALOGUE: dict[str, Callable[[], AbstractDevice]] = {
    "ideal": IdealDevice,
    "pcm_joshi2020": lambda: Pcm(),  # the defaults of `Pcm` are the published fit
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
