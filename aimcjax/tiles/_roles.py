"""Tiles and their parts by name, for configs."""

from ..components import Role
from ._base import AbstractTileDesign
from ._crossbar import AbstractCrossbar, CubicIrDrop, IdealCrossbar
from ._encoding import AbstractEncoding, DifferentialPair
from ._presets import preset
from ._tile import TileDesign


ROLES = {
    AbstractTileDesign: Role("a tile", {"tile": TileDesign, "standard_pcm": lambda: preset("standard_pcm")}),
    AbstractEncoding: Role("an encoding", {"differential_pair": DifferentialPair}),
    AbstractCrossbar: Role("a crossbar", {"ideal_crossbar": IdealCrossbar, "cubic_ir_drop": CubicIrDrop}),
}
