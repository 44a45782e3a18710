"""The operations of a model that lies on a chip, with the numbers of that chip."""

import re
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...nn import Step
from .._description import position
from .._flow import steps_of
from .._latency import attention_rate, digital_rate
from .._place import Placement
from .._price import COMPONENTS, Bill, priced, static_power
from .._strategies import farthest
from ._budget import Caps
from ._graph import ATTENTION, COMMUNICATION, DIGITAL, JOIN, MVM, Graph, GraphBuilder
from ._operations import OperationCosts
from ._resources import Resources
from ._schedule import Schedule, schedule
from ._units import Units, units_of


def placement_graph(
    placement: Placement,
    *,
    batch: int = 1,
    seq_len: int | None = None,
    choices: Mapping[str, Any] | None = None,
    lockstep: bool = True,
) -> Graph:
    r"""Every operation of `batch` sequences on a placed model, for `schedule(graph, placement_resources(...))`.

    Each vector of a layer waits for the vectors of the layers before it that it stands for: of V' before V, those from
    $\lfloor jV'/V \rfloor$ to $\lceil (j+1)V'/V \rceil - 1$ (all in a row; a window of a convolution reaches further,
    which is left out). It is sent to the arrays of its matrix, over the farthest of the ways that its parts come, is
    multiplied there, goes to the tile that sums the blocks below one another, and is scaled, summed and worked on by
    the digital units, all of them together. Products of activations wait for all vectors of the layers that they
    multiply (no causal overlap, assumed). Weights that are not on tiles come from the DRAM once a batch, while the
    arrays work. Copies take vectors in turn, and so do experts (assumed: all as busy) where `choices` do not say which.

    **Arguments:** as `chips.cost`; `choices[pattern]`, for stacks of experts, the one that each vector of a sequence
    meets [vectors], token by token; `lockstep`: blocks of one matrix on tiles of their own, which always work together,
    as one operation; exact where the links carry any number of transfers.

    Durations and energies are those of `chips.price`: the energies add up to its energy, without what is static.
    """
    maker = _Maker(placement, batch, sequence_length(placement, seq_len), lockstep=lockstep)
    maker.choices = _choices(placement, choices or {}, maker)
    for index, step in enumerate(maker.steps):
        maker.add(index, step)
    return maker.builder.build()


def placement_resources(placement: Placement, *, lockstep: bool = True) -> Resources:
    """The tiles of the arrays of `placement_graph`, one tier at a time, numbered row by row with banks side by side;
    all digital units as one, all attention units as one; transfers at once as the links of the chip carry
    them; `lockstep` as `GraphBuilder`."""
    tiles = [tile for units in units_of(placement, lockstep=lockstep).values() for tile in units.tile.tolist()]
    return Resources(
        tiles=np.asarray(tiles, np.int64), n_digital=1, n_attention=1, n_channels=placement.chip.links.n_channels
    )


def count_operations(placement: Placement, *, batch: int = 1, seq_len: int | None = None) -> int:
    """How many operations `placement_graph` has for `batch` sequences of `seq_len`, at most."""
    length = sequence_length(placement, seq_len)
    units = {name: units.of.shape[1] for name, units in units_of(placement, lockstep=True).items()}
    met = dict(zip(placement.counts.names, np.asarray(placement.counts.met), strict=True))
    per_vector = lambda step: 2 + 3 * units[step.layer] * met[step.layer] if step.layer else 2
    steps = steps_of(placement.activity, placement.counts.names)
    return int(sum(batch * max(1, round(length * step.vectors)) * per_vector(step) for step in steps))


def placement_schedule(
    placement: Placement, *, batch: int = 1, seq_len: int | None = None, caps: Caps | None = None
) -> Schedule:
    """When each operation of `batch` sequences of `seq_len` happens on the chip, and what it takes while it waits.
    `caps`: on the power of its arrays; those of a limit of temperature are `heat.caps_of`."""
    graph, passive = placement_graph(placement, batch=batch, seq_len=seq_len), float(static_power(placement.chip))
    return schedule(graph, placement_resources(placement), caps=caps, passive_power_W=passive)


