"""Currents of the sense lines of every column: one for most encodings, one a slice for some."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar
from ..periphery import AbstractAdc, AbstractDac, read_array
from ._crossbar import AbstractCrossbar
from ._encoding import AbstractEncoding


Lines = Float[Array, "pair rows lines"]


def prepare_lines(
    crossbar: AbstractCrossbar, encoding: AbstractEncoding, g: Lines, g_std: Lines | None
) -> tuple[Lines | None, Lines | None]:
    """What `crossbar.prepared()` reads, `None` where that is `g` itself, and the deviations as the lines see them."""
    if len(encoding.ranges) == 1:
        effective, g_std = crossbar.prepare(g, g_std)
        return None if effective is g else effective, g_std
    if crossbar.prepared() is crossbar:
        return None, g_std
    grouped = (_grouped(g, encoding), None if g_std is None else _grouped(g_std, encoding))
    effective, std = jax.vmap(crossbar.prepare)(*grouped)
    return effective.reshape(g.shape), None if std is None else std.reshape(g.shape)


def mean_sense_currents(
    crossbar: AbstractCrossbar, encoding: AbstractEncoding, g: Lines, v: Float[Array, " rows"], *, v_max: Scalar
) -> Float[Array, "groups lines"]:
    """Noise-free currents [A] of the sense lines; see `AbstractCrossbar.mean_currents`."""
    g, polarity = _grouped(g, encoding), _polarity(encoding, v)
    if len(g) == 1:
        return crossbar.mean_currents(g[0], v, polarity[0], v_max=v_max)[None]
    return jax.vmap(lambda g, polarity: crossbar.mean_currents(g, v, polarity, v_max=v_max))(g, polarity)


def read_lines(
    dac: AbstractDac,
    adc: AbstractAdc,
    crossbar: AbstractCrossbar,
    encoding: AbstractEncoding,
    g: Lines,
    g_std: Lines | None,
    x: Float[Array, " rows"],
    *,
    key: PRNGKey,
) -> tuple[Float[Array, " rows"], Float[Array, "groups lines"], Float[Array, "groups lines"]]:
    """One read: volts on the rows, currents [A] of the sense lines, and what they are converted to [A]. The lines of a
    column are read one after the other, each in its range and with noise of its own."""
    polarity, ranges = _polarity(encoding, x), jnp.asarray(encoding.ranges, x.dtype)
    g, std = _grouped(g, encoding), None if g_std is None else _grouped(g_std, encoding)
    if std is not None and not _only_signs(encoding):
        std = std * jnp.abs(polarity)[..., None, None]  # what scales a current scales its noise

    def one(g: Any, std: Any, polarity: Array, full_scale: Scalar, key: PRNGKey) -> tuple[Array, Array, Array]:
        def currents(v: Array, key: PRNGKey) -> Array:
            return crossbar.currents(g, std, v, polarity, v_max=dac.v_max, key=key) / full_scale

        v, i, code = read_array(dac, adc, currents, x, key=key)
        return v, full_scale * i, full_scale * code

    if len(g) == 1:
        v, i, code = one(g[0], None if std is None else std[0], polarity[0], ranges[0], key)
        return v, i[None], code[None]
    v, i, code = jax.vmap(one)(g, std, polarity, ranges, _random.split(key, len(g)))
    return v[0], i, code


def _grouped(g: Lines, encoding: AbstractEncoding) -> Float[Array, "groups cells rows lines"]:
    return g.reshape(len(encoding.ranges), -1, *g.shape[1:])


def _polarity(encoding: AbstractEncoding, like: Float[Array, " rows"]) -> Float[Array, "groups cells"]:
    return jnp.asarray(encoding.polarity, like.dtype).reshape(len(encoding.ranges), -1)


def _only_signs(encoding: AbstractEncoding) -> bool:
    return isinstance(encoding.polarity, tuple) and bool(np.all(np.abs(encoding.polarity) == 1.0))
