"""Cells made of several pulsed devices: one-sided pairs with refresh, and vectors of devices."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ... import _random
from ..._types import PRNGKey, Scalar, physical
from ...devices import pulsed
from ._cells import rested, write
from ._order import AbstractOrder, EveryPulse
from ._pulse_update import apply_counts
from ._streams import AbstractCoincidences, Count, Given


class PairCells(eqx.Module):
    """The cells of both sides, and how many `batches` they have seen."""

    plus: pulsed.PulsedCells
    minus: pulsed.PulsedCells
    batches: Int[Array, ""]


class OneSidedPair(pulsed.AbstractPulsedDevice):
    r"""$w = g^+ - g^-$ of two cells that only go up: up pulses go to $g^+$, down pulses to $g^-$.

    Every `refresh_every` batches (0: never) pairs whose larger cell is above `upper` and whose smaller one is above
    `lower`, as parts of `w_max`, are refreshed: both are reset (to zero, if the device has no reset) and the
    difference is written into one of them by as many pulses as it nominally needs.

    **Arguments:** `device` of both sides; `refresh_every`; `upper`, `lower`.

    **Reference:** AIHWKit, OneSidedUnitCell and its defaults; Nandakumar et al., Front. Neurosci. 14:406 (2020) for
    PCM pairs. That a refresh reads exactly is assumed.
    """

    device: pulsed.PulsedDevice
    upper: Scalar = physical(0.75, doc="AIHWKit: refresh_upper_thres")
    lower: Scalar = physical(0.25, doc="AIHWKit: refresh_lower_thres")
    refresh_every: int = eqx.field(static=True, default=0)

    def __check_init__(self) -> None:
        if not isinstance(self.device, pulsed.PulsedDevice) or self.refresh_every < 0:
            given = f"{type(self.device).__name__} and refresh_every={self.refresh_every}"
            raise ValueError(f"a pair is of PulsedDevice cells, refreshed every 0 or more batches, got {given}")

    @property
    def w_max(self) -> Scalar:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One side full, the other empty."""
        return self.device.w_max - self.device.w_min

    @property
    def w_min(self) -> Scalar:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The opposite."""
        return self.device.w_min - self.device.w_max

    def init(self, shape: tuple[int, ...], *, key: PRNGKey) -> PairCells:
        """Both sides, at zero."""
        key_plus, key_minus = _random.split(key, 2)
        plus, minus = self.device.init(shape, key=key_plus), self.device.init(shape, key=key_minus)
        return PairCells(plus, minus, jnp.zeros((), jnp.int32))

    def weights(self, cells: PairCells) -> Count:
        """The difference."""
        return self.device.weights(cells.plus) - self.device.weights(cells.minus)

    def pulse(self, cells: PairCells, direction: Count, *, key: PRNGKey) -> PairCells:
        """One pulse on one of the two cells."""
        return self.pulses(cells, direction, key=key, max_pulses=1)

    def pulses(self, cells: PairCells, counts: Count, *, key: PRNGKey, max_pulses: int | None = None) -> PairCells:
        """Up pulses on the one, down pulses as up pulses on the other."""
        key_plus, key_minus = _random.split(key, 2)
        up, down = jnp.maximum(counts, 0), jnp.maximum(-counts, 0)
        return PairCells(
            self.device.pulses(cells.plus, up, key=key_plus, max_pulses=max_pulses),
            self.device.pulses(cells.minus, down, key=key_minus, max_pulses=max_pulses),
            cells.batches,
        )

    def granularity(self) -> Scalar:
        """The nominal length of an up pulse at zero weight."""
        traits = self.device.nominal()
        zero = jnp.zeros_like(traits.w_max)
        return self.device.step.size(zero, jnp.ones_like(zero, dtype=bool), traits)

    def refreshed(self, cells: PairCells, *, key: PRNGKey) -> PairCells:
        """The cells after a refresh of those pairs that need it."""
        key_plus, key_minus, key_write = _random.split(key, 3)
        plus, minus = self.device.weights(cells.plus), self.device.weights(cells.minus)
        full = jnp.maximum(plus, minus) > self.upper * self.device.w_max
        full = full & (jnp.minimum(plus, minus) > self.lower * self.device.w_max)
        n = jnp.where(full, jnp.round((plus - minus) / self.granularity()), 0.0)
        empty = PairCells(
            self._emptied(cells.plus, plus, full, key=key_plus),
            self._emptied(cells.minus, minus, full, key=key_minus),
            cells.batches,
        )
        return apply_counts(self, empty, Given(n[None]), EveryPulse(), key=key_write)[0]

    def _emptied(
        self, cells: pulsed.PulsedCells, w: Count, where: Bool[Array, "*cell"], *, key: PRNGKey
    ) -> pulsed.PulsedCells:
        if self.device.reset is not None:
            return self.device.reset_cells(cells, where, key=key)
        return self.device.write(cells, jnp.where(where, 0.0, w), key=key)


class AbstractPolicy(eqx.Module):
    """Which device of a vector cell learns from which sample."""

    @abc.abstractmethod
    def chosen(
        self, n_samples: int, n_devices: int, seen: Int[Array, ""], *, key: PRNGKey
    ) -> Bool[Array, "devices batch"]:
        """Whether a device learns from a sample; `seen` samples came before."""

    def share(self, n_devices: int) -> float:
        """The part of all samples that one device learns from."""
        return 1.0 / n_devices


class EveryDevice(AbstractPolicy):
    """All devices learn from all samples, by the same pulses."""

    def chosen(
        self, n_samples: int, n_devices: int, seen: Int[Array, ""], *, key: PRNGKey
    ) -> Bool[Array, "devices batch"]:
        """All."""
        del seen, key
        return jnp.ones((n_devices, n_samples), bool)

    def share(self, n_devices: int) -> float:
        """All."""
        del n_devices
        return 1.0


class OneInTurn(AbstractPolicy):
    """One device per sample, in turn."""

    def chosen(
        self, n_samples: int, n_devices: int, seen: Int[Array, ""], *, key: PRNGKey
    ) -> Bool[Array, "devices batch"]:
        """The next."""
        del key
        turn = jnp.mod(seen + jnp.arange(n_samples, dtype=jnp.int32), n_devices)
        return jnp.arange(n_devices, dtype=jnp.int32)[:, None] == turn[None, :]


class OneAtRandom(AbstractPolicy):
    """One device per sample, by chance."""

    def chosen(
        self, n_samples: int, n_devices: int, seen: Int[Array, ""], *, key: PRNGKey
    ) -> Bool[Array, "devices batch"]:
        """Any."""
        del seen
        turn = jr.randint(key, (n_samples,), 0, n_devices, dtype=jnp.int32)
        return jnp.arange(n_devices, dtype=jnp.int32)[:, None] == turn[None, :]


class VectorCells(eqx.Module):
    """The cells of every device, and how many `samples` they have seen."""

    cells: tuple[Any, ...]
    samples: Int[Array, ""]


class VectorCell(pulsed.AbstractPulsedDevice):
    r"""$w = \sum_k \gamma_k w_k$ of several `devices`, with `gammas` (1/n each unless given); `policy` says which
    learns when.

    **Reference:** AIHWKit, VectorUnitCell. Its granularity does not know of the policy; here it is the mean step of w,
    so that the expected update is the wanted one for every policy.
    """

    devices: tuple[pulsed.AbstractPulsedDevice, ...]
    gammas: Float[Array, " devices"]
    policy: AbstractPolicy

    def __init__(
        self,
        devices: tuple[pulsed.AbstractPulsedDevice, ...],
        gammas: Float[Array, " devices"] | None = None,
        policy: AbstractPolicy | None = None,
    ) -> None:
        self.devices = tuple(devices)
        n = len(self.devices)
        if n == 0:
            raise ValueError("a vector cell has at least one device, got none")
        self.gammas = jnp.full((n,), 1.0 / n) if gammas is None else gammas
        self.policy = EveryDevice() if policy is None else policy
        if self.gammas.shape != (n,):
            raise ValueError(f"give one gamma for each of the {n} devices, got shape {self.gammas.shape}")

    @property
    def w_max(self) -> Scalar:  # pyright: ignore[reportIncompatibleVariableOverride]
        """All devices at the bound that counts upwards."""
        ends = [jnp.maximum(g * d.w_max, g * d.w_min) for g, d in zip(self.gammas, self.devices, strict=True)]
        return jnp.sum(jnp.stack(ends))

    @property
    def w_min(self) -> Scalar:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The opposite."""
        ends = [jnp.minimum(g * d.w_max, g * d.w_min) for g, d in zip(self.gammas, self.devices, strict=True)]
        return jnp.sum(jnp.stack(ends))

    def init(self, shape: tuple[int, ...], *, key: PRNGKey) -> VectorCells:
        """Every device, at zero."""
        keys = _random.split(key, len(self.devices))
        cells = tuple(device.init(shape, key=k) for device, k in zip(self.devices, keys, strict=True))
        return VectorCells(cells, jnp.zeros((), jnp.int32))

    def weights(self, cells: VectorCells) -> Count:
        """The weighted sum."""
        parts = [g * d.weights(c) for g, d, c in zip(self.gammas, self.devices, cells.cells, strict=True)]
        return jnp.sum(jnp.stack(parts), axis=0)

    def pulse(self, cells: VectorCells, direction: Count, *, key: PRNGKey) -> VectorCells:
        """One pulse on every device, whatever the policy."""
        return self.pulses(cells, direction, key=key, max_pulses=1)

    def pulses(self, cells: VectorCells, counts: Count, *, key: PRNGKey, max_pulses: int | None = None) -> VectorCells:
        """The same pulses on every device, whatever the policy."""
        keys = _random.split(key, len(self.devices))
        moved = tuple(
            device.pulses(part, counts, key=k, max_pulses=max_pulses)
            for device, part, k in zip(self.devices, cells.cells, keys, strict=True)
        )
        return VectorCells(moved, cells.samples)

    def granularity(self) -> Scalar:
        """The nominal step of w that a pulse makes in the mean."""
        steps = [jnp.abs(g) * d.granularity() for g, d in zip(self.gammas, self.devices, strict=True)]
        return self.policy.share(len(self.devices)) * jnp.sum(jnp.stack(steps))


