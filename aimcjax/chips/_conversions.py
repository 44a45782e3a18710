"""How often a tile reads and converts for one vector, and what its drivers put on the rows."""

import functools as ft
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from .._types import Scalar
from ..periphery import (
    AbstractWrapped,
    BitSerialDac,
    CompressiveDac,
    PulseWidthDac,
    SharedAdc,
    conversions,
    reads,
)
from ..tiles import ManagedTile, TileDesign


class Counts(eqx.Module):
    """Of one vector through a layer, on all of its tiles.

    `inputs`, numbers that become volts; `reads` of every array; `codes`, conversions of sense lines; `in_turn`, how
    many of them one converter does one after another. Of one whole tile: `lines`, columns with the unit column; `cells`
    of a weight.
    """

    inputs: int = eqx.field(static=True)
    reads: int = eqx.field(static=True)
    codes: int = eqx.field(static=True)
    in_turn: Scalar
    lines: int = eqx.field(static=True)
    cells: int = eqx.field(static=True)


def count_conversions(matrix: Any, n_lines: int, cols_per_adc: Scalar) -> Counts:
    """Counts for a matrix on tiles with `n_lines` in use on each; its padding is neither driven nor converted.
    `cols_per_adc` is for converters of which the design does not say how many columns share one."""
    tile, part = physical_tile(matrix.design), matrix.partition
    per_line = len(tile.encoding.ranges) * conversions(tile.dac)
    unit_columns = n_lines - part.block_cols
    shared = sharing(tile.adc)
    return Counts(
        inputs=part.grid_cols * part.n_in,  # inputs are converted again on every grid column
        reads=reads(tile.dac),
        codes=part.grid_rows * (part.n_out + part.grid_cols * unit_columns) * per_line,
        in_turn=per_line * (cols_per_adc if shared is None else jnp.asarray(shared, float)),
        lines=tile.cols + unit_columns,
        cells=len(tile.encoding.polarity),
    )


@ft.singledispatch
def physical_tile(design: Any) -> TileDesign:
    """The tile of cells and converters in a design. **Raises:** `ValueError` where there is none, or where the data
    decide how often it is read."""
    raise ValueError(f"{type(design).__name__} has no cost; map it to a physical `TileDesign`")


@physical_tile.register
def _(design: TileDesign) -> TileDesign:
    return design


@physical_tile.register
def _(design: ManagedTile) -> TileDesign:
    if design.bound is not None:
        raise ValueError("bound management reads as often as the data ask for and has no cost; give it bound=None")
    return physical_tile(design.tile)


@ft.singledispatch
def sharing(adc: Any) -> int | None:
    """Columns that share a converter, `None` where the design does not say."""
    del adc


@sharing.register
def _(adc: AbstractWrapped) -> int | None:
    return sharing(adc.adc)


@sharing.register
def _(adc: SharedAdc) -> int | None:
    return adc.cols_per_adc * (sharing(adc.adc) or 1)


@ft.singledispatch
def row_power(dac: Any, power: Scalar) -> Scalar:
    """Mean square of the row voltages over $v_{max}^2$, summed over the reads of one vector, for inputs of mean square
    `power`."""
    del dac
    return power


@row_power.register
def _(dac: BitSerialDac, power: Scalar) -> Scalar:
    del power
    levels = 2.0**dac.slice_bits
    return jnp.asarray(dac.n_slices * (2.0 * levels - 1.0) / (6.0 * (levels - 1.0)))  # all digits as likely (assumed)


@row_power.register
def _(dac: PulseWidthDac, power: Scalar) -> Scalar:
    del dac
    return jnp.sqrt(power)  # v_max for a fraction |x| of the time, whose mean is at most this


@row_power.register
def _(dac: CompressiveDac, power: Scalar) -> Scalar:
    return row_power(dac.dac, power)


@ft.singledispatch
def read_time(dac: Any, t_integrate: Scalar) -> Scalar:
    """How long one read integrates [s]: `t_integrate`, unless the pulses of the DAC say it."""
    del dac
    return t_integrate


@read_time.register
def _(dac: PulseWidthDac, t_integrate: Scalar) -> Scalar:
    del t_integrate
    return dac.duration()


@read_time.register
def _(dac: CompressiveDac, t_integrate: Scalar) -> Scalar:
    return read_time(dac.dac, t_integrate)
