"""Stanford-PKU resistive memory: a tunnelling gap that opens and closes, heated by its own current."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import V, mA, nm
from ._base import AbstractMemristor, State
from ._numerics import BOLTZMANN_STANFORD, limited_sinh, slowed
from ._presets import look_up
from ._smooth import step


_NOISY = {"default": False, "noisy": True}


class GapNoise(eqx.Module):
    r"""Random motion of the gap, stronger when hot:
    $\sigma(T) = \delta_g \sqrt{\tau}\, /\, (1 + e^{(T_{crit} - T)/T_{smth}})$.

    The source adds $\delta_g\,\xi$ to the velocity of the gap, a new $\xi \sim \mathcal N(0, 1)$ at every time
    step $\tau$ of the circuit simulator, so its noise depends on the step: after a time t the variance is
    $\delta_g^2\,\tau\,t$. That is the variance of Brownian motion with the amplitude above, whatever the step of
    the solver; the `step` for which $\delta_g$ was chosen has to be said, and the source does not say it.

    **Arguments:** `amplitude` $\delta_g$ [m/s]; `step` $\tau$ [s]; `t_crit`, `t_smooth` [K].

    **Reference:** `rram_v_1_0_0.va`, nanoHUB 10.4231/D37H1DN48; there it is off unless switched on.
    """

    amplitude: Scalar = physical(0.02, unit="m/s", doc="rram_v_1_0_0.va")
    step: Scalar = physical(1e-9, unit="s", doc="assumed: with 0.1 ms the noise would exceed the cell at once")
    t_crit: Scalar = physical(450.0, unit="K", doc="rram_v_1_0_0.va")
    t_smooth: Scalar = physical(500.0, unit="K", doc="rram_v_1_0_0.va")

    def __call__(self, temperature: Scalar) -> Scalar:
        """Noise amplitude of the gap [m per root second] at `temperature` [K]."""
        hot = jax.nn.sigmoid((temperature - self.t_crit) / self.t_smooth)
        return self.amplitude * jnp.sqrt(self.step) * hot


class StanfordPku(AbstractMemristor):
    r"""Gap of a filament, the state `g` [m], with current and velocity

    $$i = I_0 e^{-g/g_0} \sinh(v/V_0), \qquad T = T_0 + v\, i\, R_{th}$$
    $$\dot g = -v_0\, e^{-q E_a/kT} \sinh\!\Big(\frac{\gamma a_0}{t_{ox}}\frac{q v}{k T}\Big)\, s(\gamma |v| / t_{ox}),
      \qquad \gamma = \gamma_0 - \beta (g / 1\,\mathrm{nm})^3.$$
    Positive voltages close the gap (SET). The source sets $\gamma$ to zero below the field $F_{min}$; here $s$ is a
    smooth step at $F_{min}$ of `f_width`, the hard step of the source where `f_width` is zero.
    The source stops the gap at its bounds at once; here it slows down within `gap_width` of the bound it moves to
    (zero is allowed). The temperature is quasi-static: it follows the power at once.

    **Arguments:** `g_0`, `gap_min`, `gap_max`, `gap_width`, `gap_start`, `a_0`, `t_ox` [m]; `v_0` (in the current),
    `e_a` [V]; `velocity_0` [m/s]; `i_0` [A]; `gamma_0`, `beta` [1]; `f_min`, `f_width` [V/m]; `ambient` T_0 [K];
    `r_th` [K/W]; `boltzmann` k/q [V/K]; `noise`, a `GapNoise` or `None`.

    **Reference:** Jiang et al., IEEE TED 63:1884 (2016); `rram_v_1_0_0.va`, nanoHUB 10.4231/D37H1DN48. MemTorch
    (GPL-3, not used) takes T and g of the previous step. **Valid for** gaps of 0.2 to 1.7 nm; 541.82 Ohm to
    218,586 Ohm at 0.1 V. The later v2.0 beta has a second state (the width of the filament) and different
    barriers for SET and RESET, so it is not a preset of this class.
    """

    g_0: Scalar = physical(0.25 * nm, unit="m", doc="rram_v_1_0_0.va")
    v_0: Scalar = physical(0.25 * V, unit="V", doc="rram_v_1_0_0.va")
    velocity_0: Scalar = physical(10.0, unit="m/s", doc="rram_v_1_0_0.va")
    i_0: Scalar = physical(1 * mA, unit="A", doc="rram_v_1_0_0.va")
    beta: Scalar = physical(0.8, doc="rram_v_1_0_0.va")
    gamma_0: Scalar = physical(16.0, doc="rram_v_1_0_0.va")
    e_a: Scalar = physical(0.6 * V, unit="V", doc="rram_v_1_0_0.va")
    a_0: Scalar = physical(0.25 * nm, unit="m", doc="rram_v_1_0_0.va")
    t_ox: Scalar = physical(12 * nm, unit="m", doc="rram_v_1_0_0.va")
    f_min: Scalar = physical(1.4e9, unit="V/m", doc="rram_v_1_0_0.va")
    f_width: Scalar = physical(1.4e7, unit="V/m", doc="assumed: one per cent of f_min, a hard step in the source")
    gap_min: Scalar = physical(0.2 * nm, unit="m", doc="rram_v_1_0_0.va")
    gap_max: Scalar = physical(1.7 * nm, unit="m", doc="rram_v_1_0_0.va")
    gap_width: Scalar = physical(0.01 * nm, unit="m", doc="assumed: a hard stop in the source")
    gap_start: Scalar = physical(1.7 * nm, unit="m", doc="assumed: starts open")
    ambient: Scalar = physical(298.0, unit="K", doc="rram_v_1_0_0.va")
    r_th: Scalar = physical(2.1e3, unit="K/W", doc="rram_v_1_0_0.va")
    boltzmann: Scalar = physical(BOLTZMANN_STANFORD, unit="V/K", doc="q, k of MemTorch; v1.0.0 assumed alike")
    noise: GapNoise | None = None

    stiff: ClassVar[bool] = True

    @classmethod
    def preset(cls, name: str) -> "StanfordPku":
        """`"default"`: v1.0.0 without noise; `"noisy"`: with its `GapNoise`. `ValueError` for other names."""
        return cls(noise=GapNoise() if look_up(_NOISY, name, cls) else None)

    def initial(self) -> State:
        """The gap [m] at the start."""
        return self.gap_start

    def bounds(self) -> tuple[State, State]:
        """The smallest and the largest gap [m]."""
        return self.gap_min, self.gap_max

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        """Velocity of the gap [m/s]; negative, closing, for positive `v` [V]."""
        gamma = self.gamma_0 - self.beta * (x / nm) ** 3
        field = gamma * v / self.t_ox
        thermal = self.boltzmann * temperature
        moving = step(jnp.abs(field) - self.f_min, self.f_width)
        free = -self.velocity_0 * jnp.exp(-self.e_a / thermal) * limited_sinh(self.a_0 * field / thermal) * moving
        return slowed(free, x, self.gap_min, self.gap_max, self.gap_width)

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        """Tunnelling current [A], the same at every temperature."""
        del temperature
        return self.i_0 * jnp.exp(-x / self.g_0) * limited_sinh(v / self.v_0)

    def temperature(self, x: State, v: Scalar) -> Scalar:
        """Temperature [K] of the gap, heated by the current."""
        return self.ambient + self.r_th * v * self.current(x, v, self.ambient)

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> State | None:
        """Random motion of the gap [m per root second]; `None` without `noise`."""
        del x, v
        return None if self.noise is None else self.noise(temperature)
