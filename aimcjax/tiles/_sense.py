"""Currents of the sense lines of every column: one for most encodings, one a slice for some."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._over import over
from .._types import PRNGKey, Scalar
from ..periphery import AbstractAdc, AbstractDac, read_array
from ._crossbar import AbstractCrossbar
from ._encoding import AbstractEncoding


Lines = Float[Array, "pair rows lines"]


def prepare_lines(crossbar: AbstractCrossbar, encoding: AbstractEncoding, g: Lines, g_std: Lines | None) -> Any:
    """What reads need to know of the cells (`AbstractCrossbar.prepare`), with a leading axis for the sense lines of a
    column."""
    groups = lambda values: values.reshape(len(encoding.ranges), -1, *values.shape[1:])
    polarity = jnp.asarray(encoding.polarity, g.dtype).reshape(len(encoding.ranges), -1)
    return jax.vmap(crossbar.prepare)(groups(g), None if g_std is None else groups(g_std), polarity)


def mean_sense_currents(
    crossbar: AbstractCrossbar, lines: Any, v: Float[Array, " rows"], *, v_max: Scalar
) -> Float[Array, "groups lines"]:
    """Noise-free currents [A] of the sense lines that `prepare_lines` gave; see `AbstractCrossbar.mean_currents`."""
    return over(lambda line: crossbar.mean_currents(line, v, v_max=v_max), lines)


def read_lines(
    dac: AbstractDac,
    adc: AbstractAdc,
    crossbar: AbstractCrossbar,
    encoding: AbstractEncoding,
    lines: Any,
    x: Float[Array, " rows"],
    *,
    key: PRNGKey,
) -> tuple[Float[Array, " rows"], Float[Array, "groups lines"], Float[Array, "groups lines"]]:
    """One read: volts on the rows, currents [A] of the sense lines, and what they are converted to [A]. The lines of a
    column are read one after the other, each in its range and with noise of its own."""
    ranges = jnp.asarray(encoding.ranges, x.dtype)

    def one(line: Any, full_scale: Scalar, key: PRNGKey) -> tuple[Array, Array, Array]:
        array = lambda v: crossbar.moments(line, v, v_max=dac.v_max)
        if isinstance(encoding.ranges, tuple) and set(encoding.ranges) == {1.0}:  # compilers do not see that it is one
            return read_array(dac, adc, array, x, key=key)

        def amplified(v: Array) -> tuple[Array, Array | None]:
            i, variance = array(v)
            return i / full_scale, None if variance is None else variance / full_scale**2

        v, i, code = read_array(dac, adc, amplified, x, key=key)
        return v, full_scale * i, full_scale * code

    keys = key[None] if len(ranges) == 1 else _random.split(key, len(ranges))
    v, i, code = over(one, lines, ranges, keys)
    return v[0], i, code
