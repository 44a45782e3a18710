"""Phase-change memory: programming noise, drift, accumulated 1/f noise and read noise."""

import equinox as eqx
import jax.numpy as jnp

from .. import _random
from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import ns, s, uS
from ._base import AbstractCells, AbstractDevice, fraction_of_range
from ._laws import AbstractLaw, ClippedLog, Polynomial, Power, as_law


class PcmCells(AbstractCells):
    """PCM cells after one programming event, all of shape `*cell`.

    `g` conductance as programmed [S]; `nu` each cell's own drift exponent; `xi` its unit-normal variate of the
    accumulated 1/f noise, fixed for the life of the programmed state.
    """

    g: Conductance
    nu: Conductance
    xi: Conductance


class Pcm(AbstractDevice):
    r"""Statistical model of doped-GST phase-change memory.

    With $x_T = g_T / g_{max}$ the target as a fraction of the range and $\xi_i \sim \mathcal N(0, 1)$:

    $$g_p = \max(g_T + g_{max}\,\sigma_{prog}(x_T)\,\xi_1,\, 0), \qquad
      \nu = |\mu_\nu(x_T) + \sigma_\nu(x_T)\,\xi_2|$$
    $$g_d(t) = g_p \left(\frac{t + t_0}{t_0}\right)^{-\nu}, \qquad
      g(t) = \max\!\Big(g_d + g_d\, Q(x_p)\sqrt{\ln\tfrac{t + t_0 + t_{read}}{2 t_{read}}}\;\xi_3,\, 0\Big)$$
    and every read adds $g_{max}\,\sigma_{read}(g(t)/g_{max})$ of fresh noise. $\xi_3$ is drawn once at programming:
    1/f noise that has accumulated by time t does not vanish between two reads, so the same chip at the same t
    is the same. (AIHWKit draws it anew at every drift call.)

    **Arguments:** `g_max`, `g_min` [S]; `t_0` [s], the delay of the reference read after programming;
    `t_read` [s], the duration of one read; `programming` (sigma_prog), `nu_mean`, `nu_std`, `accumulated` (Q) and
    `read_noise` (sigma_read): laws of x, dimensionless; a number stands for a constant, a list for a polynomial.

    **Reference:** Joshi et al., Nat. Commun. 11:2473 (2020) and Nandakumar et al., ICECS (2019): fits to 1 M cells at
    25 uS, coefficients as published with AIHWKit (`inference/noise/pcm.py`). Read noise: the short-term noise
    of the standard crossbar of Rasch et al., Nat. Commun. 14:5282 (2023), $0.0175\sqrt{x}$. **Valid for** 0 to 25 uS,
    20 s to about a year at room temperature.
    """

    g_max: Scalar = physical(25 * uS, unit="S", doc="Joshi 2020", above=0.0)
    g_min: Scalar = physical(0.0, unit="S", doc="Joshi 2020: full RESET, taken as zero")
    t_0: Scalar = physical(20 * s, unit="s", doc="Joshi 2020, first read after programming", above=0.0)
    t_read: Scalar = physical(250 * ns, unit="s", doc="Joshi 2020", above=0.0)
    programming: AbstractLaw = eqx.field(
        default_factory=lambda: Polynomial([0.26348 / 25, 1.9650 / 25, -1.1731 / 25]), converter=as_law
    )
    nu_mean: AbstractLaw = eqx.field(
        default_factory=lambda: ClippedLog(slope=-0.0155, offset=0.0244, low=0.049, high=0.1), converter=as_law
    )
    nu_std: AbstractLaw = eqx.field(
        default_factory=lambda: ClippedLog(slope=-0.0125, offset=-0.0059, low=0.008, high=0.045), converter=as_law
    )
    accumulated: AbstractLaw = eqx.field(
        default_factory=lambda: Power(coefficient=0.0088, exponent=-0.65, high=0.2), converter=as_law
    )
    read_noise: AbstractLaw = eqx.field(
        default_factory=lambda: Power(coefficient=0.0175, exponent=0.5), converter=as_law
    )

    def program(self, g_target: Conductance, *, key: PRNGKey) -> PcmCells:
        """Programs cells to `g_target` [S] once; see the class for the law."""
        key_programming, key_nu, key_accumulated = _random.split(key, 3)
        x = fraction_of_range(g_target, self.g_max)
        shape, dtype = g_target.shape, g_target.dtype
        noise = self.g_max * self.programming(x) * _random.normal(key_programming, shape, dtype)
        nu = self.nu_mean(x) + self.nu_std(x) * _random.normal(key_nu, shape, dtype)
        return PcmCells(
            g=(g_target + noise).clip(0.0),
            nu=jnp.abs(nu),
            xi=_random.normal(key_accumulated, shape, dtype),
        )

    def drift(self, cells: PcmCells, t: Time) -> Conductance:
        """The conductance [S] at `t` [s] after programming: power-law drift and accumulated 1/f noise."""
        elapsed = t + self.t_0
        # A power of one number is a scaled exponential, at a fifth of the cost
        g = cells.g * jnp.exp(-jnp.log(elapsed / self.t_0) * cells.nu)
        spread = self.accumulated(fraction_of_range(cells.g, self.g_max)) * self._accumulation(elapsed)
        return (g + g * spread * cells.xi).clip(0.0)

    def read_std(self, cells: PcmCells, t: Time) -> Conductance:
        """Standard deviation [S] of one read at `t` [s]."""
        return self.g_max * self.read_noise(fraction_of_range(self.drift(cells, t), self.g_max))

    def _accumulation(self, elapsed: Scalar) -> Scalar:
        return jnp.sqrt(jnp.log((elapsed + self.t_read) / (2 * self.t_read)))
