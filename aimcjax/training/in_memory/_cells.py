"""What algorithms ask of any array of cells: write weights, leak."""

import functools
from typing import Any

import jax
from jax import lax
from jaxtyping import Array, Float, Int

from ... import _random
from ..._types import PRNGKey
from ...devices import pulsed


def written_to(device: pulsed.AbstractPulsedDevice, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
    """New cells that hold `w` as well as they can."""
    key_cells, key_write = _random.split(key, 2)
    return write(device, device.init(w.shape, key=key_cells), w, key=key_write)


@functools.singledispatch
def write(device: pulsed.AbstractPulsedDevice, cells: Any, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
    """The `cells` holding `w`, directly written. Open for every device by dispatch."""
    raise ValueError(f"{type(device).__name__} cannot be written directly: register it with write.register")


@write.register
def _(device: pulsed.PulsedDevice, cells: pulsed.PulsedCells, w: Float[Array, "rows cols"], *, key: PRNGKey) -> Any:
    return device.write(cells, w.astype(cells.w.dtype), key=key)


@functools.singledispatch
def rested(device: pulsed.AbstractPulsedDevice, cells: Any, *, key: PRNGKey) -> Any:
    """The `cells` after what comes with every batch: their leak, if the device has one, or a refresh."""
    del device, key
    return cells


@rested.register
def _(device: pulsed.PulsedDevice, cells: pulsed.PulsedCells, *, key: PRNGKey) -> Any:
    del key
    return device.rest(cells)


def row_of(cells: Any, row: Int[Array, ""], shape: tuple[int, ...]) -> Any:
    """The cells of one row, as an array with one row."""
    take = lambda leaf: lax.dynamic_slice_in_dim(leaf, row, 1) if _is_of_cells(leaf, shape) else leaf
    return jax.tree.map(take, cells)


def with_row(cells: Any, part: Any, row: Int[Array, ""], shape: tuple[int, ...]) -> Any:
    """The cells with one row replaced."""
    put = lambda leaf, new: lax.dynamic_update_slice_in_dim(leaf, new, row, 0) if _is_of_cells(leaf, shape) else new
    return jax.tree.map(put, cells, part)


def _is_of_cells(leaf: Array, shape: tuple[int, ...]) -> bool:
    return leaf.ndim >= 2 and leaf.shape[:2] == shape
