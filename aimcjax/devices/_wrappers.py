"""Devices made of other devices."""

from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time
from ._base import AbstractCells, AbstractDevice


class AbstractWrapper(AbstractDevice):
    """A device that changes one thing about another `device`.

    The range that cells are written to is that of the device. The key of `program` goes on to the device unchanged,
    so the chip with a wrapper is the chip without it plus what the wrapper does; what a wrapper draws
    itself comes from `own_key`.
    """

    device: eqx.AbstractVar[AbstractDevice]

    @property
    def g_min(self) -> Scalar:
        """Smallest conductance of the device [S]."""
        return self.device.g_min

    @property
    def g_max(self) -> Scalar:
        """Largest conductance of the device [S]."""
        return self.device.g_max


class NoiselessReads(AbstractWrapper):
    """`device` without the noise of single reads: what averaging many reads tends to.

    Also for training: the gradient of read noise costs as much as that of everything else in a tile together, and
    training has the output noise of the converters anyway.
    """

    device: AbstractDevice

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """As the device programs, `g_target` in [S]."""
        return self.device.program(g_target, key=key)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """As the device drifts [S], `t` in [s]."""
        return self.device.drift(cells, t)

    def read_std(self, cells: AbstractCells, t: Time) -> None:
        """Reads are noiseless."""
        del cells, t


def own_key(key: PRNGKey, wrapper: AbstractWrapper) -> PRNGKey:
    """The key of what `wrapper` draws itself: by its kind, so that the order of different wrappers does not matter,
    and by how many of its kind are inside it, so that two of them are independent."""
    kind = type(wrapper)
    same = sum(type(part) is kind for part in _inside(wrapper))
    return _random.key_for(key, f"{kind.__name__}/{same}")


def check_within(name: str, value: Any, low: float, high: float, *, open_low: bool = False) -> None:
    """Raises `ValueError` if a known `value` is not from `low` (itself excluded if `open_low`) to `high`; traced values
    pass."""
    if isinstance(value, Tracer) or not isinstance(value, (jax.Array, np.ndarray)):
        return
    known = np.asarray(value)
    if not np.all((known > low if open_low else known >= low) & (known <= high)):
        allowed = f"{'above' if open_low else 'at least'} {low:g}" + (f", at most {high:g}" if high < np.inf else "")
        raise ValueError(f"{name} must be {allowed}, got {known!s}")


def _inside(wrapper: AbstractDevice) -> Iterator[AbstractDevice]:
    while isinstance(wrapper, AbstractWrapper):
        wrapper = wrapper.device
        yield wrapper
