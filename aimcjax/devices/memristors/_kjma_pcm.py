"""Phase-change cell that crystallises and melts by its own heat."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import V, mS, uS
from ._base import AbstractMemristor, State
from ._numerics import BOLTZMANN, limited_exp, sinh_over
from ._presets import look_up


class KjmaPcm(AbstractMemristor):
    r"""Crystalline fraction X and temperature T of a phase-change cell; the state is `[X [1], T [K]]`.

    Kolmogorov-Johnson-Mehl-Avrami growth written as a rate, with $Y = -\ln(1 - X)$ the extended volume, and melting:
    $$\dot X = n\, k(T)\, (1 - X)\, (Y + Y_0)^{1 - 1/n} - k_m\, s(T)\, X, \qquad s = 1/(1 + e^{(T_m - T)/w_m})$$
    $$k(T) = (1 - s(T)) \Big/ \Big(\frac{e^{q E_a/kT}}{\nu} + \frac{1}{k_{max}}\Big)$$
    $$C_{th} \dot T = v^2 G - (T - T_0)/R_{th}, \qquad G = G_a(v)^{1 - X}\, G_c^X, \qquad
      \frac{1}{G_a(v)} = \frac{1}{g_a \sinh(v/v_a)/(v/v_a)} + \frac{1}{G_c}.$$
    At constant temperature below melting this is $X = 1 - \exp(Y_0 - (k t + Y_0^{1/n})^n)$, which is the KJMA law
    $1 - e^{-(k t)^n}$ as the nuclei $Y_0$ vanish; without nuclei X = 0 would never leave it. Molten matter counts as
    amorphous: it freezes so when it cools faster than it crystallises, hence $k_{max}$, the fastest growth.

    **Arguments:** `avrami` n [1]; `nu` [1/s]; `e_a` [V]; `k_max` [1/s]; `nuclei` Y_0 [1]; `t_melt`, `melt_width`,
    `ambient` T_0, `t_limit` (upper bound of T) [K]; `k_melt` [1/s]; `g_a`, `g_c` [S]; `v_a` [V]; `r_th` [K/W];
    `c_th` [J/K]; `x_start` [1].

    **Reference:** Johnson and Mehl, Trans. AIME 135:416 (1939); Avrami, J. Chem. Phys. 7:1103 (1939). The sinh law of
    the amorphous phase is that of Ielmini and Zhang, J. Appl. Phys. 102:054517 (2007), which stands here for threshold
    switching. Assumed: that melting is a rate, the logarithmic mix, and every number (2.3 eV is the low end of what
    is told of GST).
    """

    avrami: Scalar = physical(3.0, doc="assumed")
    nu: Scalar = physical(1.4e24, unit="Hz", doc="assumed: 25 ns at 700 K")
    e_a: Scalar = physical(2.3 * V, unit="V", doc="assumed, GST")
    k_max: Scalar = physical(5e7, unit="Hz", doc="assumed")
    nuclei: Scalar = physical(1e-6, doc="assumed")
    t_melt: Scalar = physical(880.0, unit="K", doc="assumed, GST")
    melt_width: Scalar = physical(5.0, unit="K", doc="assumed")
    k_melt: Scalar = physical(1e9, unit="Hz", doc="assumed")
    g_a: Scalar = physical(1 * uS, unit="S", doc="assumed")
    g_c: Scalar = physical(0.1 * mS, unit="S", doc="assumed")
    v_a: Scalar = physical(0.1 * V, unit="V", doc="assumed")
    r_th: Scalar = physical(4e6, unit="K/W", doc="assumed")
    c_th: Scalar = physical(5e-16, unit="J/K", doc="assumed: 2 ns with r_th")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    t_limit: Scalar = physical(3000.0, unit="K", doc="assumed")
    x_start: Scalar = physical(1.0, doc="assumed: crystalline")

    stiff: ClassVar[bool] = True

    @classmethod
    def preset(cls, name: str) -> "KjmaPcm":
        """`"default"`. **Raises:** `ValueError` for other names."""
        return cls(**look_up({"default": {}}, name, cls))

    def initial(self) -> State:
        """`[X [1], T [K]]` at the start, at ambient temperature."""
        return jnp.stack([self.x_start, self.ambient])

    def bounds(self) -> tuple[State, State]:
        """The fractions and temperatures [K], lowest and highest; ambient lies within, not at a bound."""
        zero = jnp.zeros_like(self.ambient)
        return jnp.stack([zero, 0.5 * self.ambient]), jnp.stack([zero + 1, self.t_limit])

    def crystallisation_rate(self, temperature: Scalar) -> Scalar:
        """k(T) [1/s] at `temperature` [K], zero above melting."""
        solid = jax.nn.sigmoid((self.t_melt - temperature) / self.melt_width)
        # In one exponent: apart, the Arrhenius factor overflows float32 at room temperature.
        waiting = limited_exp(self.e_a / (BOLTZMANN * temperature) - jnp.log(self.nu))
        return solid / (waiting + 1 / self.k_max)

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        """`[1/s, K/s]` at `v` [V] and `temperature` [K]."""
        fraction = x[0].clip(0.0, 1.0)
        amorphous = jnp.maximum(1 - fraction, jnp.finfo(x.dtype).eps)  # the logarithm is finite, its factor zero
        volume = self.nuclei - jnp.log(amorphous)
        grown = self.avrami * self.crystallisation_rate(temperature) * (1 - x[0]) * volume ** (1 - 1 / self.avrami)
        molten = self.k_melt * jax.nn.sigmoid((temperature - self.t_melt) / self.melt_width)
        heating = v * self.current(x, v, temperature) - (temperature - self.ambient) / self.r_th
        return jnp.stack([grown - molten * x[0], heating / self.c_th])

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        """Current [A] through the mix of both phases."""
        del temperature
        g_amorphous = 1 / (1 / (self.g_a * sinh_over(v / self.v_a)) + 1 / self.g_c)
        return g_amorphous ** (1 - x[0]) * self.g_c ** x[0] * v

    def temperature(self, x: State, v: Scalar) -> Scalar:
        """The second state [K]."""
        del v
        return x[1]

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> State | None:
        """None: both laws are of many grains."""
        del x, v, temperature
