"""The ranges of the ADCs of a tile, from what they see."""

import dataclasses
import functools as ft
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, Time
from ..periphery import (
    AbstractDac,
    BitSerialDac,
    CompressiveDac,
    bare,
    calibrate_range,
    full_scale,
    install,
    resolution,
    slices_of,
    with_full_scale,
)
from ..tiles import AbstractTileDesign, BitSliced, ManagedTile, Replicated, TileDesign
from ._matrix import TiledMatrix


Design = TypeVar("Design", bound=AbstractTileDesign)


def calibrate_adc(
    design: Design,
    programmed: Any,
    xs: Float[Array, "n n_in"],
    *,
    key: PRNGKey,
    t: Time = 0.0,
    method: str = "mse",
    step: float | None = None,
) -> Design:
    r"""The design with ADC ranges that fit what the ADCs see when vectors are multiplied.

    `i_max` is found by `calibrate_range` over all reads and columns. Where the lines of a column are converted on their
    own (`BitSliced` off the line), each slice gets its range, relative to the largest one: `full_scale` of the
    encoding; where the slices of the inputs are (`BitSerialDac` with `adc_per_slice`), `adc_range` of the DAC. Where
    both are, a range is the product of the two, found one after the other.

    **Arguments:** `design`; `programmed`, a state of it or a `TiledMatrix` (all its tiles, without columns of padding);
    calibration vectors `xs` in [-1, 1]; `key` of the reads; `t` [s] after programming; `method` and `step` as in
    `calibrate_range`.

    **Returns:** the design: read the same state with it, or `dataclasses.replace(matrix, design=...)`. Mismatch of a
    chip stays in its state.

    **Raises:** `ValueError` for a design without an ADC that has a range and a resolution, vectors of another length,
    and as `calibrate_range`.
    """
    if isinstance(design, ManagedTile):
        tile, scale = design.tile, ft.partial(_scaled, design)
    else:
        tile, scale = design, lambda xs: xs
    if not isinstance(tile, TileDesign):
        raise ValueError(f"ADCs are those of a `TileDesign`, got {type(tile).__name__}")
    if full_scale(tile.adc) is None or resolution(tile.adc) is None:
        raise ValueError(f"{type(tile.adc).__name__} has no range to calibrate; take an ADC with an `i_max`")
    currents = _currents(tile, programmed, jnp.asarray(xs), scale, t, key)
    found: Any = _fit(tile, currents, ft.partial(calibrate_range, method=method, step=step))
    changed: Any = dataclasses.replace(design, tile=found) if isinstance(design, ManagedTile) else found
    return changed


def _fit(tile: TileDesign, currents: list[Array], fit: Any) -> TileDesign:
    """The tile with ranges for `currents`: for each slice of the inputs, `[groups, samples]`."""
    bits = resolution(tile.adc)
    by_line = jnp.stack([fit(jnp.stack([part[g] for part in currents]), bits) for g in range(len(currents[0]))])
    i_max = jnp.max(by_line)
    if not i_max > 0:
        raise ValueError("all currents are zero; calibrate with other vectors")
    relative = _positive(by_line / i_max)
    encoding, dac = with_line_ranges(tile.encoding, relative), tile.dac
    if len(currents) > 1:
        by_slice = jnp.stack([fit(part / relative[:, None], bits) for part in currents])
        i_max = jnp.max(by_slice)
        dac = with_slice_ranges(dac, _positive(by_slice / i_max))
    return dataclasses.replace(tile, encoding=encoding, dac=dac, adc=with_full_scale(tile.adc, i_max))


def _positive(relative: Array) -> Array:
    return jnp.where(relative > 0, relative, 1.0)  # a slice without currents: any range will do


@ft.singledispatch
def with_line_ranges(encoding: Any, relative: Float[Array, " groups"]) -> Any:
    """The encoding with one range a sense line, as multiples of that of the ADC; register your own."""
    del relative
    return encoding


