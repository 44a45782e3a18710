"""Weights cut into digits, and weights held more than once."""

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
from ..periphery import round_straight_through
from ._encoding import AbstractEncoding, DifferentialPair, check_scale, column_scale, scaled
from ._encoding_pairs import check_significance


class BitSliced(AbstractEncoding):
    r"""The digits of an integer weight, each held by cells of its own as `encoding` holds weights in [-1, 1].

    With $W = \mathrm{round}\big((2^{b-1} - 1)\,w / w_{max}\big)$ and its $b - 1$ bits of magnitude dealt to S slices,
    $\beta_s$ to slice s from bit $o_s$ on (as many to each as possible, one less to the upper ones if they do not
    divide), $W = \mathrm{sign}(W) \sum_s 2^{o_s} d_s$, slice s holds $\mathrm{sign}(W)\,d_s / (2^{\beta_s} - 1)$, and

    $$y = \frac{w_{max}}{2^{b-1} - 1} \sum_s 2^{o_s} (2^{\beta_s} - 1)\, y_s$$
    Slices are converted each on their own and added digitally, or are added as currents before one conversion
    (`on_line`, factors of the line relative to the top slice).

    **Arguments:** `encoding` of one digit, such as `DifferentialPair(w_max=1.0)`, with one sense line; `bits` b, sign
    included; `slices` S; `on_line`; `full_scale`, one a slice: its converter range as a multiple of that of the tile
    (`None`: all the same); `w_max` as in `DifferentialPair`.

    **Gradient:** straight through the rounding, all of it through the slice of highest significance.

    **Raises:** `ValueError` if there are more slices than bits, or `encoding` does not hold a digit as it is.

    **Reference:** the slices of CrossSim (Xiao et al., Sandia) and ISAAC (Shafiee et al., ISCA 2016), here with signed
    digits whatever holds them: any width may be cut into any number of slices.
    """

    name: ClassVar[str] = "bit_sliced"
    encoding: AbstractEncoding = eqx.field(default_factory=lambda: DifferentialPair(w_max=1.0))
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)
    full_scale: Float[Array, " slices"] | None = eqx.field(
        default=None, converter=lambda f: None if f is None else jnp.asarray(f, dtype=float)
    )
    bits: int = eqx.field(static=True, default=8)
    slices: int = eqx.field(static=True, default=4)
    on_line: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        if not isinstance(self.bits, int) or not isinstance(self.slices, int):
            raise ValueError(f"bits and slices are whole numbers, got bits={self.bits!r}, slices={self.slices!r}")
        if not 1 <= self.slices <= self.bits - 1 or self.bits > 24:
            raise ValueError(
                f"bits - 1 bits of magnitude (of at most 23, exact in float32) are cut into 1 to bits - 1 slices, got "
                f"bits={self.bits}, slices={self.slices}"
            )
        _check_digit(self.encoding)
        check_scale(self.w_max)
        if self.full_scale is None:
            return
        if self.on_line or self.full_scale.shape != (self.slices,):
            raise ValueError(f"full_scale has one entry a slice of its own, got {self.full_scale.shape}")
        check_significance(self.full_scale, "full_scale")

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of the digit of every slice, the lowest first."""
        each, more = divmod(self.bits - 1, self.slices)
        return tuple(each + (s < more) for s in range(self.slices))

    @property
    def polarity(self) -> Any:
        """That of the encoding for every slice, times its significance if slices are added on the line."""
        own = jnp.asarray(self.encoding.polarity, dtype=float)
        significance = self._significance / self._significance[-1] if self.on_line else jnp.ones(self.slices)
        return (significance[:, None] * own[None]).reshape(-1)

    @property
    def ranges(self) -> Any:
        """One full scale for each converted slice."""
        if self.full_scale is not None:
            return self.full_scale
        return (1.0,) if self.on_line else (1.0,) * self.slices

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`; `gain` is in [weight / unit of the lowest digit], the encoding of a digit has
        its own."""
        x, w_max = column_scale(w, self.w_max)
        largest = 2.0 ** (self.bits - 1) - 1.0
        digits = self._digits(round_straight_through(x * largest))
        g_target = jax.vmap(lambda digit: self.encoding.encode(digit, device)[0])(digits)
        return g_target.reshape(-1, *g_target.shape[2:]), w_max / largest

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """See the class."""
        _, inner = self.encoding.encode(jnp.ones((1, 1), i.dtype), device)  # of one scale, so of one gain
        inner = jnp.broadcast_to(inner, gain.shape)
        significance = self._significance.astype(i.dtype)
        if self.on_line:  # what the encoding subtracts was scaled on the line as well
            total = jnp.sum(significance) / significance[-1]
            return scaled(gain, significance[-1] * self.encoding.decode(i, v_sum * total, inner, device))
        digits = jax.vmap(lambda i: self.encoding.decode(i[None], v_sum, inner, device))(i)
        return scaled(gain, jnp.sum(significance[:, None] * digits, axis=0))

    @property
    def _places(self) -> np.ndarray:
        return 2.0 ** np.concatenate([[0], np.cumsum(self.widths)[:-1]])

    @property
    def _full(self) -> np.ndarray:
        return 2.0 ** np.asarray(self.widths) - 1.0

    @property
    def _significance(self) -> Float[Array, " slices"]:
        return jnp.asarray(self._places * self._full, dtype=float)

    def _digits(self, integer: Float[Array, "rows cols"]) -> Float[Array, "slices rows cols"]:
        value = lax.stop_gradient(integer)
        places, full = (jnp.asarray(a, value.dtype)[:, None, None] for a in (self._places, self._full))
        magnitude = jnp.floor(jnp.abs(value)[None] / places)
        digits = jnp.sign(value)[None] * (magnitude - (full + 1.0) * jnp.floor(magnitude / (full + 1.0)))
        slope = (integer - value) / float(self._places[-1])  # zero, with a derivative
        return digits.at[-1].add(slope) / full


