"""Currents of the sense lines of every column: one for most encodings, one a slice for some."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar
from ..periphery import AbstractAdc
from ._crossbar import AbstractCrossbar
from ._encoding import AbstractEncoding


Lines = Float[Array, "pair rows lines"]


def mean_sense_currents(
    crossbar: AbstractCrossbar, encoding: AbstractEncoding, g: Lines, v: Float[Array, " rows"], *, v_max: Scalar
) -> Float[Array, "groups lines"]:
    """Noise-free currents [A] of the sense lines; see `AbstractCrossbar.mean_currents`."""
    g, polarity = _grouped(g, encoding), _polarity(encoding, v)
    if len(g) == 1:
        return crossbar.mean_currents(g[0], v, polarity[0], v_max=v_max)[None]
    return jax.vmap(lambda g, polarity: crossbar.mean_currents(g, v, polarity, v_max=v_max))(g, polarity)


def sense_currents(
    crossbar: AbstractCrossbar,
    encoding: AbstractEncoding,
    g: Lines,
    g_std: Lines | None,
    v: Float[Array, " rows"],
    *,
    v_max: Scalar,
    key: PRNGKey,
) -> Float[Array, "groups lines"]:
    """Currents [A] of the sense lines in one read; see `AbstractCrossbar.currents`. The lines of a column are read one
    after the other, each with noise of its own."""
    polarity = _polarity(encoding, v)
    g, std = _grouped(g, encoding), None if g_std is None else _grouped(g_std, encoding)
    if std is not None and not _only_signs(encoding):
        std = std * jnp.abs(polarity)[..., None, None]  # what scales a current scales its noise
    if len(g) == 1:
        std = None if std is None else std[0]
        return crossbar.currents(g[0], std, v, polarity[0], v_max=v_max, key=key)[None]
    read: Any = lambda g, std, polarity, key: crossbar.currents(g, std, v, polarity, v_max=v_max, key=key)
    return jax.vmap(read)(g, std, polarity, _random.split(key, len(g)))


def convert(
    adc: AbstractAdc, encoding: AbstractEncoding, i: Float[Array, "groups lines"], *, key: PRNGKey
) -> Float[Array, "groups lines"]:
    """The currents [A] as converted, each sense line in its own range."""
    if len(i) == 1:
        return adc(i[0], key=key)[None]
    ranges = jnp.asarray(encoding.ranges, i.dtype)
    one: Any = lambda i, full_scale, key: full_scale * adc(i / full_scale, key=key)
    return jax.vmap(one)(i, ranges, _random.split(key, len(i)))


def _grouped(g: Lines, encoding: AbstractEncoding) -> Float[Array, "groups cells rows lines"]:
    return g.reshape(len(encoding.ranges), -1, *g.shape[1:])


def _polarity(encoding: AbstractEncoding, like: Float[Array, " rows"]) -> Float[Array, "groups cells"]:
    return jnp.asarray(encoding.polarity, like.dtype).reshape(len(encoding.ranges), -1)


def _only_signs(encoding: AbstractEncoding) -> bool:
    return isinstance(encoding.polarity, tuple) and bool(np.all(np.abs(encoding.polarity) == 1.0))