class _Maker:
    """Makes the graph step by step. `done[s]`: the last operation of every vector of step s, [sequences, vectors]."""

    def __init__(self, placement: Placement, batch: int, length: float, *, lockstep: bool) -> None:
        chip = placement.chip
        self.placement, self.chip, self.batch, self.length = placement, chip, batch, length
        self.steps = steps_of(placement.activity, placement.counts.names)
        self.layers = {layer.name: i for i, layer in enumerate(placement.layers)}
        self.units, self.done = units_of(placement, lockstep=lockstep), []
        self.choices: dict[str, np.ndarray] = {}
        self.xy = np.asarray([position(chip, item.slot) for item in placement.items])
        self.vectors = [max(1, round(length * step.vectors)) for step in self.steps]
        self.widest = max(self.vectors)
        order = np.arange(batch * self.widest)
        self.builder = GraphBuilder(
            order // self.widest, order % self.widest, np.zeros_like(order),
            rows=placement.layers[0].part.rows, cols=placement.layers[0].part.cols, costs=OperationCosts(),
        )  # fmt: skip
        for units in self.units.values():
            self.builder.take(units.blocks)
        bill: Bill = priced(placement.counts, chip, batch=batch, length=length)
        self.times = {name: np.asarray(getattr(bill.stages, name), float) for name in ("mvm", "transfer", "after")}
        self.rates = float(digital_rate(chip)), float(attention_rate(chip))
        self.energy = dict(zip(COMPONENTS, np.asarray(bill.parts, float), strict=True))
        self.weights = self._weights(float(bill.stages.dram) * batch)
        self.runs = {
            name: batch * sum(v for v, step in zip(self.vectors, self.steps, strict=True) if step.layer == name)
            for name in self.layers
        }

    def _weights(self, seconds: float) -> Any:
        energy = self.energy["dram"][-1] + self.energy["buffer"][-1]
        stored = self.builder.stage("weights and cache", JOIN, np.zeros((1, 1), int), (seconds, energy))
        return stored if any(step.weight_macs for step in self.steps) else -1

    def add(self, index: int, step: Step) -> None:
        n = self.vectors[index]
        of = (np.arange(self.batch)[:, None] * self.widest + np.arange(n) * self.widest // n).reshape(1, -1)
        name = step.layer if step.layer not in self.done_names() else f"{step.layer} again"
        done = self._products(index, step, name, of) if step.layer else []
        after = self.times["after"][self.layers[step.layer]] if step.layer else 0.0
        ops = self.length * (step.ops + 2.0 * step.weight_macs)
        seconds = after + ops / n / self.rates[0]
        if seconds > 0 or not done:
            wait = [*done, *([self.weights] if step.weight_macs else [])]
            done = [
                self.builder.stage(f"{name or 'input'} digital", DIGITAL, of, (seconds, self._digital(step, n)), wait)
            ]
        last = done[0] if len(done) == 1 else self.builder.stage(f"{name} join", JOIN, of, (0.0, 0.0), done)
        if step.activation_macs:
            last = self._attention(step, name, of, last)
        self.done.append(last.reshape(self.batch, n))

    def done_names(self) -> set[str]:
        """Layers that were used already."""
        return {step.layer for step in self.steps[: len(self.done)]}

    def _products(self, index: int, step: Step, name: str, of: np.ndarray) -> list[np.ndarray]:
        """Inputs to the arrays, products there, outputs to where they are summed."""
        layer, units = self.layers[step.layer], self.units[step.layer]
        unit = self._visited(layer, units, of.size)
        arrays = np.asarray([block.n for block in units.blocks])[unit - units.of.min()]
        share = arrays / (arrays.sum(axis=0) * self.runs[step.layer])
        mvm = sum(self.energy[part][layer] for part in ("core", "dac", "adc"))
        moved = sum(self.energy[part][layer] for part in ("interconnect", "buffer"))
        t_in, t_out = (seconds[unit - units.of.min()] for seconds in self._ways(step, units))
        of = np.broadcast_to(of, unit.shape)
        t_in = t_in + self.times["transfer"][layer]
        sent = self.builder.stage(f"{name} in", COMMUNICATION, of, (t_in, share * moved), (), unit)
        for before in step.after:
            self._wait(before, self.vectors[index], sent)
        done = self.builder.stage(name, MVM, of, (self.times["mvm"][layer], share * mvm), [sent], unit)
        return list(self.builder.stage(f"{name} out", COMMUNICATION, of, (t_out, 0.0), [done], unit)[:, None])

    def _visited(self, layer: int, units: Units, n: int) -> np.ndarray:
        """The units [units, vectors] that each vector meets: copies in turn."""
        met = self.placement.layers[layer].met
        stack, number = self.placement.layers[layer].n_matrices // met, np.arange(n)
        turn = number % (len(units.of) // met)
        chosen = self.choices.get(self.placement.layers[layer].name)
        if chosen is not None:  # of each expert the replicas in turn
            turn = np.tile(chosen, self.batch) + stack * (number % (len(units.of) // met // stack))
        copies = turn * met + np.arange(met)[:, None]
        return np.moveaxis(units.of[copies], 2, 1).reshape(-1, n)

    def _ways(self, step: Step, units: Units) -> tuple[np.ndarray, np.ndarray]:
        """Of each unit, seconds that the first bit of its inputs and outputs travels, on the longest of the ways."""
        sources = [self._where(before) for before in step.after] or [np.zeros((1, 2), int)]
        source, links = np.concatenate(sources), self.chip.links
        slow = float(self.chip.technology.latency(links.node))
        grid_cols = self.placement.layers[self.layers[step.layer]].part.grid_cols
        into, out = [], []
        for group in units.members:
            here = self.xy[group]
            items = [self.placement.items[i] for i in group]
            first = np.asarray([i - item.row * grid_cols for i, item in zip(group, items, strict=True)])
            into.append(farthest(source, here))
            out.append(int(np.abs(here - self.xy[first]).sum(axis=1).max()))
        seconds = lambda steps: np.asarray(links.latency(jnp.asarray(steps, float)), float) * slow
        return seconds(into), seconds(out)

    def _where(self, step: int) -> np.ndarray:
        name = self.steps[step].layer
        if not name:
            return np.zeros((1, 2), int)
        return self.xy[[i for group in self.units[name].members for i in group]]

    def _wait(self, before: int, n: int, ops: np.ndarray) -> None:
        """Vectors of `ops` [units, sequences x n] wait for those of the step `before` that they stand for."""
        done = self.done[before]
        m, j = done.shape[1], np.arange(n)
        low, high = j * m // n, -(-(j + 1) * m // n)
        count = high - low
        source = np.repeat(low, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        target = np.repeat(j, count)
        for row in ops.reshape(len(ops), self.batch, n):
            self.builder.edges(done[:, source], row[:, target])

    def _digital(self, step: Step, n: int) -> float:
        total = sum(s.ops + 2.0 * s.weight_macs for s in self.steps)
        off = (step.ops + 2.0 * step.weight_macs) / total * self.energy["digital"][-1] if total else 0.0
        own = self.energy["digital"][self.layers[step.layer]] / self.runs[step.layer] if step.layer else 0.0
        return off / (self.batch * n) + own

    def _attention(self, step: Step, name: str, of: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Of each vector, when those of the layers that are multiplied are all there."""
        n = of.size // self.batch
        first = of.reshape(self.batch, n)[:, 0]
        ready = self.builder.stage(f"{name} gathered", JOIN, first, (0.0, 0.0))
        for done in (last.reshape(self.batch, n), *(self.done[before] for before in step.joins)):
            self.builder.edges(done, np.broadcast_to(ready[:, None], done.shape))
        macs = self.length**2 * step.activation_macs
        share = step.activation_macs / sum(s.activation_macs for s in self.steps) / (self.batch * n)
        cost = (2.0 * macs / n / self.rates[1], share * self.energy["attention"][-1])
        return self.builder.stage(f"{name} attention", ATTENTION, of, cost, [np.repeat(ready, n)[None]])


def _choices(placement: Placement, given: Mapping[str, Any], maker: _Maker) -> dict[str, np.ndarray]:
    """The expert of every vector, by layer."""
    found = {}
    vectors = {step.layer: n for step, n in zip(maker.steps, maker.vectors, strict=True)}
    stacks = [layer for layer in placement.layers if layer.n_matrices > layer.met]
    for pattern, which in given.items():
        chosen, matched = np.asarray(which), [layer for layer in stacks if re.fullmatch(pattern, layer.name)]
        if not matched:
            raise ValueError(f"choices: no stack of experts is called {pattern!r}")
        for layer in matched:
            n, last = vectors[layer.name], layer.n_matrices - 1
            whole = np.issubdtype(chosen.dtype, np.integer) and chosen.shape == (n,)
            if not whole or chosen.min() < 0 or chosen.max() > last:
                raise ValueError(
                    f"choices of {layer.name}: expected {n} whole numbers from 0 to {last}, got {chosen.dtype} of "
                    f"shape {chosen.shape}"
                )
            found[layer.name] = chosen
    return found


def sequence_length(placement: Placement, seq_len: int | None) -> float:
    """The length of a sequence over that of the one that was counted."""
    return 1.0 if seq_len is None else seq_len / float(placement.counts.tokens)
