"""Tiles and their parts by name, for configs."""

import dataclasses

from .. import devices
from ..components import Role
from ._base import AbstractTileDesign
from ._crossbar import AbstractCrossbar, CubicIrDrop, IdealCrossbar
from ._defects import ArrayDefects
from ._encoding import AbstractEncoding, DifferentialPair
from ._encoding_offset import Offset, OffsetUnitColumn
from ._encoding_pairs import SignificancePairs, TablePairs
from ._encoding_slices import BitSliced, Replicated
from ._managed import ManagedTile
from ._nonlinear_crossbar import NonlinearCrossbar
from ._presets import preset
from ._programming import AbstractProgrammingPolicy, OneShot, PulseCost
from ._programming_gradient import GradientProgramming
from ._programming_verify import WriteVerify
from ._pulsed_conductance import PulsedConductance
from ._selectors import AbstractSelector, DiodeSelector, SinhSelector, ThresholdSelector
from ._tile import TileDesign
from ._weight_level import WeightLevelTile
from ._wire_resistance import SeriesResistance, WireResistance


_ENCODINGS = (DifferentialPair, Offset, OffsetUnitColumn, SignificancePairs, TablePairs, BitSliced, Replicated)

_DEVICES = devices.ROLES[devices.AbstractDevice]
_OF_ARRAYS = {"array_defects": ArrayDefects, "pulsed_conductance": PulsedConductance}

ROLES = {
    devices.AbstractDevice: dataclasses.replace(_DEVICES, types={**_DEVICES.types, **_OF_ARRAYS}),
    AbstractTileDesign: Role(
        "a tile",
        {
            "tile": TileDesign,
            "weight_level_tile": WeightLevelTile,
            "managed_tile": ManagedTile,
            "standard_pcm": lambda: preset("standard_pcm"),
        },
    ),
    AbstractEncoding: Role("an encoding", {encoding.name: encoding for encoding in _ENCODINGS}),
    AbstractProgrammingPolicy: Role(
        "a programming policy",
        {"one_shot": OneShot, "write_verify": WriteVerify, "gradient_programming": GradientProgramming},
    ),
    PulseCost: Role("the cost of pulses", {"pulse_cost": PulseCost}),
    AbstractSelector: Role(
        "a selector", {"diode": DiodeSelector, "sinh_selector": SinhSelector, "threshold_selector": ThresholdSelector}
    ),
    AbstractCrossbar: Role(
        "a crossbar",
        {
            "ideal_crossbar": IdealCrossbar,
            "cubic_ir_drop": CubicIrDrop,
            "series_resistance": SeriesResistance,
            "wire_resistance": WireResistance,
            "nonlinear_crossbar": NonlinearCrossbar,
        },
    ),
}
