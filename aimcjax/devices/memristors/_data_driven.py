"""Data-driven resistive memory: the resistance is the state, and its laws are fits to pulses."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import Ohm, kOhm
from ._base import AbstractMemristor, State
from ._numerics import limited_expm1, limited_sinh, slowed
from ._presets import look_up
from ._smooth import positive_part


class AbstractApproach(eqx.Module):
    """How the speed depends on the distance [Ohm] to the resistance at which the voltage stops acting."""

    @abc.abstractmethod
    def __call__(self, distance: Scalar, v: Scalar) -> Scalar:
        """The factor at `distance` [Ohm]; zero for negative distances."""


class ExponentialApproach(AbstractApproach):
    r"""$e^{k d} - 1$ for $d > 0$, with $k = k_p$ for positive voltages and $k_n$ else.

    **Arguments:** `k_p`, `k_n` [1/Ohm]; `width` [1], over which the corner at d = 0 is rounded, in units of k d.

    **Reference:** Messaris et al., IEEE TCAD 37:3151 (2018); rounding assumed (zero, the default, is the paper).
    """

    k_p: Scalar = physical(5.11e-4, unit="1/Ohm", doc="Messaris 2018, as in MemTorch")
    k_n: Scalar = physical(1.17e-3, unit="1/Ohm", doc="Messaris 2018, as in MemTorch")
    width: Scalar = physical(0.0, doc="published: a corner")

    def __call__(self, distance: Scalar, v: Scalar) -> Scalar:
        return limited_expm1(positive_part(jnp.where(v > 0, self.k_p, self.k_n) * distance, self.width))


class QuadraticApproach(AbstractApproach):
    r"""$d^2$ for $d > 0$ [Ohm²], smooth at zero as it is.

    **Reference:** Messaris et al. (2021), as in MemTorch's `Data_Driven2021`.
    """

    def __call__(self, distance: Scalar, v: Scalar) -> Scalar:
        del v
        return jnp.maximum(distance, 0.0) ** 2


_SETS: dict[str, dict[str, Any]] = {
    "messaris2018": {},  # the defaults
    "messaris2021": {
        "a_p": 600.10075, "a_n": -34.5988399, "t_p": 1 / -0.0212028, "t_n": 1 / -0.05343997,
        "r_p_0": 2699.2336, "r_p_1": -672.930205, "r_n_0": 649.413746, "r_n_1": -1474.32358,
        "a": 0.32046175, "b": 2.71689828, "r_on": 1600.0, "r_off": 3000.0, "approach": QuadraticApproach(),
    },
}  # fmt: skip


class DataDriven(AbstractMemristor):
    r"""Resistance R, the state [Ohm], that a voltage moves towards a limit which depends on the voltage:

    $$\dot R = s(v)\, f\big(\operatorname{sign}(s)\,(r(v) - R)\big), \qquad i = \frac{a}{R} \sinh(b v)$$
    $$s = A (e^{|v| t} - 1), \qquad r = r_0 + r_1 v$$
    with one set of $A, t, r_0, r_1$ for positive voltages (`_p`) and one for negative ones (`_n`). Beyond the limit
    nothing moves. In the fit of 2018 positive voltages raise the resistance, in that of 2021 they lower it.

    **Arguments:** `a_p`, `a_n` [Ohm/s] (with a `QuadraticApproach` [1/(Ohm s)]); `t_p`, `t_n` [1/V]; `r_p_0`, `r_n_0`
    [Ohm]; `r_p_1`, `r_n_1` [Ohm/V]; `a` [1], `b` [1/V]; `r_on`, `r_off` [Ohm], the
    bounds, near which R slows down over `r_width` [Ohm] (zero is allowed); `ambient` [K]; `approach` f.

    **Reference:** Messaris et al., IEEE TCAD 37:3151 (2018) (the defaults) and its successor of 2021; numbers as in
    MemTorch v1.1.6, which prints t of 2021 as 1/t. The fit of 2021 has a negative t: the speed saturates. Steps
    at constant voltage have closed forms, against which this is tested.
    """

    a_p: Scalar = physical(743.47, unit="Ohm/s", doc="Messaris 2018")
    a_n: Scalar = physical(-68012.28374, unit="Ohm/s", doc="Messaris 2018")
    t_p: Scalar = physical(6.51, unit="1/V", doc="Messaris 2018")
    t_n: Scalar = physical(0.31645, unit="1/V", doc="Messaris 2018")
    r_p_0: Scalar = physical(16719.0 * Ohm, unit="Ohm", doc="Messaris 2018")
    r_p_1: Scalar = physical(0.0, unit="Ohm/V", doc="Messaris 2018")
    r_n_0: Scalar = physical(29304.82557 * Ohm, unit="Ohm", doc="Messaris 2018")
    r_n_1: Scalar = physical(23692.77225, unit="Ohm/V", doc="Messaris 2018")
    a: Scalar = physical(0.24, doc="Messaris 2018")
    b: Scalar = physical(3.0, unit="1/V", doc="Messaris 2018")
    r_on: Scalar = physical(1280.0 * Ohm, unit="Ohm", doc="Messaris 2018")
    r_off: Scalar = physical(17 * kOhm, unit="Ohm", doc="Messaris 2018")
    r_width: Scalar = physical(10 * Ohm, unit="Ohm", doc="assumed: a hard stop in MemTorch")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed, nothing depends on it")
    approach: AbstractApproach = eqx.field(default_factory=ExponentialApproach)

    stiff: ClassVar[bool] = True

    @classmethod
    def preset(cls, name: str) -> "DataDriven":
        """`"messaris2018"` or `"messaris2021"`; `ValueError` for other names."""
        return cls(**look_up(_SETS, name, cls))

    def initial(self) -> State:
        """The resistance [Ohm] at the start, midway between the bounds on a logarithmic scale."""
        return jnp.sqrt(self.r_on * self.r_off)

    def bounds(self) -> tuple[State, State]:
        """The smallest and the largest resistance [Ohm]."""
        return self.r_on, self.r_off

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        """dR/dt [Ohm/s] at `v` [V]."""
        del temperature
        positive = v > 0
        amplitude = jnp.where(positive, self.a_p, self.a_n)
        speed = amplitude * limited_expm1(jnp.abs(v) * jnp.where(positive, self.t_p, self.t_n))
        limit = jnp.where(positive, self.r_p_0 + self.r_p_1 * v, self.r_n_0 + self.r_n_1 * v)
        free = speed * self.approach(jnp.sign(speed) * (limit - x), v)
        return slowed(free, x, self.r_on, self.r_off, self.r_width)

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        """Current [A] at `v` [V]."""
        del temperature
        return self.a / x * limited_sinh(self.b * v)

    def temperature(self, x: State, v: Scalar) -> Scalar:
        """Ambient [K]: the fits know no other."""
        del x, v
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> State | None:
        """None: the model is deterministic."""
        del x, v, temperature
