"""A first cost model: action counts times energy per action; time of the critical path; area of what is there.

Every constant is a leaf with its source: the same parameters that set accuracy (bits, conductances, voltages) set
the cost, and the cost has a gradient.
"""

import functools as ft
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from .. import nn
from .._types import Scalar, physical
from ..nn import Activity
from ..periphery import AbstractDac, ConversionCost, conversion_cost, driver_bits, reads, turns
from ..units import GHz, fJ, ns, pJ, um2
from ._conversions import count_conversions, physical_tile, read_time, row_power, sharing
from ._placement import bits_of


COMPONENTS = ("core", "dac", "adc", "interconnect", "digital")


class CostModel(eqx.Module):
    r"""Energy, time and area per action. Per MVM of a tile with R rows in use, read n times, and C conversions:

    $$E_{core} = \sum_n \langle v_n^2\rangle\, t_{int} \sum g, \quad E_{dac} = R\,n\,e_{dac} 2^{b_{driver}}, \quad
      E_{adc} = C\,e_{adc} 2^{b_{adc}}, \quad E_{link} = (R\,b_{dac} + C\,b_{adc})\,e_{bit}$$
    $$t_{mvm} = n\,t_{int} + C_{turn}/f_{adc}$$
    and digital logic pays per operation: two for each conversion (scale, accumulate) and what the model computes off
    the tiles. A plain tile is read once and converts each column once; a unit column is a column more, slices of
    weights are converted each on their own, and slices of inputs in every read. $C_{turn}$ of the conversions are done
    one after another by one converter: for `cols_per_adc` columns, or as many as a `SharedAdc` says.

    It is also a model for `conversion_cost`, which another may take the place of (`cost`).

    **Assumptions:** the tiles of one layer work in parallel, its vectors follow one another, layers do not overlap;
    converter energy doubles per bit (Walden), their area and rate are those of eight bits; the lines of a column are
    integrated at once and converted one after another; digits of bit-serial inputs are all as likely; a pulse-width
    input lasts as its DAC says; scaling of inputs to the range of the DAC is free; no buffers, no DRAM, no leakage.
    """

    t_integrate: Scalar = physical(
        100 * ns, unit="s", doc="assumed; one MVM of HERMES takes 132.9 ns (Le Gallo, Nat. Electron. 6:680, 2023)"
    )
    adc_energy_per_step: Scalar = physical(
        1.667 * pJ / 256, unit="J", doc="8-bit SAR of ISAAC, 32 nm, 1.667 pJ (Shafiee, ISCA 2016), / 2^8"
    )
    dac_energy_per_step: Scalar = physical(
        0.41667 * pJ / 256,
        unit="J",
        doc="DAC of the ISAAC library, 32 nm, 0.41667 pJ (CiMLoop, ISPASS 2024), taken as 8-bit, / 2^8",
    )
    link_energy_per_bit: Scalar = physical(
        64 * fJ,
        unit="J",
        doc="0.2 fF/um wire (NeuroSim V2.1) x (0.8 V)^2 x 1 mm x activity 1/2; length, supply, activity assumed",
    )
    digital_energy_per_op: Scalar = physical(
        0.4 * pJ, unit="J", doc="fp16 add, 45 nm, 0.4 pJ (Horowitz, ISSCC 2014), for every elementwise operation"
    )
    digital_energy_per_mac: Scalar = physical(
        1.5 * pJ, unit="J", doc="fp16 multiply 1.1 pJ and add 0.4 pJ, 45 nm (Horowitz, ISSCC 2014)"
    )
    cols_per_adc: Scalar = physical(8.0, doc="assumed: columns that share one converter", above=0.0)
    adc_rate: Scalar = physical(1.2 * GHz, unit="Hz", doc="ISAAC, 1.2 GS/s (Shafiee, ISCA 2016)", above=0.0)
    digital_ops_per_s: Scalar = physical(
        1e12, unit="Hz", doc="assumed: operations per second of the digital units", above=0.0
    )
    cell_area: Scalar = physical(0.04 * um2, unit="m2", doc="assumed: 1T1R, 25 F^2 at F = 40 nm")
    adc_area: Scalar = physical(1200 * um2, unit="m2", doc="8-bit SAR of ISAAC, 32 nm (Shafiee, ISCA 2016)")
    dac_area: Scalar = physical(
        21.2 * um2, unit="m2", doc="1-bit 0.166 um2 (ISAAC), doubled per bit to 8 bits (assumed)"
    )


class Cost(eqx.Module):
    """Cost of one inference: `energy_J` by component (`COMPONENTS`), `latency_s`, `area_m2`, `n_macs`, `n_tiles`,
    `n_cells`."""

    energy_J: dict[str, Scalar]
    latency_s: Scalar
    area_m2: Scalar
    n_macs: int = eqx.field(static=True)
    n_tiles: int = eqx.field(static=True)
    n_cells: int = eqx.field(static=True)

    @property
    def total_J(self) -> Scalar:
        """Energy of one inference [J], the sum of the components."""
        return jnp.sum(jnp.stack(list(self.energy_J.values())))

    def energy_per_mac_J(self) -> dict[str, Scalar]:
        """Energy per multiply-accumulate [J] by component, and their `total`."""
        parts = {name: energy / self.n_macs for name, energy in self.energy_J.items()}
        return {**parts, "total": self.total_J / self.n_macs}


