"""The cost of a placed network by hand: every row of the mapping table is a tile that works once a vector.

Tiles are of 10 inputs and 6 outputs that share one ADC, with 7 bits going in and 6 coming out.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from aimcjax import nn
from aimcjax.chips import COMPONENTS, Chip


Row = dict[str, Any]


def energies(machine: Any, table: list[Row]) -> dict[str, float]:
    """By component [J], without what leaks."""
    c, activity = machine.placement.chip, machine.placement.activity
    weights = {name: np.asarray(layer.weight).T for name, layer in nn.analog_layers(machine.analog).items()}
    energy = dict.fromkeys(COMPONENTS, 0.0)
    for name, rows, ways_in, ways_back in _layers(machine, table):
        vectors, (n_in, n_out) = activity.vectors[name], weights[name].shape
        for row in rows:
            ways = 1 + np.mean(ways_in), 1 + np.mean(ways_back)
            for part, value in _of_a_tile(machine, row, weights[name], *ways).items():
                energy[part] += vectors * value
        energy["buffer"] += vectors * (n_in * 7 + n_out * 6) * float(c.buffer.energy_per_bit)
    energy["digital"] += activity.digital_ops * float(c.digital.energy_per_op)
    energy["digital"] += (activity.digital_macs - activity.activation_macs) * float(c.digital.energy_per_mac)
    energy["attention"] = activity.activation_macs * float(c.digital.energy_per_mac)
    cache = 16 * sum(product.kept for product in activity.products if product.of_activations)
    weight_bits = 16 * sum(product.kept for product in activity.products if not product.of_activations)
    energy["buffer"] += 2 * 64 * float(c.buffer.energy_per_bit)
    energy["dram"] = (2 * (cache - 64) + weight_bits) * float(c.dram.energy_per_bit)
    return energy


def closed_latency(machine: Any, table: list[Row]) -> float:
    """Without events [s]."""
    c, activity = machine.placement.chip, machine.placement.activity
    t_mvm = float(c.core.t_read) + 6 / float(c.core.adc.rate)  # six columns share one converter
    t = 0.0
    for _, rows, ways_in, ways_back in _layers(machine, table):
        block_rows = max(row["row_range"][1] - row["row_range"][0] for row in rows)
        t += t_mvm + block_rows * 7 / float(c.links.bits_per_s)  # of one vector
        t += (2 + max(ways_in) + max(ways_back)) * float(c.links.hop_latency)
    work = sum(2 * (row["col_range"][1] - row["col_range"][0]) for row in table)
    work += sum(step.ops / max(step.vectors, 1) for step in activity.steps)
    t += work / float(c.digital.ops_per_s) + 2 * activity.activation_macs / 4 / float(c.digital.attention_ops_per_s)
    # The first of four vectors goes through all layers, three more follow before the attention and before the head
    return t + 2 * 3 * t_mvm


def static_power(c: Chip) -> float:
    """What leaks [W]."""
    around = 2 * float(c.digital.static_power) + float(c.buffer.static_power)
    return c.count_tiles() * float(c.core.static_power) + around


def area(c: Chip) -> float:
    """Of all tiles and of what is around them [m2]."""
    core: Any = c.core
    tile = 2 * 10 * 6 * float(core.cell_area) + float(core.adc.area) + 10 * 2**7 * float(core.dac.area_per_step)
    around = 2 * float(c.digital.area) + 64 * float(c.buffer.area_per_bit)
    return c.count_tiles() * (tile + float(c.links.router_area)) + around


def _layers(machine: Any, table: list[Row]) -> Iterator[tuple[str, list[Row], list[int], list[int]]]:
    """Layers, their rows, the steps from the layer before to them, and from them to where their sums are added."""
    before = [(0, 0)]
    for name in machine.placement.activity.vectors:
        rows = [row for row in table if row["layer"] == name]
        here = [(row["grid_row"], row["grid_col"]) for row in rows]
        first = {row["col_range"][0]: at for row, at in zip(rows, here, strict=True) if row["row_range"][0] == 0}
        sums = [first[row["col_range"][0]] for row in rows]
        ways_in = [abs(a - p) + abs(b - q) for a, b in here for p, q in before]
        yield name, rows, ways_in, [abs(a - p) + abs(b - q) for (a, b), (p, q) in zip(here, sums, strict=True)]
        before = here


def _of_a_tile(machine: Any, row: Row, weight: np.ndarray, way_in: float, way_back: float) -> dict[str, float]:
    """Of one vector, by component [J]."""
    c, design = machine.placement.chip, machine.design
    (r0, r1), (c0, c1) = row["row_range"], row["col_range"]
    block = weight[r0:r1, c0:c1]
    # An ideal device from 0 to g_max, scaled per column of the block: sums without looking at cells.
    g = float(design.device.g_max) * np.abs(block / np.abs(block).max(axis=0)).sum()
    moved = (r1 - r0) * 7 * way_in + (c1 - c0) * 6 * way_back
    return {
        "core": machine.power[row["layer"]] * float(design.dac.v_max) ** 2 * g * float(c.core.t_read),
        "dac": (r1 - r0) * 2**7 * float(c.core.dac.energy_per_step),
        "adc": (c1 - c0) * 2**6 * float(c.core.adc.merit),
        "interconnect": moved * float(c.links.hop_energy_per_bit),
        "digital": 2 * (c1 - c0) * float(c.digital.energy_per_op),
    }
