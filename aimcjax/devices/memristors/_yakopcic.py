"""Yakopcic's general model of published devices."""

from typing import ClassVar

import jax.numpy as jnp

from ..._types import Scalar, physical
from ._base import AbstractMemristor, State
from ._numerics import limited_expm1, limited_sinh
from ._presets import look_up
from ._smooth import positive_part


_NAMES = ("a_1", "a_2", "b", "a_p", "a_n", "v_p", "v_n", "alpha_p", "alpha_n", "x_p", "x_n", "x_start")
_SETS = {
    "oblea": (0.17, 0.17, 0.05, 4000.0, 4000.0, 0.16, 0.15, 1.0, 5.0, 0.3, 0.5, 0.11),
    "miao": (0.11, 0.11, 0.5, 7.5, 2.0, 0.09, 0.75, 1.0, 5.0, 0.3, 0.5, 0.11),
    "jo": (3.7e-7, 4.35e-7, 0.7, 0.005, 0.08, 1.5, 0.5, 1.2, 3.0, 0.2, 0.5, 0.1),
}


class Yakopcic(AbstractMemristor):
    r"""A hyperbolic sine in the voltage, scaled by a dimensionless state x in [0, 1]:

    $$i = a_{1,2}\, x \sinh(b v), \qquad \dot x = g(v)\, f(x), \qquad
      g = \begin{cases} A_p (e^{v} - e^{V_p}) & v > V_p \\ -A_n (e^{-v} - e^{V_n}) & v < -V_n \end{cases}$$
    $$f = e^{-\alpha_p (x - x_p)}\,\frac{1 - x}{1 - x_p}\;(v > 0,\ x \ge x_p), \qquad
      f = e^{\alpha_n (x + x_n - 1)}\,\frac{x}{1 - x_n}\;(v \le 0,\ x \le 1 - x_n),$$
    $g$ zero between the thresholds and $f$ one elsewhere; voltages in the exponents are in volts.

    **Arguments:** `a_1` (v > 0), `a_2` (v < 0) [A]; `b` [1/V]; `a_p`, `a_n` [1/s]; `v_p`, `v_n` [V], both positive;
    `alpha_p`, `alpha_n`, `x_p`, `x_n`, dimensionless; `width` [V] over which the thresholds are smooth, below both of
    them; `x_start`, where simulations start; `ambient` [K].

    **Reference:** Yakopcic et al., IEEE Electron Device Lett. 32:1436 (2011) and IJCNN (2013); presets are fits to the
    devices of Oblea et al. (2010), Miao et al. (2011) and Jo et al. (2010).
    """

    a_1: Scalar = physical(0.17, unit="A", doc="Yakopcic, fit to Oblea")
    a_2: Scalar = physical(0.17, unit="A", doc="Yakopcic, fit to Oblea")
    b: Scalar = physical(0.05, unit="1/V", doc="Yakopcic, fit to Oblea")
    a_p: Scalar = physical(4000.0, unit="1/s", doc="Yakopcic, fit to Oblea")
    a_n: Scalar = physical(4000.0, unit="1/s", doc="Yakopcic, fit to Oblea")
    v_p: Scalar = physical(0.16, unit="V", doc="Yakopcic, fit to Oblea")
    v_n: Scalar = physical(0.15, unit="V", doc="Yakopcic, fit to Oblea")
    alpha_p: Scalar = physical(1.0, doc="Yakopcic, fit to Oblea")
    alpha_n: Scalar = physical(5.0, doc="Yakopcic, fit to Oblea")
    x_p: Scalar = physical(0.3, doc="Yakopcic, fit to Oblea")
    x_n: Scalar = physical(0.5, doc="Yakopcic, fit to Oblea")
    x_start: Scalar = physical(0.11, doc="Yakopcic, fit to Oblea")
    width: Scalar = physical(0.0, unit="V", doc="published: sharp thresholds")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    stiff: ClassVar[bool] = False

    @classmethod
    def preset(cls, name: str) -> "Yakopcic":
        """`"oblea"`, `"miao"` or `"jo"`. **Raises:** `ValueError` for other names."""
        return cls(**dict(zip(_NAMES, look_up(_SETS, name, cls), strict=True)))

    def initial(self) -> State:
        return self.x_start

    def bounds(self) -> tuple[State, State]:
        return jnp.zeros_like(self.x_start), jnp.ones_like(self.x_start)

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        # e^v - e^V = e^V (e^(v - V) - 1), without the loss of digits close to the threshold.
        up = self.a_p * jnp.exp(self.v_p) * limited_expm1(positive_part(v - self.v_p, self.width))
        down = self.a_n * jnp.exp(self.v_n) * limited_expm1(positive_part(-v - self.v_n, self.width))
        return jnp.where(v > 0, up * self._rising(x), -down * self._falling(x))

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        return jnp.where(v >= 0, self.a_1, self.a_2) * x * limited_sinh(self.b * v)

    def temperature(self, x: State, v: Scalar) -> Scalar:
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> None:
        return None

    def _rising(self, x: Scalar) -> Scalar:
        slowed = jnp.exp(-self.alpha_p * (x - self.x_p)) * (1 - x) / (1 - self.x_p)
        return jnp.where(x >= self.x_p, slowed, jnp.ones_like(x))

    def _falling(self, x: Scalar) -> Scalar:
        slowed = jnp.exp(self.alpha_n * (x + self.x_n - 1)) * x / (1 - self.x_n)
        return jnp.where(x <= 1 - self.x_n, slowed, jnp.ones_like(x))
