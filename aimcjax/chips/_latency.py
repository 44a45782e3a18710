"""How long a batch takes, in closed form: layer after layer, samples in a pipeline.

`timing.placement_schedule` says the same by events, without its gradient: vectors in a pipeline too, from the same
times of one vector (`stage_times`).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._types import Scalar
from ._counts import Counts
from ._description import Chip


class Stages(eqx.Module):
    """Times [s] of one sample: `mvm`, one vector through a layer; `layers`, all of its vectors, one after the other on
    every copy, with their way over the links; `transfer` and `after`, the bits of the inputs of one vector on a link,
    and the digital units' work on its outputs; `tiles`, the busiest tile; `digital`, `attention`, `dram`, the units for
    each of them."""

    mvm: Float[Array, " layers"]
    transfer: Float[Array, " layers"]
    after: Float[Array, " layers"]
    layers: Float[Array, " layers"]
    tiles: Scalar
    digital: Scalar
    attention: Scalar
    dram: Scalar


def stage_times(counts: Counts, chip: Chip, found: Any, *, length: Any, batch: Any, smooth: bool) -> Stages:
    r"""Of one sample. A layer reads its vectors one after the other:

    $$t_{layer} = \Big\lceil \frac{V}{copies} \Big\rceil\, k\, (t_{mvm} + t_{link}) + t_{hops}, \qquad
      t_{mvm} = p\,(n\,t_{read} + C_{turn}\,t_{adc})$$

    with k the blocks of it that share a tile, one tier at a time. `smooth` leaves the ceilings out.
    """
    core, tech = chip.core, chip.technology
    ceil = (lambda x: x) if smooth else jnp.ceil
    shared = jnp.where(counts.shared > 0, counts.shared, core.cols_per_adc)
    in_turn = counts.per_line * (counts.lines / ceil(counts.lines / shared) if not smooth else shared)
    mvm = core.phases * (counts.reads * found.t_read + ceil(in_turn) * found.adc_time)
    slow = tech.latency(chip.links.node)
    transfer = counts.rows * found.dac_bits / chip.links.bits_per_s * slow
    serial = ceil(length * counts.vectors / (counts.spread * counts.replicas))
    crowd = jnp.max(counts.crowd, axis=0)
    way = (chip.links.latency(counts.reach_in) + chip.links.latency(counts.reach_sum)) * slow
    busy = serial * (mvm + transfer)
    rate = digital_rate(chip)
    after = 2.0 * counts.met * counts.codes * core.phases / rate
    return Stages(
        mvm=mvm,
        transfer=transfer,
        after=after,
        layers=busy * crowd + way,
        tiles=largest(counts.crowd @ busy, smooth=smooth),
        digital=length * (jnp.sum(counts.vectors * after) + (counts.ops + 2.0 * counts.weight_macs) / rate),
        attention=2.0 * length**2 * counts.attention_macs / attention_rate(chip),
        dram=counts.weights * chip.digital.bits / chip.dram.bits_per_s / batch,
    )


def digital_rate(chip: Chip) -> Float[Array, ""]:
    """Operations per second of all digital units together [Hz]."""
    return chip.digital.n_units * chip.digital.ops_per_s / chip.technology.latency(chip.digital.node)


def attention_rate(chip: Chip) -> Float[Array, ""]:
    """Operations per second of all attention units together [Hz]."""
    return chip.digital.n_attention * chip.digital.attention_ops_per_s / chip.technology.latency(chip.digital.node)


def pipelined(stages: Stages, batch: Any, *, smooth: bool) -> Float[Array, ""]:
    r"""$T(B) = \sum t + (B - 1)\,\max t$: the first sample takes all stages one after another, the others follow at the
    pace of the busiest resource. [s]"""
    others = (stages.digital, stages.attention, stages.dram)
    pace = largest(jnp.stack([stages.tiles, *others]), smooth=smooth)
    return jnp.sum(stages.layers) + sum(others) + (batch - 1.0) * pace


def largest(times: Float[Array, " n"], *, smooth: bool) -> Float[Array, ""]:
    r"""The largest; `smooth`: $(\sum t^{32})^{1/32}$, at most $n^{1/32}$ above it, with a gradient for all."""
    top = lax.stop_gradient(jnp.max(times))
    if not smooth:
        return jnp.max(times)
    scale = jnp.where(top > 0, top, jnp.ones_like(top))
    return scale * jnp.sum((times / scale) ** 32) ** (1 / 32)


def smooth_positive(x: Scalar, width: Scalar) -> Float[Array, ""]:
    """`max(x, 0)` without its kink."""
    return width * jax.nn.softplus(x / width)
