"""The operations of an inference and their order, as flat arrays."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
from jaxtyping import Int

from ._operations import OperationCosts


KINDS = ("mvm", "convert", "digital", "attention", "communication", "sample", "join")
MVM, CONVERT, DIGITAL, ATTENTION, COMMUNICATION, SAMPLE, JOIN = range(len(KINDS))


class Block(NamedTuple):
    """One array: the block (`row`, `col`) of the matrix of `layer`, in its `copy` (replica or expert). `n` arrays that
    work in lock-step may stand as one."""

    layer: str
    copy: int
    row: int
    col: int
    n: int = 1


class Graph(eqx.Module):
    """Operations and which waits for which.

    Operation `i` is of `KINDS[kind[i]]`, lasts `duration_s[i]`, costs `energy_J[i]`, belongs to `sequence[i]` and
    `token[i]` (smaller ones go first where operations compete) and to the stage `stages[stage[i]]`, a step of the
    computation that many tokens pass. `unit[i]` is the array it works on or moves data of (an index into `blocks`),
    -1 for others. `target[e]` waits for `source[e]`. `epoch` counts the passes of the model that follow one another
    because each needs the last one's token.
    """

    kind: np.ndarray
    duration_s: np.ndarray
    energy_J: np.ndarray
    unit: np.ndarray
    sequence: np.ndarray
    token: np.ndarray
    stage: np.ndarray
    epoch: np.ndarray
    source: np.ndarray
    target: np.ndarray
    stages: tuple[str, ...] = eqx.field(static=True)
    blocks: tuple[Block, ...] = eqx.field(static=True)

    def __check_init__(self) -> None:
        n = self.kind.size
        for name in ("duration_s", "energy_J", "unit", "sequence", "token", "stage", "epoch"):
            if getattr(self, name).shape != (n,):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; give one number to each of {n}")
        if self.source.shape != self.target.shape:
            raise ValueError(f"{self.source.size} sources and {self.target.size} targets; give an edge one of each")
        if np.any(self.duration_s < 0) or not np.all(np.isfinite(self.duration_s)):
            bad = int(np.argmin(np.where(np.isfinite(self.duration_s), self.duration_s, -np.inf)))
            raise ValueError(f"operation {bad} lasts {self.duration_s[bad]} s; give finite times of at least 0 s")
        ends = np.concatenate([self.source, self.target])
        if ends.size and (ends.min() < 0 or ends.max() >= n):
            raise ValueError(f"an edge ends at operation {ends.max()} or {ends.min()}; there are 0 to {n - 1}")
        mvm = self.unit[(self.kind == MVM) | (self.kind == CONVERT)]
        if mvm.size and (mvm.min() < 0 or mvm.max() >= len(self.blocks)):
            raise ValueError(f"an MVM works on array {mvm.max()} or {mvm.min()}; there are 0 to {len(self.blocks) - 1}")

    @property
    def n_operations(self) -> int:
        """Number of operations."""
        return self.kind.size

    @property
    def n_arrays(self) -> int:
        """Number of entries of `blocks`: what `unit` counts."""
        return len(self.blocks)

    def name(self, i: int) -> str:
        """Stage, sequence and token of operation `i` in words."""
        return f"{self.stages[self.stage[i]]} [sequence {self.sequence[i]}, token {self.token[i]}]"


class GraphBuilder:
    """Makes a `Graph` stage by stage, all tokens at once.

    **Arguments:** `sequence`, `token` and `epoch` of every vector that passes the model, `rows` and `cols` of one
    array, `costs`; `lockstep`: all blocks of a matrix as one operation, which is exact where every array has a tile of
    its own, as many digital units as column blocks are free, and links are not counted.

    A matrix of n_in x n_out takes `ceil(n_in/rows) x ceil(n_out/cols)` arrays. Every array gets its inputs and gives
    its outputs by one communication each; the sums of blocks below one another are a chain of additions per column of
    blocks.
    """

    def __init__(
        self,
        sequence: Int[np.ndarray, " vectors"],
        token: Int[np.ndarray, " vectors"],
        epoch: Int[np.ndarray, " vectors"],
        *,
        rows: int,
        cols: int,
        costs: OperationCosts,
        lockstep: bool = False,
    ) -> None:
        if rows < 1 or cols < 1:
            raise ValueError(f"arrays of {rows}x{cols}; give at least one row and one column")
        self.sequence, self.token, self.epoch = sequence, token, epoch
        self.rows, self.cols, self.lockstep = rows, cols, lockstep
        self.costs = costs.host()
        self.everyone = np.arange(token.size)[None]
        self._columns: list[tuple[np.ndarray, ...]] = []
        self._edges: list[tuple[np.ndarray, np.ndarray]] = []
        self._stages: list[str] = []
        self._blocks: list[Block] = []
        self._n = 0

    def stage(
        self, name: str, kind: int, of: Any, cost: str | tuple[Any, Any], after: Sequence[Any] = (), unit: Any = -1
    ) -> Int[np.ndarray, "..."]:
        """One operation for each element of `of` (vectors, by index), which waits for that element of every array in
        `after` (operations; -1 for none) after broadcasting.

        **Returns:** the operations, shaped as `of`.
        """
        of = np.asarray(of)
        time, energy = (self.costs[f"{cost}_time"], self.costs[f"{cost}_energy"]) if isinstance(cost, str) else cost
        ids = np.arange(self._n, self._n + of.size).reshape(of.shape)
        flat = [np.broadcast_to(value, of.shape).ravel() for value in (time, energy, unit)]
        self._columns.append((of.ravel(), np.full(of.size, kind, np.int8), *flat))
        self._stages += [name]
        self._n += of.size
        for before in after:
            self.edges(np.broadcast_to(before, of.shape), ids)
        return ids

    def edges(self, source: Int[np.ndarray, "*operations"], target: Int[np.ndarray, "*operations"]) -> None:
        """`target` waits for `source`, element by element; -1 for none."""
        keep = source.ravel() >= 0
        self._edges.append((source.ravel()[keep], target.ravel()[keep]))

    def take(self, blocks: Sequence[Block]) -> int:
        """More arrays, the first of which has the number that is returned."""
        self._blocks += blocks
        return len(self._blocks) - len(blocks)

    def arrays(self, layers: Sequence[str], n_in: int, n_outs: Sequence[int], copies: int) -> tuple[int, int, int, int]:
        """Takes new arrays for `copies` of matrices that share their inputs, each copy together.

        **Returns:** the first of them, rows and columns of blocks, and arrays that one operation stands for.
        """
        first, grid_rows = len(self._blocks), -(-n_in // self.rows)
        columns = [(layer, col) for layer, n in zip(layers, n_outs, strict=True) for col in range(-(-n // self.cols))]
        if self.lockstep:
            self._blocks += [Block("+".join(layers), c, 0, 0, grid_rows * len(columns)) for c in range(copies)]
            return first, 1, 1, grid_rows * len(columns)
        self._blocks += [
            Block(layer, copy, row, col) for copy in range(copies) for layer, col in columns for row in range(grid_rows)
        ]
        return first, grid_rows, len(columns), 1

    def linear(
        self,
        layers: Sequence[str],
        n_in: int,
        n_outs: Sequence[int],
        x: Sequence[Any],
        *,
        of: Int[np.ndarray, "choices tokens"] | None = None,
        copy: Any = 0,
        copies: int = 1,
    ) -> list[Int[np.ndarray, "choices tokens"]]:
        """Products with matrices that share their inputs `x` (operations to wait for, each like `of`).

        **Arguments:** `of`, vectors [choices, tokens] (all by default), `copy`, which of the `copies` serves each.

        **Returns:** for each column of blocks the operations [choices, tokens] that its outputs wait for.
        """
        of = self.everyone if of is None else of
        first, grid_rows, grid_cols, n = self.arrays(layers, n_in, n_outs, copies)
        name, c = "+".join([layers[0], *(layer.rsplit("/")[-1] for layer in layers[1:])]), self.costs
        block = np.arange(grid_rows * grid_cols).reshape(grid_cols, grid_rows, 1, 1)
        unit = first + block + np.broadcast_to(copy, of.shape) * (grid_rows * grid_cols)
        of = np.broadcast_to(of, unit.shape)
        link = (c["link_time"], n * c["link_energy"])
        sent = self.stage(f"{name} in", COMMUNICATION, of, link, x, unit)
        done = self.stage(name, MVM, of, (c["mvm_time"], n * c["mvm_energy"]), [sent], unit)
        if c["convert_time"] > 0:
            done = self.stage(
                f"{name} convert", CONVERT, of, (c["convert_time"], n * c["convert_energy"]), [done], unit
            )
        done = self.stage(f"{name} out", COMMUNICATION, of, link, [done], unit)
        total = done[:, 0]
        for row in range(1, grid_rows):
            total = self.stage(f"{name} sum {row}", DIGITAL, of[:, 0], "add", [total, done[:, row]])
        sums = -(-n_in // self.rows) - grid_rows  # of lock-step blocks, one after another
        if sums:
            cost = (sums * c["add_time"], sums * (n // (sums + 1)) * c["add_energy"])
            total = self.stage(f"{name} sums", DIGITAL, of[:, 0], cost, [total])
        return list(total)

    def build(self) -> Graph:
        """The graph of all stages so far."""
        of, kind, time, energy, unit = (np.concatenate(column) for column in zip(*self._columns, strict=True))
        sizes = [column[0].size for column in self._columns]
        source, target = (np.concatenate(ends) for ends in zip(*self._edges, strict=True)) if self._edges else ([], [])
        return Graph(
            kind=kind,
            duration_s=time.astype(float),
            energy_J=energy.astype(float),
            unit=unit.astype(np.int32),
            sequence=self.sequence[of].astype(np.int32),
            token=self.token[of].astype(np.int32),
            stage=np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
            epoch=self.epoch[of].astype(np.int32),
            source=np.asarray(source, np.int64),
            target=np.asarray(target, np.int64),
            stages=tuple(self._stages),
            blocks=tuple(self._blocks),
        )
