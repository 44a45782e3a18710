r"""How long a batch takes, in closed form: vectors in a pipeline through the layers, sequences in a pipeline too.

A vector goes on to the next layer as soon as it is done, so what lies between two barriers is done when the first
vector is through and the busiest resource has served the others; products of activations are barriers: they wait for
all vectors. `timing.placement_schedule` says the same by events, from the same times of one vector (`stage_times`),
without its gradient, and with who waits for whom at a busy resource, which is left out here.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._types import Scalar
from ._counts import Counts
from ._description import Chip
from ._flow import Order, order_of


SHARP = 64  # the smooth maximum of n times is at most n^(1/64) above it: 1 % for two, 4 % for ten


class Stages(eqx.Module):
    """Times [s]. By layer, of one vector: `mvm`, through one block; `transfer` and `after`, the bits of its inputs on a
    link, and the digital units' work on its outputs. Of one sample: `alone`, if there is no other, and `stored`, if its
    weights were there; `tiles`, the busiest tile; `links`, `digital`, `attention`, `dram`, all that each of them does;
    `behind`, of the busiest of them, what waits for weights. `width`, within which times are equal to `smooth` ones."""

    mvm: Float[Array, " layers"]
    transfer: Float[Array, " layers"]
    after: Float[Array, " layers"]
    alone: Scalar
    stored: Scalar
    tiles: Scalar
    links: Scalar
    digital: Scalar
    attention: Scalar
    dram: Scalar
    behind: Scalar
    width: Scalar


class _Work(NamedTuple):
    """Of every node: `vectors`; `first` [s], one vector from the end of what it waits for to its own, of which
    `off_tiles`, digital work; `one` and `all` [resources, nodes], seconds that one vector and all of them take of each
    resource: tiles (those with the same blocks are one), links, digital units, attention units; `busy`, the
    same after many others, where copies share the vectors of all out."""

    vectors: Array
    first: Array
    off_tiles: Array
    one: Array
    all: Array
    busy: Array


def stage_times(counts: Counts, chip: Chip, found: Any, *, length: Any, batch: Any, smooth: bool) -> Stages:
    r"""Of one sample; one vector through one block takes

    $$t_{mvm} = p\,(n\,t_{read} + C_{turn}\,t_{adc})$$

    `found`, its converters by layer; sequences `length` times as long as the one that was counted, `batch` of them.
    `smooth` leaves the ceilings out.
    """
    core, tech = chip.core, chip.technology
    ceil = (lambda x: x) if smooth else jnp.ceil
    shared = jnp.where(counts.shared > 0, counts.shared, core.cols_per_adc)
    in_turn = counts.per_line * (counts.lines / ceil(counts.lines / shared) if not smooth else shared)
    mvm = core.phases * (counts.reads * found.t_read + ceil(in_turn) * found.adc_time)
    transfer = counts.rows * found.dac_bits / chip.links.bits_per_s * tech.latency(chip.links.node)
    after = 2.0 * counts.met * counts.codes * core.phases / digital_rate(chip)
    dram = counts.weights * chip.digital.bits / chip.dram.bits_per_s
    work, order = _work(counts, chip, (mvm, transfer, after), length=length, smooth=smooth), order_of(counts.flow)
    busy, width = jnp.sum(work.busy, axis=1), jnp.mean(work.first) / SHARP
    ends = jax.vmap(lambda time: _alone(work, order, counts, time, width, smooth=smooth))(jnp.stack([0.0 * dram, dram]))
    return Stages(
        mvm=mvm,
        transfer=transfer,
        after=after,
        alone=ends[1],
        stored=ends[0],
        tiles=largest(busy[:-3], smooth=smooth),
        links=busy[-3],
        digital=busy[-2],
        attention=busy[-1],
        dram=dram / batch,
        behind=largest(_behind(work, counts), smooth=smooth),
        width=width,
    )


def _work(counts: Counts, chip: Chip, times: tuple[Array, Array, Array], *, length: Any, smooth: bool) -> _Work:
    flow, links = counts.flow, chip.links
    ceil = (lambda x: x) if smooth else jnp.ceil
    layer = jnp.asarray(flow.layer)
    used = jnp.asarray(np.asarray(flow.layer) >= 0, float)
    of = lambda x: x[..., layer] * used.reshape((1,) * (x.ndim - 1) + (-1,))  # from layers to nodes
    vectors = jnp.maximum((length * flow.vectors) if smooth else jnp.round(length * flow.vectors), 1.0)
    mvm, transfer, after = (of(time) for time in times)
    slow = chip.technology.latency(links.node)
    t_in, t_out = of(links.latency(counts.reach_in)) * slow + transfer, of(links.latency(counts.reach_sum)) * slow
    t_link = jnp.zeros_like(mvm)
    tiles = of(counts.stacked) * mvm
    if links.n_channels is not None:
        waves = jnp.maximum(ceil(of(counts.blocks) / links.n_channels), 1.0)
        t_link = of(counts.blocks) / links.n_channels * (t_in + t_out)
        # Behind the first input: all inputs go before any output, while the tiles work on what is there
        others = (waves - 1.0) * t_in
        tiles = largest(jnp.stack([tiles, others + mvm, others + (waves - 1.0) * t_out]), smooth=smooth)
    digital = after + length * (flow.ops + 2.0 * flow.weight_macs) / vectors / digital_rate(chip)
    attention = 2.0 * length**2 * flow.attention_macs / vectors / attention_rate(chip)
    here, turns = of(counts.crowd), (vectors / jnp.maximum(of(counts.spread * counts.replicas), 1.0))[None]
    at_once = jnp.minimum(here, of(counts.stacked)[None])
    visits = jnp.maximum(here * turns, at_once * jnp.maximum(ceil(turns), 1.0))
    off_tiles = jnp.stack([t_link, digital, attention])
    all_off = vectors[None] * off_tiles
    return _Work(
        vectors=vectors,
        first=t_in + tiles + t_out + digital + attention,
        off_tiles=digital,
        one=jnp.concatenate([at_once * mvm[None], off_tiles]),
        all=jnp.concatenate([visits * mvm[None], all_off]),
        busy=jnp.concatenate([here * turns * mvm[None], all_off]),
    )


def _alone(work: _Work, order: Order, counts: Counts, dram: Array, width: Array, *, smooth: bool) -> Scalar:
    r"""The longest way through the nodes. Of node $s$ with V vectors, the first and the last are done at

    $$F_s = \max_{p}\Big(F_p + \frac{\lceil V_p / V\rceil - 1}{V_p - 1}\,(L_p - F_p)\Big) + t_s, \qquad
      L_s = F_s + \max_r \Big(\sum_{q \le s} W_{rq} - \sum_{q \to s} w_{rqs}\Big)$$

    with p the nodes that it waits for (products of activations for $L_p$); W, the seconds that all vectors take of
    resource r, of all nodes since the last barrier; w, those that the first one takes, one vector or its share of more,
    of the nodes that s waits for and of its own: they are in $F_s$ already (`_begun`).
    Digital work with weights waits for them, until `dram` [s].
    """
    ceil = (lambda x: x) if smooth else jnp.ceil
    flow = counts.flow
    theirs = work.vectors[order.before]
    rest = largest(work.all @ order.earlier.astype(float) - _begun(work, order), smooth=smooth)
    share = (jnp.maximum(ceil(theirs / work.vectors[:, None]), 1.0) - 1.0) / jnp.maximum(theirs - 1.0, 1.0)
    share = jnp.where(jnp.asarray(flow.products)[:, None], jnp.ones_like(share), share)
    served = (work.vectors - 1.0) * work.off_tiles  # by the digital units, once their weights are there

    def node(done: tuple[Array, Array], each: tuple[Array, ...]) -> tuple[tuple[Array, Array], None]:
        index, before, known, share, one, rest, digital, served, asks = each
        firsts, lasts = (times[before] for times in done)
        start = jnp.where(jnp.any(known), _latest(firsts + share * (lasts - firsts), known, width, smooth=smooth), 0.0)
        both = jnp.stack([jnp.ones_like(asks), asks])
        first = _latest(jnp.stack([start + one, dram + digital]), both, width, smooth=smooth)
        last = _latest(jnp.stack([start + one + rest, first + served]), both, width, smooth=smooth)
        return (done[0].at[index].set(first), done[1].at[index].set(last)), None

    rows = (
        np.arange(len(flow.layer)), order.before, order.known, share, work.first, rest, work.off_tiles, served,
        flow.weight_macs > 0,
    )  # fmt: skip
    nothing = jnp.zeros_like(work.first)
    (_, last), _ = lax.scan(node, (nothing, nothing), jax.tree.map(jnp.asarray, rows))
    return _latest(jnp.append(last, dram), jnp.append(order.last, counts.weights > 0), width, smooth=smooth)


def _begun(work: _Work, order: Order) -> Float[Array, "resources nodes"]:
    """Seconds of each resource that are behind when the first vector of a node is done. Of a resource that only nodes
    beside it take, the mean of one vector."""
    more = work.vectors[:, None] > work.vectors[None]
    path, earlier = jnp.asarray(order.path), jnp.asarray(order.earlier)
    takes = (work.one > 0).astype(float)
    count = lambda rows, mask: rows @ mask.astype(rows.dtype)
    own = count(work.one, path & ~more) + count(work.all, path & more) / work.vectors[None]
    beside = count(work.one, earlier) / jnp.maximum(count(takes, earlier), 1.0)
    return own + jnp.where(count(takes, path) > 0, 0.0, beside)


def _behind(work: _Work, counts: Counts) -> Float[Array, " resources"]:
    """Of `busy`, what comes after the first weights that are not on tiles: all but the products of that layer."""
    asks = jnp.cumsum((counts.flow.weight_macs > 0).astype(float))
    after = jnp.concatenate([jnp.zeros_like(asks[:1]), asks[:-1]])
    n_tiles = work.busy.shape[0] - 3
    return jnp.concatenate(
        [work.busy[:n_tiles] @ (after > 0).astype(float), work.busy[n_tiles:] @ (asks > 0).astype(float)]
    )


def _latest(times: Array, known: Array, width: Array, *, smooth: bool) -> Float[Array, ""]:
    """The largest of those `known`; `smooth`: at most `width` times the logarithm of their number above it."""
    top = lax.stop_gradient(jnp.max(jnp.where(known, times, -jnp.inf)))
    if not smooth:
        return jnp.max(jnp.where(known, times, -jnp.inf))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    parts = jnp.where(known, jnp.exp(jnp.where(known, times - top, 0.0) / width), 0.0)
    return top + width * jnp.log(jnp.where(jnp.any(known), jnp.sum(parts), 1.0))


def digital_rate(chip: Chip) -> Float[Array, ""]:
    """Operations per second of all digital units together [Hz]."""
    return chip.digital.n_units * chip.digital.ops_per_s / chip.technology.latency(chip.digital.node)


def attention_rate(chip: Chip) -> Float[Array, ""]:
    """Operations per second of all attention units together [Hz]."""
    return chip.digital.n_attention * chip.digital.attention_ops_per_s / chip.technology.latency(chip.digital.node)


def pipelined(stages: Stages, batch: Any, *, smooth: bool) -> Float[Array, ""]:
    r"""$T(B) = t_{alone} + (B - 1)\,\max_r t_r$: the others follow at the pace of the busiest resource. While all wait
    for weights, it is only what is behind them that is left to do. [s]"""
    resources = (stages.tiles, stages.links, stages.digital, stages.attention)
    others = batch - 1.0
    ends = (
        stages.stored + others * largest(jnp.stack(resources), smooth=smooth),
        stages.alone + others * stages.behind,
    )
    known = jnp.stack([jnp.ones_like(stages.dram), stages.dram]) > 0
    return _latest(jnp.stack(ends), known, stages.width, smooth=smooth)


def largest(times: Float[Array, "n *rest"], *, smooth: bool) -> Float[Array, " *rest"]:
    r"""The largest along the first axis; `smooth`: $(\sum t^{64})^{1/64}$, at most $n^{1/64}$ above it, with a gradient
    for all."""
    if not smooth:
        return jnp.max(times, axis=0)
    top = lax.stop_gradient(jnp.max(times, axis=0))
    scale = jnp.where(top > 0, top, jnp.ones_like(top))
    parts = jnp.where((top > 0)[None], times / scale[None], 1.0)
    return jnp.where(top > 0, scale * jnp.sum(parts**SHARP, axis=0) ** (1 / SHARP), 0.0)


def smooth_positive(x: Scalar, width: Scalar) -> Float[Array, ""]:
    """`max(x, 0)` without its kink."""
    return width * jax.nn.softplus(x / width)
