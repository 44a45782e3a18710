"""Pickett's Simmons tunnel barrier."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from ..._types import Scalar, physical
from ...units import nm, uA
from ._base import AbstractMemristor, State
from ._presets import look_up


_E, _H, _M, _EPS0 = 1.602176634e-19, 6.62607015e-34, 9.1093837e-31, 8.8541878e-12  # CODATA, SI
_QUANTUM = _E**2 / (2 * math.pi * _H)  # [A/V]
_DECAY = 4 * math.pi * math.sqrt(2 * _M * _E) / _H  # [1/(m sqrt(V))]
_IMAGE = _E * math.log(2) / (8 * math.pi * _EPS0)  # [V m]


class Pickett(AbstractMemristor):
    r"""A tunnel barrier of width x in series with a resistor; the barrier moves exponentially with the current:

    $$\dot x = c_{off} \sinh\!\frac{i}{i_{off}} \exp\!\Big(-e^{(x - a_{off})/w_c - |i|/b} - \frac{x}{w_c}\Big)
      \;(i > 0), \qquad
      \dot x = c_{on} \sinh\!\frac{i}{i_{on}} \exp\!\Big(-e^{-(x - a_{on})/w_c - |i|/b} - \frac{x}{w_c}\Big)
      \;(i < 0).$$
    The current is that of Simmons' barrier at the voltage $v_g = v - R_s i$ with image forces,
    $$i = \frac{e^2 A}{2\pi h\,\Delta w^2}\Big(\phi_I e^{-B\sqrt{\phi_I}} - (\phi_I + |v_g|)
      e^{-B\sqrt{\phi_I + |v_g|}}\Big), \qquad B = \frac{4\pi\,\Delta w \sqrt{2 m e}}{h},$$
    $$\Delta w = w_2 - w_1,\quad w_1 = \frac{1.2 \lambda x}{\phi_0},\quad
      w_2 = w_1 + x\Big(1 - \frac{9.2\lambda}{3\phi_0 + 4\lambda - 2|v_g|}\Big),\quad
      \lambda = \frac{e \ln 2}{8\pi\kappa\varepsilon_0 x},$$
    $$\phi_I = \phi_0 - |v_g|\frac{w_1 + w_2}{2x} - \frac{1.15\lambda x}{\Delta w}
      \ln\frac{w_2 (x - w_1)}{w_1 (x - w_2)}.$$
    Simmons' formula ends at $|v_g| = \phi_0$; beyond, the resistor alone carries the increase (assumed).

    **Arguments:** `c_off`, `c_on` [m/s]; `i_off`, `i_on`, `b` [A]; `a_off`, `a_on`, `w_c` [m]; `r_series` [Ohm];
    `barrier` phi_0 [V]; `permittivity` kappa, relative; `area` [m2]; `x_min`, `x_max` [m], bounds; `x_start` [m];
    `ambient` [K].

    **Reference:** Pickett et al., J. Appl. Phys. 106:074508 (2009) with its values of the rates; barrier: Simmons, J.
    Appl. Phys. 34:1793 (1963) with the values of Abdalla and Pickett, ISCAS (2011), as remembered. (The Technion
    Verilog-A code has a_on 2 nm.)
    """

    c_off: Scalar = physical(3.5e-6, unit="m/s", doc="Pickett 2009")
    c_on: Scalar = physical(40e-6, unit="m/s", doc="Pickett 2009")
    i_off: Scalar = physical(115 * uA, unit="A", doc="Pickett 2009")
    i_on: Scalar = physical(8.9 * uA, unit="A", doc="Pickett 2009")
    b: Scalar = physical(500 * uA, unit="A", doc="Pickett 2009")
    a_off: Scalar = physical(1.2 * nm, unit="m", doc="Pickett 2009")
    a_on: Scalar = physical(1.8 * nm, unit="m", doc="Pickett 2009")
    w_c: Scalar = physical(0.107 * nm, unit="m", doc="Pickett 2009")
    r_series: Scalar = physical(215.0, unit="Ohm", doc="Abdalla 2011, not checked in print")
    barrier: Scalar = physical(0.95, unit="V", doc="Abdalla 2011, not checked in print")
    permittivity: Scalar = physical(5.0, doc="Abdalla 2011, not checked in print")
    area: Scalar = physical(1e4 * nm * nm, unit="m2", doc="Abdalla 2011, not checked in print")
    x_min: Scalar = physical(1.1 * nm, unit="m", doc="assumed")
    x_max: Scalar = physical(1.9 * nm, unit="m", doc="assumed")
    x_start: Scalar = physical(1.5 * nm, unit="m", doc="assumed")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    stiff: ClassVar[bool] = False  # rates span decades, but fall as they act: explicit steps are not bound

    @classmethod
    def preset(cls, name: str) -> "Pickett":
        """`"pickett2009"`. **Raises:** `ValueError` for other names."""
        return cls(**look_up({"pickett2009": {}}, name, cls))

    def initial(self) -> State:
        return self.x_start

    def bounds(self) -> tuple[State, State]:
        return self.x_min, self.x_max

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        return self.rate_at_current(x, self.current(x, v, temperature))

    def rate_at_current(self, x: State, i: Scalar) -> State:
        """dx/dt [m/s] while the current `i` [A] flows."""
        off, magnitude = i > 0, jnp.abs(i)
        distance = jnp.where(off, x - self.a_off, self.a_on - x) / self.w_c
        exponent = -jnp.exp(distance - magnitude / self.b) - x / self.w_c
        u = magnitude / jnp.where(off, self.i_off, self.i_on)
        # sinh(u) e^y as one exponential: sinh alone overflows single precision at 0.8 mA.
        speed = jnp.where(off, self.c_off, -self.c_on) * jnp.exp(u + exponent)
        return -speed * jnp.expm1(-2 * u) / 2

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        volts = jnp.abs(v)
        end = self.barrier + self.r_series * self._barrier_current(x, self.barrier)
        beyond = volts > end
        shared = jnp.where(beyond, end, volts)
        mismatch = lambda v_g: v_g + self.r_series * self._barrier_current(x, v_g) - shared
        v_g = _bisect(mismatch, jnp.minimum(shared, self.barrier))
        for _ in range(2):  # each doubles the digits, and the order to which derivatives of the root are right
            value, slope = jax.value_and_grad(mismatch)(v_g)
            v_g = v_g - value / slope
        i = jnp.where(beyond, (volts - self.barrier) / self.r_series, self._barrier_current(x, v_g))
        return jnp.where(v < 0, -i, i)

    def temperature(self, x: State, v: Scalar) -> Scalar:
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> None:
        return None

    def _barrier_current(self, x: Scalar, v_g: Scalar) -> Scalar:
        # Lengths as fractions of x: products of two of them in metres leave single precision.
        image = _IMAGE / (self.permittivity * x)
        w_1 = 1.2 * image / self.barrier
        gap = 1 - 9.2 * image / (3 * self.barrier + 4 * image - 2 * v_g)
        w_2 = w_1 + gap
        lowered = 1.15 * image / gap * jnp.log(w_2 * (1 - w_1) / (w_1 * (1 - w_2)))
        height = self.barrier - v_g * (w_1 + w_2) / 2 - lowered
        decay = _DECAY * x * gap
        passed = lambda height: height * jnp.exp(-decay * jnp.sqrt(height))
        return _QUANTUM * jnp.square(jnp.sqrt(self.area) / (x * gap)) * (passed(height) - passed(height + v_g))


def _bisect(function: Callable[[Scalar], Scalar], high: Scalar) -> Scalar:
    def halve(_: Any, bracket: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        low, high = bracket
        middle = (low + high) / 2
        above = function(middle) > 0
        return jnp.where(above, low, middle), jnp.where(above, middle, high)

    start = lax.stop_gradient((jnp.zeros_like(high), high))
    low, high = lax.fori_loop(0, 24, halve, start)
    return lax.stop_gradient((low + high) / 2)