@write.register
def _(device: OneSidedPair, cells: PairCells, w: Float[Array, "rows cols"], *, key: PRNGKey) -> PairCells:
    key_plus, key_minus = _random.split(key, 2)
    plus = device.device.write(cells.plus, jnp.maximum(w, 0.0), key=key_plus)
    return PairCells(plus, device.device.write(cells.minus, jnp.maximum(-w, 0.0), key=key_minus), cells.batches)


@write.register
def _(device: VectorCell, cells: VectorCells, w: Float[Array, "rows cols"], *, key: PRNGKey) -> VectorCells:
    keys, same = _random.split(key, len(device.devices)), w / jnp.sum(device.gammas)
    parts = zip(device.devices, cells.cells, keys, strict=True)
    return VectorCells(tuple(write(d, part, same, key=k) for d, part, k in parts), cells.samples)


@apply_counts.register
def _(
    device: OneSidedPair, cells: PairCells, counts: AbstractCoincidences, order: AbstractOrder, *, key: PRNGKey
) -> tuple[PairCells, Count]:
    key_plus, key_minus = _random.split(key, 2)
    plus, n_plus = apply_counts(device.device, cells.plus, counts.one_way(True), order, key=key_plus)
    minus, n_minus = apply_counts(device.device, cells.minus, counts.one_way(False), order, key=key_minus)
    return PairCells(plus, minus, cells.batches), n_plus + n_minus


