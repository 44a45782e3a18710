"""A first cost model: action counts times energy per action; time of the critical path; area of what is there.

Every constant is a leaf with its source: the same parameters that set accuracy (bits, conductances, voltages) set
the cost, and the cost has a gradient.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import nn
from .._types import Scalar, physical
from ..tiles import TileDesign
from ..units import GHz, fJ, ns, pJ, um2
from ._activity import Activity
from ._placement import bits_of


COMPONENTS = ("core", "dac", "adc", "interconnect", "digital")


class CostModel(eqx.Module):
    r"""Energy, time and area per action. Per MVM of a tile with R rows and C columns in use:

    $$E_{core} = \langle v^2\rangle\, t_{int} \sum g, \quad E_{dac} = R\,e_{dac} 2^{b_{dac}}, \quad E_{adc} =
    C\,e_{adc} 2^{b_{adc}}, \quad
      E_{link} = (R\,b_{dac} + C\,b_{adc})\,e_{bit}$$
    $$t_{mvm} = t_{int} + n_{share}/f_{adc}$$
    and digital logic pays per operation: two for each column of a tile (scale, accumulate) and what the model
    computes off the tiles.

    **Assumptions:** the tiles of one layer work in parallel, its vectors follow one another, layers do not overlap;
    converter energy doubles per bit (Walden), their area and rate are those of eight bits; scaling of inputs to the
    range of the DAC is free; no buffers, no DRAM, no leakage.
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


def cost(chip: Any, activity: Activity, input_power: dict[str, float], constants: CostModel) -> Cost:
    """The cost of one inference.

    **Arguments:** `chip`, from `nn.program` with `TileDesign` tiles; `activity`, from `count_activity`;
    `input_power`, from `nn.input_power`; `constants`.

    **Raises:** `ValueError` for a tile or converter without a cost model.
    """
    energy = {name: jnp.zeros(()) for name in COMPONENTS}
    latency, area = jnp.zeros(()), jnp.zeros(())
    n_tiles = n_cells = 0
    layer: Any
    for name, layer in nn.analog_layers(chip).items():
        part, n_vectors = layer.matrix.partition, activity.vectors[name]
        per_mvm = _layer_energy(layer, input_power[name], constants)
        energy = {key: energy[key] + n_vectors * per_mvm.get(key, 0.0) for key in energy}
        latency = latency + n_vectors * (constants.t_integrate + constants.cols_per_adc / constants.adc_rate)
        area = area + _layer_area(layer, constants)
        n_tiles += part.n_tiles
        n_cells += len(layer.matrix.design.encoding.polarity) * part.n_in * part.n_out
    digital_J = (
        activity.digital_ops * constants.digital_energy_per_op
        + activity.digital_macs * constants.digital_energy_per_mac
    )
    energy["digital"] = energy["digital"] + digital_J
    latency = latency + (activity.digital_ops + 2 * activity.digital_macs) / constants.digital_ops_per_s
    return Cost(energy, latency, area, activity.n_macs, n_tiles, n_cells)


def check_cost(model: Any) -> None:
    """Raises `ValueError` for a tile or converter without a cost model; `model` from `nn.convert`, before any work."""
    for name, layer in nn.analog_layers(model).items():
        _converter_bits(name, layer.design)


def _converter_bits(name: str, design: Any) -> dict[str, Any]:
    if not isinstance(design, TileDesign):
        raise ValueError(f"layer {name}: {type(design).__name__} has no cost; map it to a physical `TileDesign`")
    bits = {"dac": bits_of(design.dac), "adc": bits_of(design.adc)}
    for which, value in bits.items():
        if value is None:
            raise ValueError(f"layer {name}: an ideal {which.upper()} has no energy; give it a resolution")
    return bits


def _layer_energy(layer: Any, power: float, constants: CostModel) -> dict[str, Float[Array, ""]]:
    design, part = layer.matrix.design, layer.matrix.partition
    bits = _converter_bits(layer.name, design)
    driven = part.split_vector(jnp.ones(part.n_in))[:, None, None, :, None]  # rows of padding carry no voltage
    g_total = jnp.sum(layer.matrix.at(0.0).tiles.g * driven)
    rows = part.grid_cols * part.n_in  # inputs are converted again on every grid column
    cols = part.grid_rows * part.n_out
    moved = rows * bits["dac"] + cols * bits["adc"]
    return {
        "core": power * design.dac.v_max**2 * g_total * constants.t_integrate,
        "dac": rows * constants.dac_energy_per_step * 2.0 ** bits["dac"],
        "adc": cols * constants.adc_energy_per_step * 2.0 ** bits["adc"],
        "interconnect": moved * constants.link_energy_per_bit,
        "digital": 2 * cols * constants.digital_energy_per_op,
    }


def _layer_area(layer: Any, constants: CostModel) -> Scalar:
    # Whole tiles: silicon that a matrix leaves empty is still there.
    design, n_tiles = layer.matrix.design, layer.matrix.partition.n_tiles
    cells = len(design.encoding.polarity) * design.rows * design.cols
    converters = design.cols / constants.cols_per_adc * constants.adc_area + design.rows * constants.dac_area
    return n_tiles * (cells * constants.cell_area + converters)
