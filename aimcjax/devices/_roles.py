"""Devices and their laws by name, for configs and preset files."""

from typing import Any

import numpy as np

from ..components import Role, read_numbers, read_quantity
from ..units import format_quantity
from . import memristors, pulsed
from ._base import AbstractDevice
from ._bistable import Bistable
from ._catalogue import CATALOGUE
from ._distributions import AbstractDistribution, Normal, Uniform
from ._endurance import Endurance
from ._ideal import IdealDevice
from ._iv import AbstractIV, CubicIV, LogPolynomialIV, NonlinearDevice
from ._laws import AbstractLaw, ClippedLog, Constant, Piecewise, Polynomial, Power, Saturation, as_law
from ._levels import DiscreteLevels
from ._pcm import Pcm
from ._retention import Retention
from ._statistical import StatisticalDevice
from ._stuck_cells import StuckCells
from ._telegraph import TelegraphNoise
from ._temperature import AtTemperature
from ._timed_laws import (
    AbstractTimedLaw,
    Accumulation,
    Excess,
    LogTime,
    PolynomialTable,
    SaturationTable,
)
from ._wrappers import NoiselessReads


def _law(value: Any) -> AbstractLaw:
    return as_law(read_numbers(value) if isinstance(value, list) else read_quantity(value, "1"))


def _check_range(device: Any) -> None:
    if not device.g_min < device.g_max:
        low, high = (format_quantity(np.asarray(g)[()], "S") for g in (device.g_min, device.g_max))
        raise ValueError(f"g_min must be below g_max, got {low} and {high}")
    if isinstance(device, Pcm) and not device.t_read < device.t_0:
        read, first = (format_quantity(np.asarray(t)[()], "s") for t in (device.t_read, device.t_0))
        raise ValueError(f"t_read must be below t_0, the time of the first read, got {read} and {first}")


ROLES = {
    AbstractDevice: Role(
        "a device",
        {
            "pcm": Pcm,
            "ideal_device": IdealDevice,
            "statistical_device": StatisticalDevice,
            "bistable": Bistable,
            "discrete_levels": DiscreteLevels,
            "telegraph_noise": TelegraphNoise,
            "nonlinear_device": NonlinearDevice,
            "noiseless_reads": NoiselessReads,
            "stuck_cells": StuckCells,
            "endurance": Endurance,
            "retention": Retention,
            "at_temperature": AtTemperature,
            **CATALOGUE,
        },
        check=_check_range,
    ),
    AbstractLaw: Role(
        "a law",
        {
            "constant": Constant,
            "polynomial": Polynomial,
            "clipped_log": ClippedLog,
            "power": Power,
            "saturation": Saturation,
            "piecewise": Piecewise,
        },
        shorthand=_law,
    ),
    AbstractTimedLaw: Role(
        "a law of time",
        {
            "log_time": LogTime,
            "accumulation": Accumulation,
            "polynomial_table": PolynomialTable,
            "saturation_table": SaturationTable,
            "excess": Excess,
        },
    ),
    AbstractDistribution: Role("a distribution", {"normal": Normal, "uniform": Uniform}),
    **memristors.ROLES,
    **pulsed.ROLES,
    AbstractIV: Role("a current-voltage law", {"cubic_iv": CubicIV, "log_polynomial_iv": LogPolynomialIV}),
}
