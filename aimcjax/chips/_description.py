"""The machine: what is on the die, in numbers that carry their source."""

import math
from typing import NamedTuple

import equinox as eqx

from ..tiles import AbstractTileDesign
from ._parts import AbstractLinks, Buffer, Core, DigitalUnits, Dram, Mesh
from ._technology import Technology


_LARGEST = 10_000_000  # arrays of a chip, each of which a placement looks at


class Slot(NamedTuple):
    """One array of a chip: `tier` of the tile at `row` and `col` of the grid of a `bank`."""

    bank: int
    row: int
    col: int
    tier: int


class Chip(eqx.Module):
    """What a model is placed on.

    **Arguments:** `name`; `source`, who published it; `grid`, tiles of a bank as (rows, columns) of a mesh, `None`: as
    many as a model needs; `tiers`, stacked arrays of a tile that share its periphery, one at a time; `banks`, copies of
    the grid; `tile`, the design of its tiles, `None`: whatever the model was converted to; `core`, `digital`, `links`,
    `buffer`, `dram`, `technology`, what actions cost. Where the layers of a model have converters of their own, those
    are what cost (and accuracy) see; otherwise the ones of `tile`. Stated, and refused where they contradict: `n_tiles`
    in all, `array`, rows and columns of a tile.

    `sources` are those of its numbers, by path (`"core/t_read"`), where they are not the default ones.
    """

    name: str = eqx.field(static=True, default="chip")
    source: str = eqx.field(static=True, default="assumed")
    grid: tuple[int, int] | None = eqx.field(static=True, default=None)
    tiers: int = eqx.field(static=True, default=1)
    banks: int = eqx.field(static=True, default=1)
    tile: AbstractTileDesign | None = None
    core: Core = eqx.field(default_factory=Core)
    digital: DigitalUnits = eqx.field(default_factory=DigitalUnits)
    links: AbstractLinks = eqx.field(default_factory=Mesh)
    buffer: Buffer = eqx.field(default_factory=Buffer)
    dram: Dram = eqx.field(default_factory=Dram)
    technology: Technology = eqx.field(default_factory=Technology)
    n_tiles: int | None = eqx.field(static=True, default=None)
    array: tuple[int, int] | None = eqx.field(static=True, default=None)
    sources: tuple[tuple[str, str], ...] = eqx.field(static=True, default=())

    def __check_init__(self) -> None:
        sizes = (self.tiers, self.banks, *(self.grid or (1, 1)))
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise ValueError(
                f"chip {self.name}: grid, tiers and banks are whole numbers from 1, got grid={self.grid}, "
                f"tiers={self.tiers}, banks={self.banks}"
            )
        if self.grid is not None and self.capacity > _LARGEST:
            raise ValueError(
                f"chip {self.name}: {self.capacity:,} arrays (grid x tiers x banks) are more than the {_LARGEST:,} "
                "that a chip can have; give it fewer"
            )
        if self.n_tiles is not None and self.grid is not None and self.n_tiles != self.count_tiles():
            made = f"{self.banks} x " * (self.banks > 1) + f"{self.grid[0]} x {self.grid[1]}"
            raise ValueError(
                f"chip {self.name}: {self.n_tiles} tiles are stated and its grid has {made} = {self.count_tiles()}; "
                "change n_tiles, grid or banks"
            )
        if self.array is not None and self.tile is not None:
            size = (self.tile.rows, self.tile.cols)
            if size[0] > self.array[0] or size[1] > self.array[1]:
                raise ValueError(
                    f"chip {self.name}: its tile holds {size[0]}x{size[1]} and its array is stated as "
                    f"{self.array[0]}x{self.array[1]}; make the tile smaller or the array larger"
                )

    def count_tiles(self) -> int:
        """Tiles in all banks. **Raises:** `ValueError` for a chip that is as large as a model needs."""
        if self.grid is None:
            raise ValueError(f"chip {self.name} is as large as a model needs; give it a grid, or place a model on it")
        return self.banks * math.prod(self.grid)

    @property
    def capacity(self) -> int:
        """Arrays that it has: tiles times tiers."""
        return self.count_tiles() * self.tiers

    def slots(self) -> list[Slot]:
        """All of its arrays: the first tier of every tile, then the next."""
        rows, cols = self.grid or (0, 0)
        return [
            Slot(bank, row, col, tier)
            for tier in range(self.tiers)
            for bank in range(self.banks)
            for row in range(rows)
            for col in range(cols)
        ]


def position(chip: Chip, slot: Slot) -> tuple[int, int]:
    """Row and column of a tile on the die: banks side by side."""
    assert chip.grid is not None
    return slot.row, slot.bank * chip.grid[1] + slot.col
