"""Graphs of whole models: a decoder-only transformer, and a plain sequence of layers."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import numpy as np
from jaxtyping import Int

from ._experts import Experts
from ._graph import ATTENTION, COMMUNICATION, DIGITAL, JOIN, MVM, SAMPLE, Graph, GraphBuilder
from ._operations import OperationCosts


class Decoder(eqx.Module):
    """Sizes of a decoder-only transformer, for `decoder_graph`.

    **Arguments:** `dim`, `ff`, `vocab`; `kv_dim`, outputs of k and v (`dim` if None); `gated`, a second matrix of
    dim x ff whose outputs multiply (SwiGLU, the product is part of the activation); `pre_norm`, norms before q, k, v
    and ffn and one before the head (GPT-2, Llama), instead of one after each residual sum as the public simulator
    has; `position_embedding`, a second lookup that is added (the public simulator adds it but forgets its MVM);
    `experts`, in place of every ffn.
    """

    n_layers: int = eqx.field(static=True)
    dim: int = eqx.field(static=True)
    ff: int = eqx.field(static=True)
    vocab: int = eqx.field(static=True)
    kv_dim: int | None = eqx.field(static=True, default=None)
    gated: bool = eqx.field(static=True, default=False)
    pre_norm: bool = eqx.field(static=True, default=False)
    position_embedding: bool = eqx.field(static=True, default=True)
    experts: Experts | None = None

    def __check_init__(self) -> None:
        sizes = (self.n_layers, self.dim, self.ff, self.vocab, self.kv_dim or 1)
        if min(sizes) < 1:
            raise ValueError(f"n_layers, dim, ff, vocab, kv_dim are {sizes}; give sizes of at least 1")


def decoder_graph(
    model: Decoder,
    *,
    rows: int = 512,
    cols: int = 512,
    prefill: int = 1,
    decode: int = 0,
    batch: int = 1,
    kv_cache: bool = True,
    attention_per_token: bool = False,
    synchronous: bool = False,
    replicas: Mapping[str, int] | None = None,
    tokens: Int[np.ndarray, "batch positions"] | None = None,
    lockstep: bool = False,
    costs: OperationCosts | None = None,
) -> Graph:
    """Operations of a decoder-only transformer from `prefill` tokens to `decode` further ones after the first.

    A token passes: lookup of token and position, sum; in each layer q, k, v at once, attention, out, residual sum,
    norm, ffn1, activation, ffn2, residual sum, norm; the last token of a pass also the head, and is sampled (assumed:
    other tokens skip the head). With experts the router's choice comes before the experts start.

    **Arguments:** `rows`, `cols` of an array; `batch`, sequences; `kv_cache`, later passes process one token instead
    of all so far; `attention_per_token`, one attention of each query when the keys and values up to it are there,
    instead of one of all queries of a pass; `synchronous`, all sequences wait for one another after each token;
    `replicas`, copies of a matrix by the last part of its name ("qkv", "out", "ffn1", "ffn2"), which tokens use in
    turn; `tokens`, identifiers [batch, positions] that say which block of the embedding is read (assumed 0: all read
    the same array, the slowest); `lockstep` as in `GraphBuilder`; `costs` of each operation.

    **Reference:** the graph of the public 3D-CiM simulator (Buechel, Nat. Comput. Sci. 5, 2025), with the MVM of the
    position and the router's delay that it leaves out.
    """
    for name, value, least in (("prefill", prefill, 1), ("decode", decode, 0), ("batch", batch, 1)):
        if value < least:
            raise ValueError(f"{name} is {value}; give at least {least}")
    passes = [
        np.arange(prefill),
        *(np.arange(0 if not kv_cache else p, p + 1) for p in range(prefill, prefill + decode)),
    ]
    token = np.tile(np.concatenate(passes), batch)
    epoch = np.tile(np.repeat(np.arange(decode + 1), [len(p) for p in passes]), batch)
    sequence = np.repeat(np.arange(batch), sum(len(p) for p in passes))
    builder = GraphBuilder(
        sequence, token, epoch, rows=rows, cols=cols, costs=costs or OperationCosts(), lockstep=lockstep
    )
    maker = _Passes(model, builder, dict(replicas or {}), attention_per_token)
    first, x = maker.embed(_identifiers(tokens, (batch, prefill + decode), model.vocab)[sequence, token])
    for layer in range(model.n_layers):
        x = maker.layer(layer, x)
    sampled = maker.head(x)
    if synchronous:
        sampled = maker.together(sampled)
    maker.chain(first, sampled)
    return builder.build()


def _identifiers(tokens: np.ndarray | None, shape: tuple[int, int], vocab: int) -> np.ndarray:
    found = np.zeros(shape, int) if tokens is None else np.asarray(tokens)
    if found.shape != shape or found.min() < 0 or found.max() >= vocab:
        wanted = f"{shape} below {vocab}"
        raise ValueError(f"tokens have shape {found.shape}, values to {found.max()}; give {wanted}")
    return found


class _Passes:
    """The stages of a decoder for all its passes at once. `x` are operations that a token's state waits for."""

    def __init__(self, model: Decoder, builder: GraphBuilder, replicas: dict[str, int], per_token: bool) -> None:
        self.model, self.b, self.replicas, self.per_token = model, builder, replicas, per_token
        _, self.group = np.unique(
            builder.sequence.astype(np.int64) * (builder.epoch.max() + 1) + builder.epoch, return_inverse=True
        )
        self.last = np.flatnonzero(np.diff(self.group, append=-1))  # of each pass of each sequence

    def embed(self, identifiers: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        first, x = self._lookup("embedding", self.model.vocab, identifiers)
        if not self.model.position_embedding:
            return [first], x
        other, position = self._lookup("position", int(self.b.token.max()) + 1, self.b.token)
        return [first, other], [self._digital("embedding add", "add", [*x, *position])]

    def _lookup(self, name: str, entries: int, entry: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """A row of a table: one array of those below one another works."""
        b, c = self.b, self.b.costs
        at, grid_rows, grid_cols, n = b.arrays([name], entries, [self.model.dim], 1)
        n = -(-self.model.dim // b.cols) if n > 1 or b.lockstep else 1
        block = entry // b.rows if not b.lockstep else np.zeros_like(entry)
        unit = at + np.arange(grid_cols)[:, None] * grid_rows + block
        of = np.broadcast_to(b.everyone, unit.shape)
        read = b.stage(name, MVM, of, (c["mvm_time"], n * c["mvm_energy"]), (), unit)
        sent = b.stage(f"{name} out", COMMUNICATION, of, (c["link_time"], n * c["link_energy"]), [read], unit)
        return read, [row[None] for row in sent]

    def _digital(self, name: str, cost: str, after: Sequence[np.ndarray]) -> np.ndarray:
        return self.b.stage(name, DIGITAL, self.b.everyone, cost, after)

    def _linear(self, where: str, name: str, parts: list[str], n_in: int, n_outs: list[int], x: list) -> list:
        copies = self.replicas.get(name, 1)
        layers = [f"{where}/{part}" for part in parts]
        return self.b.linear(layers, n_in, n_outs, x, copy=self.b.token % copies, copies=copies)

    def layer(self, index: int, x: list[np.ndarray]) -> list[np.ndarray]:
        model, where = self.model, f"layers/{index}"
        normed = [self._digital(f"{where}/norm1", "norm", x)] if model.pre_norm else x
        kv = model.kv_dim or model.dim
        qkv = self._linear(where, "qkv", ["q", "k", "v"], model.dim, [model.dim, kv, kv], normed)
        heads = self.attention(f"{where}/attention", qkv)
        out = self._linear(where, "out", ["out"], model.dim, [model.dim], [heads])
        x = [self._digital(f"{where}/add1", "add", [*x, *out])]
        normed = [self._digital(f"{where}/norm2" if model.pre_norm else f"{where}/norm1", "norm", x)]
        residual = x if model.pre_norm else normed
        if model.experts is None:
            up = ["ffn1", "gate"] if model.gated else ["ffn1"]
            hidden = self._linear(where, "ffn1", up, model.dim, [model.ff] * len(up), normed)
            hidden = [self._digital(f"{where}/activation", "activation", hidden)]
            out = self._linear(where, "ffn2", ["ffn2"], model.ff, [model.dim], hidden)
        else:
            out = model.experts.stages(self.b, index, normed, dim=model.dim, ff=model.ff, gated=model.gated)
        x = [self._digital(f"{where}/add2", "add", [*residual, *out])]
        return x if model.pre_norm else [self._digital(f"{where}/norm2", "norm", x)]

    def attention(self, name: str, qkv: list[np.ndarray]) -> np.ndarray:
        """Of each token, when what it looks at is there; or of all queries of a pass at once."""
        b, c = self.b, self.b.costs
        context = b.token + 1.0
        if self.per_token:
            ready = b.stage(f"{name} cache", JOIN, b.everyone, (0.0, 0.0), qkv)
            same = self.group[1:] == self.group[:-1]
            b.edges(ready[0, :-1][same], ready[0, 1:][same])  # keys and values of the tokens before
            return b.stage(name, ATTENTION, b.everyone, _attention(c, context), [ready])
        pairs = np.bincount(self.group, context)
        heads = b.stage(name, ATTENTION, self.last, _attention(c, pairs))
        for column in qkv:
            b.edges(column[0], heads[self.group])
        return heads[self.group][None]

    def head(self, x: list[np.ndarray]) -> np.ndarray:
        b, last = self.b, self.last[None]
        if self.model.pre_norm:
            x = [b.stage("norm", DIGITAL, last, "norm", [part[:, self.last] for part in x])]
        else:
            x = [part[:, self.last] for part in x]
        logits = b.linear(["head"], self.model.dim, [self.model.vocab], x, of=last)
        return b.stage("sample", SAMPLE, last, "sample", logits)[0]

    def together(self, sampled: np.ndarray) -> np.ndarray:
        """All sequences have sampled: one operation a pass, for each of its sequences."""
        b, epoch = self.b, self.b.epoch[self.last]
        joined = b.stage(
            "synchronise", JOIN, self.last[epoch.argsort(kind="stable")[:: epoch.size // (epoch.max() + 1)]], (0, 0)
        )
        b.edges(sampled, joined[epoch])
        return joined[epoch]

    def chain(self, first: list[np.ndarray], sampled: np.ndarray) -> None:
        """A pass starts when the last one has sampled. Passes of a sequence follow one another in `self.last`."""
        follows = self.b.epoch > 0
        before = sampled[self.group[follows] - 1]
        for reads in first:
            for row in reads:
                self.b.edges(before, row[follows])


def _attention(costs: dict[str, float], context: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    time, energy = (
        costs[f"attention_{of}"] + context * costs[f"attention_{of}_per_context"] for of in ("time", "energy")
    )
    return time, energy


def sequential_graph(
    layers: Sequence[tuple[str, int, int, int]],
    *,
    rows: int = 512,
    cols: int = 512,
    batch: int = 1,
    pipelined: bool = False,
    lockstep: bool = False,
    costs: OperationCosts | None = None,
) -> Graph:
    """Operations of matrix layers one after another, each followed by an activation.

    **Arguments:** `layers`, of each its name, inputs, outputs and vectors per input of the model (1 of a dense layer,
    the pixels of its output of a convolution); `pipelined`, whether a vector waits for only its share of the vectors of
    the layer before (in order) instead of for all of them; others as `decoder_graph` (`rows`, `cols`, `batch`,
    `lockstep`).
    """
    if not layers or min(n for _, *sizes in layers for n in sizes) < 1:
        raise ValueError(f"layers are {list(layers)}; give at least one, with inputs, outputs, vectors of at least 1")
    most = max(vectors for *_, vectors in layers)
    sequence, token = np.repeat(np.arange(batch), most), np.tile(np.arange(most), batch)
    b = GraphBuilder(
        sequence, token, np.zeros_like(token), rows=rows, cols=cols, costs=costs or OperationCosts(), lockstep=lockstep
    )
    x: list[np.ndarray] = []
    for name, n_in, n_out, vectors in layers:
        of = np.flatnonzero(token < vectors)[None]
        if x:
            x = [_inputs(b, name, x[0].reshape(batch, -1), vectors, pipelined)]
        y = b.linear([name], n_in, [n_out], x, of=of)
        x = [b.stage(f"{name} activation", DIGITAL, of, "activation", y)]
    return b.build()


def _inputs(b: GraphBuilder, name: str, done: np.ndarray, vectors: int, pipelined: bool) -> np.ndarray:
    """What each vector of a layer waits for: its share of the vectors before, and those before them, or all."""
    batch, before = done.shape
    starts = np.arange(batch)[:, None] * (b.token.size // batch)
    if before == vectors == 1:
        return done.reshape(1, -1)
    needs = -(-np.arange(1, before + 1) * vectors // before) - 1 if pipelined else np.zeros(before, int)
    if pipelined and before == vectors:
        return done.reshape(1, -1)
    if not pipelined:
        joined = b.stage(f"{name} inputs", JOIN, starts, (0.0, 0.0))
        b.edges(done, np.broadcast_to(joined, done.shape))
        return np.repeat(joined, vectors, axis=1).reshape(1, -1)
    joined = b.stage(f"{name} inputs", JOIN, starts + np.arange(vectors), (0.0, 0.0))
    b.edges(done, joined[:, needs])
    b.edges(joined[:, :-1], joined[:, 1:])
    return joined.reshape(1, -1)
