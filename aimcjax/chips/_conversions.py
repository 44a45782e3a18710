"""How often a tile reads and converts for one vector, and what its drivers put on the rows."""

import functools as ft
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .._types import Scalar
from ..mapping import Partition
from ..periphery import AbstractWrapped, BitSerialDac, CompressiveDac, PulseWidthDac, SharedAdc, conversions, reads
from ..tiles import ManagedTile, TileDesign


class Conversions(NamedTuple):
    """Of one vector through a matrix, on all of its tiles.

    `inputs`, numbers that become volts; `reads` of every array; `codes`, conversions of sense lines; `per_line`, of
    each of them; `shared`, columns of one converter, 0 where the design does not say. Of one tile: `unit_columns`
    beside those of weights; `cells` of a weight.
    """

    inputs: int
    reads: int
    codes: int
    per_line: int
    shared: int
    unit_columns: int
    cells: int


def count_conversions(tile: TileDesign, part: Partition) -> Conversions:
    """Counts for a matrix that lies on tiles like `part`; its padding is neither driven nor converted."""
    per_line = len(tile.encoding.ranges) * conversions(tile.dac)
    one = jax.ShapeDtypeStruct((1, 1), jnp.result_type(tile.device.g_max))
    encoded = jax.eval_shape(lambda w: tile.encoding.encode(w, tile.device)[0], one)
    unit_columns = encoded.shape[-1] - 1
    return Conversions(
        inputs=part.grid_cols * part.n_in,  # inputs are converted again on every grid column
        reads=reads(tile.dac),
        codes=part.grid_rows * (part.n_out + part.grid_cols * unit_columns) * per_line,
        per_line=per_line,
        shared=sharing(tile.adc) or 0,
        unit_columns=unit_columns,
        cells=len(tile.encoding.polarity),
    )


@ft.singledispatch
def physical_tile(design: Any) -> TileDesign:
    """The tile of cells and converters in a design. **Raises:** `ValueError` where there is none, or where the data
    decide how often it is read."""
    raise ValueError(f"{type(design).__name__} has no cost; map it to a physical `TileDesign`, or place it on a chip")


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
    levels = 2.0**dac.slice_bits
    # All digits as likely (assumed)
    return jnp.full_like(power, dac.n_slices * (2.0 * levels - 1.0) / (6.0 * (levels - 1.0)))


@row_power.register
def _(dac: PulseWidthDac, power: Scalar) -> Scalar:
    del dac
    return jnp.sqrt(power)  # v_max for a fraction |x| of the time, whose mean is at most this


@row_power.register
def _(dac: CompressiveDac, power: Scalar) -> Scalar:
    return row_power(dac.dac, power)


@ft.singledispatch
def read_time(dac: Any, t_read: Scalar) -> Scalar:
    """How long one read integrates [s]: `t_read`, unless the pulses of the DAC say it."""
    del dac
    return t_read


@read_time.register
def _(dac: PulseWidthDac, t_read: Scalar) -> Scalar:
    del t_read
    return dac.duration()


@read_time.register
def _(dac: CompressiveDac, t_read: Scalar) -> Scalar:
    return read_time(dac.dac, t_read)
