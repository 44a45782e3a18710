"""What a chip can do with all of its tiles busy, and the arithmetic between published headlines."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from .. import nn
from .._types import Scalar
from ._description import Chip
from ._place import place
from ._price import COMPONENTS, priced
from ._technology import Number


class Peak(eqx.Module):
    """One vector through every tile at once: `mvm_s` [s], `power_W` [W], `ops_per_s` and `ops_per_J`, two operations a
    multiply-accumulate, and `parts_J`, energy of all tiles together by component [J]. Arrays, converters, what follows
    a conversion and static power; no links, no buffers."""

    mvm_s: Scalar
    power_W: Scalar
    ops_per_s: Scalar
    ops_per_J: Scalar
    parts_J: dict[str, Scalar]


def peak(chip: Chip) -> Peak:
    """What `chip` reaches where every tile holds a full matrix.

    **Raises:** `ValueError` for a chip without a grid or a tile.
    """
    if chip.tile is None:
        raise ValueError(f"chip {chip.name} has no tile of its own; give it one")
    flat, n_tiles = dataclasses.replace(chip, tiers=1), chip.count_tiles()
    rows, cols = chip.tile.rows, chip.tile.cols
    layer = eqx.filter_eval_shape(eqx.nn.Linear, rows, n_tiles * cols, use_bias=False, key=jr.key(0))
    placement = place(nn.convert(layer, [nn.Rule(".*", chip.tile)]), flat)
    bill = priced(placement.counts, placement.chip)
    mvm = bill.stages.mvm[0]
    parts = dict(zip(COMPONENTS, jnp.sum(bill.parts, axis=1), strict=True))
    kept = {name: parts[name] for name in ("core", "dac", "adc", "digital")}
    kept["static"] = parts["static"] / bill.latency_s * mvm
    energy, n_ops = jnp.sum(jnp.stack(list(kept.values()))), 2.0 * n_tiles * rows * cols
    return Peak(mvm, energy / mvm, n_ops / mvm, n_ops / energy, kept)


def mvm_time(ops_per_s: Number, n_tiles: int, rows: int, cols: int) -> Float[Array, ""]:
    r"""Time of one product on every tile [s] from a throughput, `ops_per_s` (f), of `n_tiles` (N) of `rows` (R) and
    `cols` (C): $2 N R C / f$, two operations a multiply-accumulate."""
    return jnp.asarray(2.0 * n_tiles * rows * cols / ops_per_s, float)


def energy_per_mac(ops_per_J: Number, *, ops_per_mac: int = 2) -> Float[Array, ""]:
    """Energy of a multiply-accumulate [J] from an efficiency, `ops_per_J`. `ops_per_mac`: what the source counts as an
    operation; some count a multiply-accumulate as one."""
    return jnp.asarray(ops_per_mac / ops_per_J, float)
