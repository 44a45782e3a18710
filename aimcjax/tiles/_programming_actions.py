"""What a policy can do to cells, for devices that are written and for devices that are pulsed. Open by dispatch."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .. import _random
from .._types import PRNGKey, Scalar
from ..devices import AbstractDevice, reprogram
from ..devices.pulsed import AbstractPulsedDevice


MAX_BURST = 1024  # pulses between two verifying reads, so that one dead cell does not stall all others
Cell = Float[Array, "*cell"]


@functools.singledispatch
def first_write(device: Any, target: Cell, *, key: PRNGKey) -> tuple[Any, Cell]:
    """Cells after their first write towards `target`, and its number of pulses."""
    raise TypeError(f"{type(device).__name__} cannot be programmed")


@functools.singledispatch
def correct(device: Any, cells: Any, command: Cell, error: Cell, where: Bool[Array, "*cell"], *, key: PRNGKey) -> Any:
    """Cells after a correction of those in `where`, and its pulses: written to `command`, or pulsed against `error`."""
    raise TypeError(f"{type(device).__name__} cannot be programmed")


@functools.singledispatch
def held(device: Any, cells: Any) -> Cell:
    """What the cells hold right after programming, without read noise."""
    raise TypeError(f"{type(device).__name__} cannot be read")


@functools.singledispatch
def measured(device: Any, cells: Any, *, key: PRNGKey) -> Cell:
    """One noisy read of every cell right after programming."""
    raise TypeError(f"{type(device).__name__} cannot be read")


@functools.singledispatch
def limits(device: Any) -> tuple[Scalar, Scalar]:
    """The range of the device, lowest and highest."""
    raise TypeError(f"{type(device).__name__} has no range")


def error_of(device: Any, cells: Any, target: Cell) -> Cell:
    """What the cells hold minus what they should."""
    return held(device, cells) - target


def span(device: Any) -> Scalar:
    """Width of the range of the device."""
    low, high = limits(device)
    return high - low


@first_write.register
def _(device: AbstractDevice, target: Cell, *, key: PRNGKey) -> tuple[Any, Cell]:
    return device.program(target, key=key), jnp.ones_like(target)


@correct.register
def _(
    device: AbstractDevice, cells: Any, command: Cell, error: Cell, where: Bool[Array, "*cell"], *, key: PRNGKey
) -> Any:
    del error
    written = reprogram(device, cells, command, key=key)
    return jax.tree.map(lambda new, old: jnp.where(where, new, old), written, cells), where.astype(command.dtype)


@held.register
def _(device: AbstractDevice, cells: Any) -> Cell:
    return device.drift(cells, 0.0)


@measured.register
def _(device: AbstractDevice, cells: Any, *, key: PRNGKey) -> Cell:
    return device.read(cells, 0.0, key=key)


@limits.register
def _(device: AbstractDevice) -> tuple[Scalar, Scalar]:
    return device.g_min, device.g_max


@first_write.register
def _(device: AbstractPulsedDevice, target: Cell, *, key: PRNGKey) -> tuple[Any, Cell]:
    key_init, key_write = _random.split(key, 2)
    cells = device.init(target.shape, key=key_init)
    counts = burst(device, target - device.weights(cells))
    return device.pulses(cells, counts, key=key_write), jnp.abs(counts)


@correct.register
def _(
    device: AbstractPulsedDevice, cells: Any, command: Cell, error: Cell, where: Bool[Array, "*cell"], *, key: PRNGKey
) -> Any:
    del command
    counts = burst(device, -error)
    counts = jnp.where(where, jnp.where(counts == 0, -jnp.sign(error), counts), 0.0)
    return device.pulses(cells, counts, key=key), jnp.abs(counts)


@held.register
def _(device: AbstractPulsedDevice, cells: Any) -> Cell:
    return device.weights(cells)


@measured.register
def _(device: AbstractPulsedDevice, cells: Any, *, key: PRNGKey) -> Cell:
    del key
    return device.weights(cells)


@limits.register
def _(device: AbstractPulsedDevice) -> tuple[Scalar, Scalar]:
    return device.w_min, device.w_max


def burst(device: AbstractPulsedDevice, change: Cell) -> Cell:
    """The whole number of nominal pulses nearest to a change of the weight, within the longest burst."""
    return jnp.round(change / device.granularity()).clip(-MAX_BURST, MAX_BURST)