@with_line_ranges.register
def _(encoding: BitSliced, relative: Float[Array, " groups"]) -> Any:
    return encoding if encoding.on_line else dataclasses.replace(encoding, full_scale=relative)


@with_line_ranges.register
def _(encoding: Replicated, relative: Float[Array, " groups"]) -> Any:
    return dataclasses.replace(encoding, encoding=with_line_ranges(encoding.encoding, relative))


@ft.singledispatch
def with_slice_ranges(dac: Any, relative: Float[Array, " slices"]) -> Any:
    """The DAC with one ADC range a slice of the inputs, as multiples of that of the ADC; register your own."""
    raise ValueError(f"{type(dac).__name__} has no ranges for its slices; register `with_slice_ranges` for it")


@with_slice_ranges.register
def _(dac: BitSerialDac, relative: Float[Array, " slices"]) -> Any:
    return dataclasses.replace(dac, adc_range=relative)


@with_slice_ranges.register
def _(dac: CompressiveDac, relative: Float[Array, " slices"]) -> Any:
    return dataclasses.replace(dac, dac=with_slice_ranges(dac.dac, relative))


class _OneSlice(AbstractDac):
    """One of the slices of a DAC, alone."""

    dac: AbstractDac
    v_max: Scalar
    index: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " rows"]) -> Float[Array, " rows"]:
        sliced = slices_of(self.dac, x)
        assert sliced is not None
        return sliced[1][self.index]


@eqx.filter_jit
def _of_tile(tile: TileDesign, state: Any, xs: Array, t: Time, keys: Array) -> list[Array]:
    """Currents [A] at the ADC, as seen behind what is around it: for each slice of the inputs, `[groups, n, lines]`."""
    dac, around = install(tile.dac, state.dac), install(bare(tile.adc), state.adc)
    encoding = with_line_ranges(tile.encoding, jnp.ones(len(tile.encoding.ranges)))
    state = dataclasses.replace(state, dac=None, adc=None)
    sliced = slices_of(dac, xs[0])
    if sliced is None or not sliced[0].adc_per_slice:
        dacs = [dac]
    else:
        dacs = [_OneSlice(dac, dac.v_max, k) for k in range(sliced[0].n_slices)]

    def see(dac: AbstractDac) -> Array:
        seen = dataclasses.replace(tile, dac=dac, adc=around, encoding=encoding)
        read = lambda x, key: jnp.atleast_2d(seen.trace(state, x, t=t, key=key).code)
        return jax.vmap(read, out_axes=1)(xs, keys)

    return [see(dac) for dac in dacs]


def _currents(tile: TileDesign, programmed: Any, xs: Array, scale: Any, t: Time, key: PRNGKey) -> list[Array]:
    """As `_of_tile`, of all tiles: for each slice of the inputs, `[groups, samples]`."""
    keys = lambda k: _random.split(jax.random.fold_in(key, k), len(xs))
    if not isinstance(programmed, TiledMatrix):
        return [part.reshape(len(part), -1) for part in _of_tile(tile, programmed, scale(xs), t, keys(0))]
    part = programmed.partition
    blocks, found = jax.vmap(part.split_vector)(xs), []
    for i, j in np.ndindex(part.grid_rows, part.grid_cols):
        state = jax.tree.map(lambda leaf, at=(i, j): leaf[at], programmed.tiles)
        seen = _of_tile(tile, state, scale(blocks[:, i]), t, keys(len(found)))
        start, stop = part.col_range(j)
        in_use = np.r_[: stop - start, part.block_cols : seen[0].shape[-1]]  # columns of padding are not read
        found.append([one[..., in_use].reshape(len(one), -1) for one in seen])
    return [jnp.concatenate(parts, axis=1) for parts in zip(*found, strict=True)]


def _scaled(design: ManagedTile, xs: Array) -> Array:
    alpha = jax.vmap(design.range)(xs)
    return xs / jnp.where(alpha > 0, alpha, 1.0)[:, None]