@conversion_cost.register
def _(model: CostModel, converter: Any) -> ConversionCost:
    return _conversion(converter, model)


@ft.singledispatch
def _conversion(converter: Any, model: CostModel) -> ConversionCost:
    energy = model.adc_energy_per_step * 2.0 ** jnp.asarray(bits_of(converter), float)
    return ConversionCost(energy, model.adc_area, turns(converter) / model.adc_rate)


@_conversion.register
def _(converter: AbstractDac, model: CostModel) -> ConversionCost:
    energy = reads(converter) * model.dac_energy_per_step * 2.0 ** jnp.asarray(driver_bits(converter), float)
    return ConversionCost(energy, model.dac_area, jnp.zeros_like(energy))


def cost(
    chip: Any,
    activity: Activity,
    input_power: dict[str, float],
    constants: CostModel,
    *,
    adc_model: Any = None,
    dac_model: Any = None,
) -> Cost:
    """The cost of one inference.

    **Arguments:** `chip`, from `nn.program` with `TileDesign` tiles; `activity`, from `count_activity`;
    `input_power`, from `nn.input_power`; `constants`; `adc_model`, `dac_model`, what conversions cost
    (`periphery.conversion_cost`), default `constants`.

    **Raises:** `ValueError` for a tile or converter without a cost model.
    """
    energy = {name: jnp.zeros(()) for name in COMPONENTS}
    latencies, area = {}, jnp.zeros(())
    n_tiles = n_cells = 0
    layer: Any
    for name, layer in nn.matrix_layers(chip).items():
        whole = name.partition("[")[0]  # the matrices of a stack share its vectors and work in parallel
        part, n_vectors = layer.matrix.partition, activity.vectors[whole]
        found = _layer(layer, input_power[whole], constants, adc_model or constants, dac_model or constants)
        energy = {key: energy[key] + n_vectors * found.energy.get(key, 0.0) for key in energy}
        latencies[whole] = jnp.maximum(latencies.get(whole, 0.0), n_vectors * found.latency)
        area = area + found.area
        n_tiles += part.n_tiles
        n_cells += found.n_cells
    digital_J = (
        activity.digital_ops * constants.digital_energy_per_op
        + activity.digital_macs * constants.digital_energy_per_mac
    )
    energy["digital"] = energy["digital"] + digital_J
    digital_s = (activity.digital_ops + 2 * activity.digital_macs) / constants.digital_ops_per_s
    latency = sum(latencies.values(), digital_s)
    return Cost(energy, latency, area, activity.n_macs, n_tiles, n_cells)


def check_cost(model: Any) -> None:
    """Raises `ValueError` for a tile or converter without a cost model; `model` from `nn.convert`, before any work."""
    for name, layer in nn.analog_layers(model).items():
        _converter_bits(name, layer.design)


def _converter_bits(name: str, design: Any) -> dict[str, Any]:
    try:
        tile = physical_tile(design)
    except ValueError as error:
        raise ValueError(f"layer {name}: {error}") from None
    bits = {"dac": bits_of(tile.dac), "adc": bits_of(tile.adc)}
    for which, value in bits.items():
        if value is None:
            raise ValueError(f"layer {name}: an ideal {which.upper()} has no energy; give it a resolution")
    return bits


class _Layer(eqx.Module):
    """One vector through a layer, and the silicon under it."""

    energy: dict[str, Scalar]
    latency: Scalar
    area: Scalar
    n_cells: int = eqx.field(static=True)


def _layer(layer: Any, power: float, constants: CostModel, adc_model: Any, dac_model: Any) -> _Layer:
    matrix, part = layer.matrix, layer.matrix.partition
    bits, tile = _converter_bits(layer.name, matrix.design), physical_tile(matrix.design)
    g = matrix.at(0.0).tiles.g
    counts = count_conversions(matrix, g.shape[-1], constants.cols_per_adc)
    adc, dac = conversion_cost(adc_model, tile.adc), conversion_cost(dac_model, tile.dac)
    driven = part.split_vector(jnp.ones(part.n_in))[:, None, None, :, None]  # rows of padding carry no voltage
    t_read = read_time(tile.dac, constants.t_integrate)
    moved = counts.inputs * bits["dac"] + counts.codes * bits["adc"]
    energy = {
        "core": row_power(tile.dac, jnp.asarray(power, float)) * tile.dac.v_max**2 * jnp.sum(g * driven) * t_read,
        "dac": counts.inputs * dac.energy,
        "adc": counts.codes * adc.energy,
        "interconnect": moved * constants.link_energy_per_bit,
        "digital": 2 * counts.codes * constants.digital_energy_per_op,
    }
    one_conversion = adc.latency / turns(tile.adc)
    latency = counts.reads * t_read + counts.in_turn * one_conversion
    # Whole tiles: silicon that a matrix leaves empty is still there.
    shared = sharing(tile.adc)
    n_adcs = counts.lines / constants.cols_per_adc if shared is None else -(-counts.lines // shared)
    cells = counts.cells * tile.rows * counts.lines
    area = part.n_tiles * (cells * constants.cell_area + n_adcs * adc.area + tile.rows * dac.area)
    n_lines = part.n_out + part.grid_cols * (g.shape[-1] - part.block_cols)
    return _Layer(energy, latency, area, counts.cells * part.n_in * n_lines)
