"""Counts times energy per action: a pure function of every number of a chip and of its converters."""

import dataclasses
import functools as ft
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Scalar
from ..periphery import AndrulisCost, conversion_cost, resolution as bits_of, turns
from ._conversions import physical_tile, read_time, row_power
from ._counts import Counts
from ._description import Chip
from ._latency import Stages, pipelined, smooth_positive, stage_times
from ._technology import Technology, check_node


COMPONENTS = ("core", "dac", "adc", "interconnect", "digital", "attention", "buffer", "dram", "static")
OFF_TILES = "(off tiles)"


class Bill(eqx.Module):
    """Of a batch: `parts`, energy [J] by component (`COMPONENTS`) and layer, the last of which is what is off the
    tiles; `latency_s`; `area_m2`; `stages`, the times behind the latency."""

    parts: Float[Array, "components layers"]
    latency_s: Scalar
    area_m2: Scalar
    stages: Stages

    @property
    def energy_J(self) -> Float[Array, ""]:
        """All of it."""
        return jnp.sum(self.parts)


class Converted(NamedTuple):
    """By layer: energies [J] of a conversion and of an input, times [s] of one conversion and one read, bits, areas
    [m2], volts at full scale, mean square of row voltages over all reads."""

    adc_energy: Array
    dac_energy: Array
    adc_time: Array
    t_read: Array
    adc_bits: Array
    dac_bits: Array
    adc_area: Array
    dac_area: Array
    v_max: Array
    row_power: Array


def price(counts: Counts, chip: Chip, *, batch: Any = 1.0, length: Any = 1.0, smooth: bool = False) -> Bill:
    r"""What `batch` sequences cost, `length` times as long as the one that was counted: a pure function of all leaves
    of `counts` and `chip`, to differentiate and to map over; `smooth` leaves
    ceilings and kinks out.

    $$E_{core} = V\,p \sum_n \langle v_n^2 \rangle\, t_{read} \sum g, \quad E_{dac} = V\,p\,R\,e_{dac}, \quad
      E_{adc} = V\,p\,C\,e_{adc}$$
    for V vectors, p phases, R inputs, C conversions. Inputs and partial sums pay for every bit and step of their way,
    and two digital operations follow every conversion (scale, accumulate). Attention grows with the square of `length`,
    all other work with it.
    """
    layers = ft.partial(jnp.asarray, dtype=float)
    c = jax.tree.map(layers, counts)
    found = converted(c, chip, smooth)
    tech, core, digital, links = chip.technology, chip.core, chip.digital, chip.links
    check_node(tech.node)
    runs = batch * length * c.vectors * c.met
    passes = runs * core.phases
    conductance = c.g + core.mean_g * c.g_range
    per_bit = lambda distance: links.energy(distance) * tech.energy(links.node, links.vdd)
    e_op, e_mac = (
        energy * tech.energy(digital.node, digital.vdd) for energy in (digital.energy_per_op, digital.energy_per_mac)
    )
    by_layer = {
        "core": passes * found.row_power * found.v_max**2 * conductance * found.t_read,
        "dac": passes * c.inputs * found.dac_energy,
        "adc": passes * c.codes * found.adc_energy,
        "interconnect": runs * c.inputs * found.dac_bits * per_bit(c.distance_in)
        + passes * c.codes * found.adc_bits * per_bit(c.distance_sum),
        "digital": 2.0 * passes * c.codes * e_op,
        "buffer": runs * (c.n_in * found.dac_bits + c.n_out * found.adc_bits) * _per_buffered_bit(chip),
    }
    stages = stage_times(c, chip, found, length=length, batch=batch, smooth=smooth)
    latency = pipelined(stages, batch, smooth=smooth)
    kept, spilled = _cached(c, chip, batch, length, smooth)
    off = {
        "digital": batch * length * (c.ops * e_op + c.weight_macs * e_mac),
        "attention": batch * length**2 * c.attention_macs * e_mac,
        "buffer": 2.0 * kept * _per_buffered_bit(chip),
        "dram": (2.0 * spilled + c.weights * digital.bits) * chip.dram.energy_per_bit,
        "static": static_power(chip) * latency,
    }
    nothing = jnp.zeros_like(c.vectors)
    rows = [jnp.append(by_layer.get(name, nothing), off.get(name, jnp.zeros((), float))) for name in COMPONENTS]
    return Bill(jnp.stack(rows), latency, _area(c, chip, found, smooth), stages)