@apply_counts.register
def _(
    device: VectorCell, cells: VectorCells, counts: AbstractCoincidences, order: AbstractOrder, *, key: PRNGKey
) -> tuple[VectorCells, Count]:
    key_choice, *keys = _random.split(key, 1 + len(device.devices))
    n_samples = counts.n_samples()
    chosen = device.policy.chosen(n_samples, len(device.devices), cells.samples, key=key_choice)
    moved, total = [], 0.0
    for k, (part, part_cells, part_key) in enumerate(zip(device.devices, cells.cells, keys, strict=True)):
        new, n = apply_counts(part, part_cells, counts.chosen(chosen[k]), order, key=part_key)
        moved.append(new)
        total = total + n
    return VectorCells(tuple(moved), cells.samples + n_samples), jnp.asarray(total)


@rested.register
def _(device: OneSidedPair, cells: PairCells, *, key: PRNGKey) -> PairCells:
    key_plus, key_minus, key_refresh = _random.split(key, 3)
    plus = rested(device.device, cells.plus, key=key_plus)
    cells = PairCells(plus, rested(device.device, cells.minus, key=key_minus), cells.batches + 1)
    if device.refresh_every == 0:
        return cells
    due = jnp.mod(cells.batches, device.refresh_every) == 0
    return lax.cond(due, lambda c: device.refreshed(c, key=key_refresh), lambda c: c, cells)


@rested.register
def _(device: VectorCell, cells: VectorCells, *, key: PRNGKey) -> VectorCells:
    keys = _random.split(key, len(device.devices))
    parts = zip(device.devices, cells.cells, keys, strict=True)
    return VectorCells(tuple(rested(d, part, key=k) for d, part, k in parts), cells.samples)
