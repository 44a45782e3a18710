"""The tile as training sees it: noise and quantisation on weights, at the cost of a plain product."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Scalar, Time, physical
from ..devices import AbstractDevice, AbstractLaw, Constant, Pcm, as_law
from ..periphery import AbstractAdc, AbstractDac, UniformAdc, UniformDac, full_scale, replace_gradient
from ._base import AbstractTileDesign, check_weights
from ._together import ages, digital_scale, read_together


# Ranges of ADCs below are of currents (50 uA), not in units of a full weight; assumed.
SMALLEST_RANGE = 1e-3


class WeightState(eqx.Module):
    """Noisy weights `w` and the weight `w_max` that is full scale in each column, in units of the weights; `cells`, if
    the weights age."""

    w: Float[Array, "rows cols"]
    w_max: Float[Array, " cols"]
    cells: Any = None


class WeightLevelTile(AbstractTileDesign):
    r"""Hardware-aware training's view of a tile: weights instead of conductances, the same verbs.

    $$\tilde w_{rc} = q(w_{rc}) + m_c\,\sigma_w\big(|q(w_{rc})|/m_c\big)\,\xi_{rc}, \qquad
      y_c = m_c\,\mathrm{adc}\Big(\frac1{m_c}\sum_r \mathrm{dac}(x_r)\,\tilde w_{rc} + \sigma_{out}\,\xi_c\Big)$$
    with $m_c$ the largest magnitude of the column. The weights are drawn when programmed: once a training step. Of T
    tiles that share the inputs of a matrix each has $\sigma_{out}/\sqrt T$.

    **Arguments:** `noise` ($\sigma_w$), a law of $|w|/m$, a number for Gaussian noise; `None` is the programming error
    of Joshi's PCM, unless there is a `device`; `device`, of which every weight is a single cell that is programmed and
    drifts (`None`: nothing ages); `noise_scale`, multiplies all deviations of weights and outputs (for schedules);
    `drop`, the probability that a weight is missing (drop-connect), `None` for none; `weight_bits`, resolution of the
    weights, `None` for no steps, with `stochastic` rounding if asked; `per`, whether m is that of the `"column"`, of
    the `"tile"`, or `"one"` (the weights come scaled); `output_noise` ($\sigma_{out}$), in units of a full weight at
    full input; `dac` and `adc` in the same units, `adc=None` for outputs without steps and limits, which makes one
    plain product of all the tiles of a column; `rows`, `cols`, the largest matrix it holds.

    **Gradient:** that of the exact weights and of no noise: $\partial y_c/\partial w_{rc} = \mathrm{dac}(x_r)$, also
    through quantisation, none through m; through the converters as `quantize` documents. With `through_noise` also what
    weights do to the noise, which teaches a network to have no large ones, at the price of some time.

    **Reference:** noise injection of Joshi et al., Nat. Commun. 11:2473 (2020) and Rasch et al., Nat. Commun. 14:5282
    (2023); granularity, gradients and the share of the output noise as in AIHWKit-Lightning (Büchel et al., 2024),
    where bound management and column scales of AIHWKit have no place.
    """

    noise: AbstractLaw | None = eqx.field(default=None, converter=lambda law: None if law is None else as_law(law))
    device: AbstractDevice | None = None
    dac: AbstractDac = eqx.field(default_factory=lambda: UniformDac(v_max=1.0))
    adc: AbstractAdc | None = eqx.field(default_factory=lambda: UniformAdc(i_max=10.0, noise=0.0))
    output_noise: Scalar = physical(0.04, doc="Rasch 2023")
    noise_scale: Scalar = physical(1.0, doc="the noise as it is")
    drop: Scalar | None = physical(None, doc="none", at_most=1.0)
    weight_bits: Scalar | None = physical(None, doc="none", above=1.0, at_most=32.0)
    stochastic: bool = eqx.field(static=True, default=False)
    through_noise: bool = eqx.field(static=True, default=False)
    per: str = eqx.field(static=True, default="column")
    rows: int = eqx.field(static=True, default=256)
    cols: int = eqx.field(static=True, default=256)

    def __check_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise ValueError(f"a tile has at least one row and one column, got rows={self.rows}, cols={self.cols}")
        if self.per not in ("column", "tile", "one"):
            raise ValueError(f"`per` is 'column', 'tile' or 'one', got {self.per!r}")
        i_max = full_scale(self.adc)
        if isinstance(i_max, jax.Array) and not isinstance(i_max, Tracer) and i_max.max() < SMALLEST_RANGE:
            raise ValueError(
                "the `adc` of a tile at weight level has its i_max in units of a full weight at full input "
                f"(10, or 10 A in a config), got {float(i_max.max()):g}, which is amperes"
            )

    def program(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> WeightState:
        """Draws the noisy weights; see the class."""
        check_weights(w, self.rows, self.cols)
        key_round, key_noise, key_device, key_drop = _random.split(key, 4)
        exact, w_max = self._held(w), self._held(self._full_scale(w))
        unit = jnp.where(w_max > 0, w_max, 1.0)
        x = self._quantized(exact / unit[None], key_round)
        noisy, cells = self._programmed(x, key_device)
        noisy += self.noise_scale * self._law(jnp.abs(x)) * _random.normal(key_noise, w.shape, w.dtype)
        if self.drop is not None:
            noisy = jnp.where(jr.bernoulli(key_drop, self.drop, w.shape), 0.0, noisy)
        noisy = noisy * w_max[None]
        return WeightState(w=noisy if self.through_noise else replace_gradient(noisy, w), w_max=w_max, cells=cells)

    def at(self, state: WeightState, t: Time) -> WeightState:
        """The weights `t` seconds after programming: as they were, unless there is a device."""
        if self.device is None:
            return state
        device = self.device
        old, new = (device.drift(state.cells, jnp.asarray(when, float)) - device.g_min for when in (0.0, t))
        ratio = jnp.where(old > 0, new / jnp.where(old > 0, old, 1.0), 1.0)
        return WeightState(state.w * self._held(ratio), state.w_max, state.cells)

    def read(self, snapshot: WeightState, x: Float[Array, " rows"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """One quantised, noisy product for `x` in [-1, 1]."""
        one = jnp.ones((1, 1), x.dtype)
        return self.read_together(jax.tree.map(lambda leaf: leaf[None], snapshot), x[None], one, one[0], key=key)

    def read_together(
        self,
        snapshots: WeightState,
        x: Float[Array, "tiles rows"],
        factor: Float[Array, "tiles #cols"],
        unit: Float[Array, " tiles"],
        *,
        key: PRNGKey,
        dtype: Any = None,
    ) -> Float[Array, " cols"]:
        """The tiles of a column of the grid, read and added: those without an ADC are one product.

        **Arguments:** `snapshots` with a leading axis; `x`, in [-1, 1]; the digital `factor` of every tile and column;
        `unit`, what an input of one stands for; `dtype` of the product, default that of `x`: its sum is single
        precision at least, as are steps and noise.
        """
        n_tiles, n_cols = snapshots.w_max.shape
        dtype = x.dtype if dtype is None else dtype
        with jax.named_scope("aimc.weight_level"):
            v = jax.vmap(self.dac)(x) / self.dac.v_max
            std = self.output_noise * self.noise_scale / n_tiles**0.5
            if self.adc is None:
                w = (snapshots.w * factor[:, None, :]).reshape(-1, n_cols)
                y = _product((v * unit[:, None]).reshape(-1), w, dtype)
                total = jnp.sqrt(jnp.sum((unit[:, None] * factor * snapshots.w_max) ** 2, axis=0))
                return y + self._held(std * total) * _random.normal(key, y.shape, y.dtype)
            full = jnp.where(snapshots.w_max > 0, snapshots.w_max, 1.0)
            y = jax.vmap(lambda v, w: _product(v, w, dtype))(v, snapshots.w) / full
            keys = _random.split(key, n_tiles + 1)
            y += jnp.where(snapshots.w_max > 0, std * _random.normal(keys[0], y.shape, y.dtype), 0.0)
            adc = self.adc
            codes = jax.vmap(lambda y, key: adc(y, key=key))(y, keys[1:])
            return jnp.sum(codes * (full * factor * unit[:, None]), axis=0)

    def expected(self, snapshot: WeightState, x: Float[Array, " rows"]) -> Float[Array, " cols"]:
        """See `AbstractTileDesign.expected`: the product with the noisy weights."""
        return jnp.matmul(x, snapshot.w, precision=lax.Precision.HIGHEST)

    def gain(self, snapshot: WeightState) -> Float[Array, " cols"]:
        """The weight that is full scale in every column."""
        return snapshot.w_max

    def _held(self, value: Array) -> Array:
        return value if self.through_noise else lax.stop_gradient(value)

    def _full_scale(self, w: Float[Array, "rows cols"]) -> Float[Array, " cols"]:
        if self.per == "one":
            return jnp.ones(w.shape[1], w.dtype)
        largest = jnp.max(jnp.abs(w), axis=0)
        return largest if self.per == "column" else jnp.broadcast_to(jnp.max(largest), largest.shape)

    def _law(self, x: Float[Array, "rows cols"]) -> Float[Array, "rows cols"]:
        if self.noise is not None:
            return self.noise(x)
        default = Pcm().programming if self.device is None else Constant(0.0)
        return default(x)

    def _quantized(self, x: Float[Array, "rows cols"], key: PRNGKey) -> Float[Array, "rows cols"]:
        if self.weight_bits is None:
            return x
        levels = (2.0**self.weight_bits - 2.0) / 2.0
        z = x.clip(-1.0, 1.0) * levels
        code = jnp.floor(z + jr.uniform(key, z.shape, z.dtype)) if self.stochastic else jnp.round(z)
        return replace_gradient(code.clip(-levels, levels) / levels, x)

    def _programmed(self, x: Float[Array, "rows cols"], key: PRNGKey) -> tuple[Float[Array, "rows cols"], Any]:
        """What single cells of the device hold of weights in [-1, 1], deviations scaled, and those cells."""
        if self.device is None:
            return x, None
        span = self.device.g_max - self.device.g_min
        cells = self.device.program(self.device.g_min + span * jnp.abs(x).clip(0.0, 1.0), key=key)
        held = jnp.sign(x) * (self.device.drift(cells, 0.0) - self.device.g_min) / span
        return x + self.noise_scale * (held - x), cells


def _product(v: Float[Array, " n"], w: Float[Array, "n cols"], dtype: Any) -> Float[Array, " cols"]:
    low, low_w = v.astype(dtype), w.astype(dtype)
    y = jnp.matmul(low, low_w, preferred_element_type=w.dtype)
    if y.dtype == low.dtype:
        return y
    # Else the gradient of sums in single precision would be: two of three products of a step in that precision.
    return replace_gradient(y, jnp.matmul(low, low_w).astype(y.dtype))


@read_together.register
def _(design: WeightLevelTile, *parts: Any, **options: Any) -> Array:
    return design.read_together(*parts, **options)


@ages.register
def _(design: WeightLevelTile) -> bool:
    return design.device is not None


@digital_scale.register
def _(design: WeightLevelTile, w: Float[Array, "n_in n_out"]) -> Float[Array, " n_out"]:
    """Nothing, unless the weights are to come scaled: the tile knows its own full scale."""
    return jnp.ones(w.shape[1], w.dtype) if design.per != "one" else digital_scale.dispatch(object)(design, w)
