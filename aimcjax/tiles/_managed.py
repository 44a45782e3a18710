"""A tile for vectors of any magnitude: scaled into the range of its DAC, and down until no ADC saturates."""

import dataclasses
import functools as ft
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._types import PRNGKey, Time
from ..periphery import AbsMax, AbstractRange, BoundManagement, managed_product, watched
from ._base import AbstractTileDesign
from ._tile import TileDesign
from ._together import ages, digital_scale
from ._weight_level import WeightLevelTile


class ManagedTile(AbstractTileDesign):
    r"""`tile` with noise and bound management, per vector: $y = s\,\mathrm{tile}(x / s)$ with $s = \alpha(x)\,r$.

    **Arguments:** `tile`; `range` ($\alpha$), `AbsMax()` or one of its relatives, a `StaticRange`, a `LearnedRange`;
    `bound`, what chooses r = 1, 2, 4, ... by whether a conversion went beyond the range of its ADC (each one: of every
    slice and unit column), `None` for r = 1. A vector without a positive range gives zeros.

    A running mean moves between reads: `dataclasses.replace(tile, range=periphery.observed(tile.range, xs))`.
    On a grid every tile scales its part of a vector by itself.

    **Gradient:** that of `managed_product`: r is held fixed.

    **Reference:** noise and bound management of AIHWKit, as `AbsMax` and `BoundManagement` say.
    """

    tile: AbstractTileDesign
    range: AbstractRange = eqx.field(default_factory=AbsMax)
    bound: BoundManagement | None = None

    def __check_init__(self) -> None:
        for name, kind in (("tile", AbstractTileDesign), ("range", AbstractRange), ("bound", BoundManagement)):
            part = getattr(self, name)
            if not isinstance(part, kind) and not (name == "bound" and part is None):
                raise ValueError(f"{name} must be an {kind.__name__}, got {type(part).__name__}")
        if self.bound is not None:
            with_overrange(self.tile)

    @property
    def rows(self) -> int:
        """Those of the tile."""
        return self.tile.rows

    @property
    def cols(self) -> int:
        """Those of the tile."""
        return self.tile.cols

    def program(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
        """As the tile."""
        return self.tile.program(w, key=key)

    def at(self, state: Any, t: Time) -> Any:
        """As the tile."""
        return self.tile.at(state, t)

    def read(self, snapshot: Any, x: Float[Array, " rows"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """One analog MVM: `y ~ x @ w` for any `x`."""

        def product(x: Array, key: PRNGKey) -> tuple[Float[Array, " cols"], Bool[Array, ""]]:
            y = self.tile.read(snapshot, x, key=key)
            if self.bound is None:
                return y, jnp.asarray(False)
            # The same read once more; compilers leave out the one whose result is not used
            seen = with_overrange(self.tile).read(snapshot, x, key=key)
            return y, ~jnp.all(jnp.isfinite(seen))

        return managed_product(product, x, key=key, noise=self.range, bound=self.bound)

    def expected(self, snapshot: Any, x: Float[Array, " rows"]) -> Float[Array, " cols"]:
        """See `AbstractTileDesign.expected`, scaled by the range."""
        alpha = self.range(x)
        s = jnp.where(alpha > 0, alpha, jnp.ones_like(alpha))
        y = s * self.tile.expected(snapshot, x / s)
        return jnp.where(alpha > 0, y, jnp.zeros_like(y))

    def gain(self, snapshot: Any) -> Float[Array, " cols"]:
        """As the tile."""
        return self.tile.gain(snapshot)


@ft.singledispatch
def with_overrange(tile: Any) -> Any:
    """The `tile`, but its reads are not finite where a conversion went beyond the range of its ADC; register your own
    with `@with_overrange.register`."""
    raise ValueError(f"bound management needs a tile whose ADC is known, got {type(tile).__name__}; use bound=None")


@with_overrange.register(TileDesign)
@with_overrange.register(WeightLevelTile)
def _(tile: Any) -> Any:
    return tile if tile.adc is None else dataclasses.replace(tile, adc=watched(tile.adc))


@ages.register
def _(tile: ManagedTile) -> bool:
    return ages(tile.tile)


@digital_scale.register
def _(tile: ManagedTile, w: Float[Array, "n_in n_out"]) -> Float[Array, " n_out"]:
    return digital_scale(tile.tile, w)