def _check_digit(encoding: AbstractEncoding) -> None:
    """Raises `ValueError` if what an encoding holds is not what it was given, for digits from -1 to 1."""
    w_max = encoding.w_max
    known = eqx.is_array(w_max) and not isinstance(w_max, Tracer)
    if len(encoding.ranges) != 1 or w_max is None or (known and not np.all(np.asarray(w_max) == 1.0)):
        raise ValueError(
            f"the encoding of a slice has one sense line and the scale of a digit: give it w_max=1.0, got "
            f"{encoding.name} with {len(encoding.ranges)} lines and w_max={w_max}"
        )


class Replicated(AbstractEncoding):
    """`encoding` held by several sets of cells at once, whose currents are averaged on the line: independent errors of
    the cells shrink by the square root of the number of copies.

    **Arguments:** `encoding`; `copies`.

    **Reference:** the replicas of Joshi et al., Nat. Commun. 11:2473 (2020), devices in parallel; the division by the
    number of copies is in the mirror of the line (assumed), so the range of the converter is that of one.
    """

    name: ClassVar[str] = "replicated"
    encoding: AbstractEncoding = eqx.field(default_factory=DifferentialPair)
    copies: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        if not isinstance(self.copies, int) or self.copies < 1:
            raise ValueError(f"weights are held at least once, got copies={self.copies}")

    @property
    def w_max(self) -> Any:
        """That of the encoding."""
        return self.encoding.w_max

    @property
    def polarity(self) -> Any:
        """That of the encoding, once a copy, divided by the number of copies."""
        own = jnp.asarray(self.encoding.polarity, dtype=float).reshape(len(self.encoding.ranges), -1)
        return jnp.tile(own / self.copies, (1, self.copies)).reshape(-1)

    @property
    def ranges(self) -> Any:
        """Those of the encoding."""
        return self.encoding.ranges

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`."""
        g, gain = self.encoding.encode(w, device)
        grouped = g.reshape(len(self.encoding.ranges), -1, *g.shape[1:])
        return jnp.tile(grouped, (1, self.copies, 1, 1)).reshape(-1, *g.shape[1:]), gain

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """As the encoding: the average of currents is a current like each of them."""
        return self.encoding.decode(i, v_sum, gain, device)
