"""What happens to cells after their first programming: written again, and stuck. Open for every device by dispatch."""

import functools

import jax.numpy as jnp
from jaxtyping import Array, Bool

from .._types import Conductance, PRNGKey
from ._base import AbstractCells, AbstractDevice
from ._wrappers import AbstractWrapper


@functools.singledispatch
def reprogram(device: AbstractDevice, cells: AbstractCells, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
    """Writes cells that exist already: what belongs to the cell stays (its faults, its wear, its strength), what
    belongs to the programming event is drawn anew. Time counts from zero again.

    Devices without such properties, the default, simply `program`. Wrappers pass the call on; a device of your own that
    holds such properties registers: `@reprogram.register`.

    **Arguments:** `device`; `cells`, from its `program` or `reprogram`; `g_target` [S], of their shape; `key`.

    **Returns:** the cells as `device.program` returns them.
    """
    del cells
    return device.program(g_target, key=key)


@reprogram.register
def _(device: AbstractWrapper, cells: AbstractCells, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
    return reprogram(device.device, cells, g_target, key=key)


@functools.singledispatch
def is_stuck(device: AbstractDevice, cells: AbstractCells) -> Bool[Array, "*cell"]:
    """Which of the `cells` neither program nor change any more: by default none; wrappers ask what they wrap."""
    del device
    return jnp.zeros(cells.g.shape, bool)


@is_stuck.register
def _(device: AbstractWrapper, cells: AbstractCells) -> Bool[Array, "*cell"]:
    return is_stuck(device.device, cells)


def pinned(device: AbstractDevice, g: Conductance, on: Bool[Array, "*cell"], off: Bool[Array, "*cell"]) -> Conductance:
    """`g` [S], but `g_max` of the device where `on` and `g_min` where `off`; no gradient reaches `on` and `off`."""
    g_max, g_min = (jnp.broadcast_to(limit, g.shape).astype(g.dtype) for limit in (device.g_max, device.g_min))
    return jnp.where(on, g_max, jnp.where(off, g_min, g))


def silenced(std: Conductance | None, stuck: Bool[Array, "*cell"]) -> Conductance | None:
    """The deviation of a read [S], zero where a cell is stuck."""
    return None if std is None else jnp.where(stuck, jnp.zeros_like(std), std)
