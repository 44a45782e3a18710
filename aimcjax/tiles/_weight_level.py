"""The tile as training sees it: noise and quantisation on normalised weights, at the cost of a plain product."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Time
from ..devices import AbstractLaw, Polynomial, as_law
from ..periphery import AbstractAdc, AbstractDac, UniformAdc, UniformDac
from ._base import AbstractTileDesign, check_weights
from ._encoding import column_scale, scaled


class WeightState(eqx.Module):
    """Noisy weights `w` as a fraction of the largest of each column, and that largest, `gain` (-1 for a
    column of zeros, which is not read; see `scaled`)."""

    w: Float[Array, "rows cols"]
    gain: Float[Array, " cols"]


class WeightLevelTile(AbstractTileDesign):
    r"""Hardware-aware training's view of a tile: no cells and no time, the same verbs.

    $$\tilde w = \frac{w}{w_{max}} + \sigma_w(|w|/w_{max})\,\xi, \qquad
      y = w_{max}\,\mathrm{adc}\Big(\sum_r \mathrm{dac}(x_r)\,\tilde w_r\Big)$$
    with $w_{max}$ the largest magnitude of the column. The weights are drawn when programmed: once a training step.

    **Arguments:** `noise` ($\sigma_w$), a law of $|w|/w_{max}$, dimensionless; `dac` with `v_max` 1 and `adc` with
    full scale and noise in units of one full weight at full input; `rows`, `cols`, the largest matrix it holds.

    **Gradient:** through the noise shape and the column maximum exactly; through the converters as `quantize`
    documents.

    **Reference:** noise injection of Joshi et al., Nat. Commun. 11:2473 (2020) and Rasch et al., Nat. Commun. 14:5282
    (2023); default noise: the programming error of Joshi's PCM, as a fraction of g_max.
    """

    noise: AbstractLaw = eqx.field(
        default_factory=lambda: Polynomial([0.26348 / 25, 1.9650 / 25, -1.1731 / 25]), converter=as_law
    )
    dac: AbstractDac = eqx.field(default_factory=lambda: UniformDac(v_max=1.0))
    adc: AbstractAdc = eqx.field(default_factory=lambda: UniformAdc(i_max=10.0, noise=0.04))
    rows: int = eqx.field(static=True, default=256)
    cols: int = eqx.field(static=True, default=256)

    def __check_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise ValueError(f"a tile has at least one row and one column, got rows={self.rows}, cols={self.cols}")

    def program(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> WeightState:
        """Draws the noisy weights; see the class."""
        check_weights(w, self.rows, self.cols)
        x, gain = column_scale(w, None)
        return WeightState(w=x + self.noise(jnp.abs(x)) * _random.normal(key, w.shape, w.dtype), gain=gain)

    def at(self, state: WeightState, t: Time) -> WeightState:
        """Nothing ages at this fidelity."""
        del t
        return state

    def read(self, snapshot: WeightState, x: Float[Array, " rows"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """One quantised, noisy product for `x` in [-1, 1]."""
        with jax.named_scope("aimc.weight_level"):
            y = self.adc(jnp.matmul(self.dac(x), snapshot.w, precision=lax.Precision.HIGHEST), key=key)
            return scaled(snapshot.gain, y) / self.dac.v_max

    def expected(self, snapshot: WeightState, x: Float[Array, " rows"]) -> Float[Array, " cols"]:
        """See `AbstractTileDesign.expected`: the product with the noisy weights."""
        return scaled(snapshot.gain, jnp.matmul(x, snapshot.w, precision=lax.Precision.HIGHEST))

    def gain(self, snapshot: WeightState) -> Float[Array, " cols"]:
        """The largest weight of every column."""
        return jnp.maximum(snapshot.gain, 0.0)
