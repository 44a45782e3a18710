"""Devices by name: published parameter sets."""

from collections.abc import Callable

from ._base import AbstractDevice
from ._ideal import IdealDevice
from ._pcm import Pcm


CATALOGUE: dict[str, Callable[[], AbstractDevice]] = {
    "ideal": IdealDevice,
    "pcm_joshi2020": lambda: Pcm(),  # the defaults of `Pcm` are the published fit
}
