"""The parallel update: an outer product written into an array by pulse trains on its rows and columns."""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ... import _random
from ..._types import PRNGKey, Scalar
from ...devices import pulsed
from ._management import Lines, Management, Rate
from ._order import AbstractOrder, EverySample
from ._streams import AbstractCoincidences, AbstractTrains, Count, Stochastic


class PulsedUpdate(eqx.Module):
    """How an outer product becomes pulses: `trains`, their `management`, and the `order` in which they act.

    The default is a stochastic-compressed update with both managements and at most 31 slots, sample by sample.
    """

    trains: AbstractTrains = eqx.field(default_factory=Stochastic)
    management: Management = eqx.field(default_factory=Management)
    order: AbstractOrder = eqx.field(default_factory=EverySample)

    def lines(
        self, x: Float[Array, "batch rows"], d: Float[Array, "batch cols"], lr: Rate | float, granularity: Scalar
    ) -> Lines:
        """How often which line fires; `lr` of all samples or of each."""
        return self.management.lines(x, d, jnp.asarray(lr), granularity)

    def draw(self, lines: Lines, *, key: PRNGKey) -> AbstractCoincidences:
        """The coincidences of these lines."""
        return self.trains.draw(lines, self.management.length, key=key)

    def slots(self, lines: Lines) -> Scalar:
        """How many slots the batch takes, one sample after the other: its time in units of a pulse."""
        return self.trains.passes() * jnp.sum(lines.length)


def outer_update(
    device: pulsed.AbstractPulsedDevice,
    cells: Any,
    x: Float[Array, "batch rows"],
    d: Float[Array, "batch cols"],
    lr: Scalar | float,
    *,
    update: PulsedUpdate,
    key: PRNGKey,
) -> tuple[Any, Count, Scalar]:
    r"""$w \leftarrow w - \mathrm{lr}\sum_b x_b d_b^T$, as far as the cells follow.

    **Arguments:** `device` and its `cells` of shape rows, cols; `x`, `d`, the inputs and the errors at the outputs of
    every sample; `lr`; `update`; `key`.

    **Returns:** the cells, the pulses that every cell got, and the slots that the update took.

    **Reference:** Gokmen & Vlasov, Front. Neurosci. 10:333 (2016).
    """
    check_outer(cells_shape(device, cells), x, d)
    key_trains, key_cells = _random.split(key, 2)
    lines = update.lines(x, d, lr, device.granularity())
    cells, pulses = apply_counts(device, cells, update.draw(lines, key=key_trains), update.order, key=key_cells)
    return cells, pulses, update.slots(lines)


@functools.singledispatch
def apply_counts(
    device: pulsed.AbstractPulsedDevice,
    cells: Any,
    counts: AbstractCoincidences,
    order: AbstractOrder,
    *,
    key: PRNGKey,
) -> tuple[Any, Count]:
    """The `cells` after the coincidences of a batch, `counts`, and the pulses that each got. Open for every device by
    dispatch."""
    raise ValueError(f"no parallel update for {type(device).__name__}: register one with apply_counts.register")


@apply_counts.register
def _(
    device: pulsed.PulsedDevice,
    cells: Any,
    counts: AbstractCoincidences,
    order: AbstractOrder,
    *,
    key: PRNGKey,
) -> tuple[Any, Count]:
    key_pulses, key_write = _random.split(key, 2)
    w, pulses = order.run(device, cells.traits, cells.w, counts, key=key_pulses)
    return rewritten(device, cells, w, pulses, key=key_write), pulses


def rewritten(device: pulsed.PulsedDevice, cells: pulsed.PulsedCells, w: Count, pulses: Count, *, key: PRNGKey) -> Any:
    """The cells with weights `w`, and new write noise where there were pulses."""
    if device.write_noise is None:
        return dataclasses.replace(cells, w=w)
    xi = _random.normal(key, w.shape, w.dtype)
    return dataclasses.replace(cells, w=w, xi=xi if cells.xi is None else jnp.where(pulses > 0, xi, cells.xi))


def cells_shape(device: pulsed.AbstractPulsedDevice, cells: Any) -> tuple[int, ...]:
    """Rows and columns of an array of cells."""
    return eqx.filter_eval_shape(device.weights, cells).shape


def check_outer(shape: tuple[int, ...], x: Array, d: Array) -> None:
    """Raises `ValueError` if x and d are not the factors of outer products of this shape."""
    if x.ndim != 2 or d.ndim != 2 or x.shape[0] != d.shape[0] or (x.shape[1], d.shape[1]) != shape:
        raise ValueError(
            f"an array of {shape} needs x[batch, {shape[0]}] and d[batch, {shape[1]}], got {x.shape} and {d.shape}"
        )