_compiled = eqx.filter_jit(price)


def priced(
    counts: Counts, chip: Chip, *, batch: float | int = 1, length: float | int = 1, smooth: bool = False
) -> Bill:
    """`price`, compiled once for all batches and lengths."""
    numbers = {"batch": jnp.asarray(batch, float), "length": jnp.asarray(length, float)}
    return _compiled(counts, chip, **numbers, smooth=smooth)


def converted(counts: Counts, chip: Chip, smooth: bool) -> Converted:
    """By layer, whatever the kinds of converters: each kind is one mapped call."""
    core = chip.core
    adc_model, dac_model = (at_node(model, chip.technology, smooth) for model in (core.adc, core.dac))
    power = jnp.where(jnp.isnan(counts.power), core.input_power, counts.power)

    def one(dac: Any, adc: Any, power: Array) -> Converted:
        converted, driven = conversion_cost(adc_model, adc), conversion_cost(dac_model, dac)
        return Converted(
            adc_energy=converted.energy,
            dac_energy=driven.energy,
            adc_time=converted.latency / turns(adc),
            t_read=jnp.asarray(read_time(dac, core.t_read), float),
            adc_bits=jnp.asarray(bits_of(adc), float),
            dac_bits=jnp.asarray(bits_of(dac), float),
            adc_area=converted.area,
            dac_area=driven.area,
            v_max=jnp.asarray(dac.v_max, float),
            row_power=row_power(dac, power),
        )

    pieces = [jax.vmap(one)(g.dac, g.adc, power[jnp.asarray(g.layers)]) for g in counts.groups]
    order = [index for group in counts.groups for index in group.layers]
    back = jnp.asarray(sorted(range(len(order)), key=order.__getitem__))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts)[back], *pieces)


@ft.singledispatch
def at_node(model: Any, technology: Technology, smooth: bool) -> Any:
    """A model of conversions at the node of a chip; most hold for the node of their own numbers."""
    del technology, smooth
    return model


@at_node.register
def _(model: AndrulisCost, technology: Technology, smooth: bool) -> AndrulisCost:
    return dataclasses.replace(model, node=technology.node, smooth=smooth)


def _per_buffered_bit(chip: Chip) -> Array:
    return chip.buffer.energy_per_bit * chip.technology.energy(chip.buffer.node, chip.buffer.vdd)


def _cached(counts: Counts, chip: Chip, batch: Any, length: Any, smooth: bool) -> tuple[Array, Array]:
    """Bits of keys and values of a batch that the buffer holds, and those that it does not."""
    bits, capacity = batch * length * counts.cache * chip.digital.bits, chip.buffer.capacity
    over = smooth_positive(bits - capacity, capacity / 20.0) if smooth else jnp.maximum(bits - capacity, 0.0)
    return bits - over, over


def static_power(chip: Chip) -> Array:
    """What a chip takes all the time [W]."""
    units = chip.digital.n_units + chip.digital.n_attention
    tiles = chip.count_tiles() * chip.core.static_power
    return tiles + units * chip.digital.static_power + chip.buffer.static_power + chip.dram.static_power


def _area(counts: Counts, chip: Chip, found: Converted, smooth: bool) -> Array:
    """Whole tiles: silicon that a matrix leaves empty is still there, and so are tiles without one. Tiers lie on top of
    each other."""
    tile, core, tech = chip.tile, chip.core, chip.technology
    assert tile is not None
    ceil: Callable[[Array], Array] = (lambda x: x) if smooth else jnp.ceil
    shared = jnp.where(counts.shared > 0, counts.shared, core.cols_per_adc)
    one = (
        counts.cells * core.cell_area
        + ceil(counts.lines / shared) * found.adc_area
        + physical_tile(tile).rows * found.dac_area
    )
    free = chip.count_tiles() - jnp.sum(counts.tiles)
    arrays = jnp.sum(counts.tiles * one) + free * jnp.mean(one)
    units = chip.digital.n_units + chip.digital.n_attention
    around = (
        units * chip.digital.area * tech.area(chip.digital.node)
        + chip.buffer.capacity * chip.buffer.area_per_bit * tech.area(chip.buffer.node)
        + chip.count_tiles() * chip.links.router_area * tech.area(chip.links.node)
    )
    return arrays + around
