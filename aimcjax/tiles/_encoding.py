"""How a signed weight is held by cells that can only conduct."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..devices import AbstractDevice


class AbstractEncoding(eqx.Module):
    """Weights to target conductances, and column currents back to weights times inputs.

    `polarity` has one entry for each cell of a weight: the factor with which its current enters its sense line, where
    currents are summed before conversion. `ranges` has one entry for each sense line of a column, converted on
    its own: its full scale as a multiple of that of the converter (an amplifier in front of it). The cells lie in the
    order of their sense lines, as many on each. An array may have more columns than the matrix (a reference column);
    these are its `lines`. `w_max` is the weight that is held by full cells, `None` if each column has its own.
    """

    name: ClassVar[str]
    polarity: eqx.AbstractVar[Any]
    ranges: eqx.AbstractVar[Any]
    w_max: eqx.AbstractVar[Any]

    @abc.abstractmethod
    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """Target conductances [S] of weights `w`, and the digital gain [weight / S] of every column, negative where
        there is nothing to read (`scaled`)."""

    @abc.abstractmethod
    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """Weights times volts from the converted currents `i` [A] of the sense lines, the sum `v_sum` [V] of the
        row voltages (known digitally) and the `gain` that `encode` returned."""


def decode_weights(
    encoding: AbstractEncoding, g: Float[Array, "pair rows lines"], gain: Float[Array, " cols"], device: AbstractDevice
) -> Float[Array, "rows cols"]:
    """The weights that conductances `g` [S] with this digital `gain` [weight / S] stand for: what an ideal tile answers
    to one row driven after another."""
    groups = len(encoding.ranges)
    polarity = jnp.asarray(encoding.polarity, g.dtype).reshape(groups, -1)
    i = jnp.einsum("gp,gprc->rgc", polarity, g.reshape(groups, -1, *g.shape[1:]), precision=lax.Precision.HIGHEST)
    one = jnp.ones((), g.dtype)
    return jax.vmap(lambda i: encoding.decode(i, one, gain, device))(i)


def full_weight(
    encoding: AbstractEncoding, gain: Float[Array, " cols"], device: AbstractDevice
) -> Float[Array, " cols"]:
    """The weight that full cells stand for in every column, whatever the encoding; 0 for a column of zeros."""
    huge = jnp.full((1, gain.shape[0]), 1e30, gain.dtype)  # full at any scale
    return decode_weights(encoding, encoding.encode(huge, device)[0], gain, device)[0]


def check_scale(w_max: Any) -> None:
    """Raises `ValueError` if a known `w_max` is not a positive number."""
    if w_max is None or isinstance(w_max, Tracer) or not eqx.is_array(w_max):
        return
    if not np.all((np.asarray(w_max) > 0) & np.isfinite(np.asarray(w_max))):
        raise ValueError(f"w_max is a weight above 0, or None for that of each column, got {w_max}")


def column_scale(w: Float[Array, "rows cols"], w_max: Scalar | None) -> tuple[Array, Float[Array, " cols"]]:
    """`w` as a fraction in [-1, 1] of the largest weight of each column (of `w_max`, if given), and that weight; for a
    column of zeros -1, which `scaled` understands."""
    largest = jnp.max(jnp.abs(w), axis=0)
    w_max = jnp.where(largest > 0, largest, -1.0) if w_max is None else jnp.broadcast_to(w_max, largest.shape)
    x = w / jnp.abs(w_max)[None]
    # Not `clip`, which halves the gradient of the weight that is exactly full.
    return jnp.where(x > 1.0, 1.0, jnp.where(x < -1.0, -1.0, x)), w_max


def scaled(gain: Float[Array, " cols"], i: Float[Array, " cols"]) -> Float[Array, " cols"]:
    """`|gain| i`; where the gain is negative the value is zero, but the gradient is not.

    A column of zeros is not read: its outputs are known, without the noise of cells. A layer that starts at zero learns
    all the same, with the gradient that the column has at the scale 1.
    """
    y = jnp.abs(gain) * i
    return y - lax.stop_gradient(jnp.where(gain < 0, y, 0.0))


class DifferentialPair(AbstractEncoding):
    r"""Two cells a weight: $g^\pm = g_{min} + (g_{max} - g_{min}) \max(\pm w / w_{max}, 0)$,
    $w = \mathrm{gain}\,(g^+ - g^-)$.

    **Arguments:** `w_max`, the weight that a full cell stands for: `None` takes the largest magnitude of each
    column, so every column uses the whole range and is scaled back digitally (column-wise scaling); a number is the
    same for all columns, and larger weights saturate.

    **Raises:** `ValueError` for a `w_max` that is not positive.

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020); column-wise scaling as in Rasch et al., Nat. Commun.
    14:5282 (2023).
    """

    name: ClassVar[str] = "differential_pair"
    polarity: ClassVar[tuple[float, ...]] = (1.0, -1.0)
    ranges: ClassVar[tuple[float, ...]] = (1.0,)
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)

    def __check_init__(self) -> None:
        check_scale(self.w_max)

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`; a column of zeros is not read."""
        x, w_max = column_scale(w, self.w_max)
        span = device.g_max - device.g_min
        g_target = device.g_min + span * jnp.stack([x, -x]).clip(0.0)
        return g_target, w_max / span

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """See `AbstractEncoding.decode`: the difference is on the line already."""
        del v_sum, device
        return scaled(gain, i[0])
