"""What a mapping table says of the converters and cells of a tile."""

import functools as ft
import re
from typing import Any

from ..periphery import resolution as bits_of
from ..tiles import ROLES, AbstractProgrammingPolicy, AbstractTileDesign, ManagedTile, TileDesign


_POLICIES = {made: name for name, made in ROLES[AbstractProgrammingPolicy].types.items()}


@ft.singledispatch
def converters(design: AbstractTileDesign) -> dict[str, Any]:
    """Encoding, bits and programming of the tiles of a design."""
    return {"encoding": "weight_level", "adc_bits": None, "dac_bits": None, "verify_policy": "one_shot"}


@converters.register
def _(design: TileDesign) -> dict[str, Any]:
    bits = {"adc_bits": bits_of(design.adc), "dac_bits": bits_of(design.dac)}
    kind = type(design.policy)
    return {
        "encoding": design.encoding.name,
        **{k: None if b is None else float(b) for k, b in bits.items()},
        "verify_policy": _POLICIES.get(kind) or _spelled(kind.__name__),
    }


@converters.register
def _(design: ManagedTile) -> dict[str, Any]:
    return converters(design.tile)


def _spelled(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
