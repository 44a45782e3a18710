"""One compiled program for many chips: every cell of a sweep is a chip at a point, programmed once and read at all
times."""

import functools as ft
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jaxtyping import Array, Float, Int, Key, Shaped

from .. import nn
from .._types import PRNGKey
from ._metrics import OfChip
from ._structures import Structure


Metrics = Mapping[str, Callable[[Array, Array], Any] | OfChip]


class Samples(NamedTuple):
    """What every chip is tested on, at `times` [s] after its programming."""

    xs: Shaped[Array, "n ..."]
    labels: Int[Array, "n ..."]
    times: Float[Array, " times"]


class Work(NamedTuple):
    """How cells are computed; no number depends on it beyond rounding. `mesh`, devices that share cells; `cells` and
    `networks` in a call; `group`, cells side by side on a device; `samples`, at once on a chip."""

    mesh: Mesh
    cells: int
    networks: int
    group: int
    samples: int


class CellProgram:
    """The compiled program of a structure: metrics of chips at all times."""

    def __init__(self, structure: Structure, samples: Samples, *, metrics: Metrics, work: Work) -> None:
        self.structure, self.samples, self.work = structure, samples, work
        self._everywhere = jax.device_put((structure.shared, samples), NamedSharding(work.mesh, jax.P()))
        local = ft.partial(_local, structure, metrics, work)
        whole, split = jax.P(), jax.P("cell")
        specs = (whole, whole, whole, split, split)
        program = jax.jit(jax.shard_map(local, mesh=work.mesh, in_specs=specs, out_specs=split, check_vma=False))
        self._program = program.lower(*self._arguments([0], np.zeros(1, np.int32), jr.split(jr.key(0), 1))).compile()

    @property
    def bytes_on_device(self) -> int:
        """Working memory of a call on each device, beside its arguments [bytes]."""
        analysis = self._program.memory_analysis()
        return 0 if analysis is None else int(analysis.temp_size_in_bytes)

    def __call__(
        self, members: Sequence[int], place: Int[np.ndarray, " cells"], keys: Key[Array, " cells"]
    ) -> dict[str, Float[np.ndarray, "cells times"]]:
        """The metrics of chips `keys[c]` of the networks `members[place[c]]` of the structure."""
        found = self._program(*self._arguments(members, place, keys))
        return {name: np.asarray(values, np.float64)[: len(place)] for name, values in found.items()}

    def _arguments(self, members: Sequence[int], place: np.ndarray, keys: Array) -> tuple[Any, ...]:
        """Filled up to the shapes of the program, so that it serves every call, and laid out on the devices."""
        own = self.structure.stacked([*members, *[members[0]] * (self.work.networks - len(members))])
        fill = self.work.cells - len(place)
        place = np.pad(np.asarray(place, np.int32), (0, fill))
        keys = jnp.concatenate([keys, jnp.broadcast_to(keys[:1], (fill,))])
        whole, split = (NamedSharding(self.work.mesh, spec) for spec in (jax.P(), jax.P("cell")))
        shared, samples = self._everywhere
        return shared, jax.device_put(own, whole), samples, *jax.device_put((jnp.asarray(place), keys), split)


def _local(
    structure: Structure,
    metrics: Metrics,
    work: Work,
    shared: Any,
    own: Any,
    samples: Samples,
    place: Array,
    keys: Array,
) -> dict[str, Float[Array, "cells times"]]:
    """The cells of one device, one group after another: memory does not grow with their number."""

    def cell(index_and_key: tuple[Array, PRNGKey]) -> dict[str, Array]:
        index, key = index_and_key
        model = structure.model(shared, [leaf[index] for leaf in own])
        return over_time(model, samples, key, metrics=metrics, at_once=work.samples)

    return jax.lax.map(cell, (place, keys), batch_size=None if work.group == 1 else work.group)


def over_time(
    model: Any, samples: Samples, key: PRNGKey, *, metrics: Metrics, at_once: int
) -> dict[str, Float[Array, " times"]]:
    """The metrics of the chip that `key` draws, programmed once, at every time; all times see the same draws of read
    noise (common random numbers), so that differences between them are sharp."""
    key_program, key_read = jr.split(key)
    chip = nn.program(model, key=key_program)

    def at_time(t: Array) -> dict[str, Array]:
        aged = nn.at(chip, t=t)
        logits = _logits(aged, samples.xs, key_read, at_once)
        return {
            name: metric.function(model, aged, key=key_read)
            if isinstance(metric, OfChip)
            else metric(logits, samples.labels)
            for name, metric in metrics.items()
        }

    return jax.lax.map(at_time, samples.times)


def _logits(aged: Any, xs: Array, key: PRNGKey, at_once: int) -> Array:
    """As `nn.apply`, so many samples at once; the last of them are filled up, so that one program serves all parts."""
    n = xs.shape[0]
    if at_once >= n:
        return nn.apply(aged, xs, key=key)
    parts = -(-n // at_once)
    which = jnp.minimum(jnp.arange(parts * at_once), n - 1).reshape(parts, at_once)
    keys = jr.split(key, n)
    logits = jax.lax.map(lambda part: nn.apply(aged, xs[part], key=keys[part]), which)
    return logits.reshape(-1, *logits.shape[2:])[:n]
