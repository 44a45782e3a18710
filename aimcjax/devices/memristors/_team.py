"""TEAM: thresholds in current."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import nm, uA
from ._base import AbstractMemristor, State
from ._presets import look_up
from ._threshold import beyond_threshold
from ._windows import AbstractWindow, Rectangular, TeamWindow


class Team(AbstractMemristor):
    r"""A barrier of width x that rests between two current thresholds and moves by a power law beyond them.

    $$\dot x = k_{off}\Big(\frac{i}{i_{off}} - 1\Big)^{\alpha_{off}} f(x, i) \;\; (i > i_{off}), \qquad
      \dot x = k_{on}\Big(\frac{i}{i_{on}} - 1\Big)^{\alpha_{on}} f(x, i) \;\; (i < i_{on}), \qquad
      i = \frac{v}{R_{on} + (R_{off} - R_{on})\, x / D}.$$

    **Arguments:** `k_off` > 0, `k_on` < 0 [m/s]; `alpha_off`, `alpha_on`, dimensionless; `i_off` > 0, `i_on` < 0 [A];
    `d` [m], the largest x; `r_on`, `r_off` [Ohm]; `window` f of x / D and i; `width` [A] over which the thresholds are
    smooth, below both of them, zero for the published ones; `x_start` [m], where simulations start; `ambient` [K].

    **Reference:** Kvatinsky et al., IEEE Trans. Circuits Syst. I 60:211 (2013). "technion" is the default of its
    Verilog-A code; "pickett" the fit to the barrier model of Pickett et al. (2009) with its window, where D and the
    resistances stay those of "technion" (assumed).
    """

    k_off: Scalar = physical(8e-13, unit="m/s", doc="Technion Verilog-A")
    k_on: Scalar = physical(-8e-13, unit="m/s", doc="Technion Verilog-A")
    alpha_off: Scalar = physical(3.0, doc="Technion Verilog-A")
    alpha_on: Scalar = physical(3.0, doc="Technion Verilog-A")
    i_off: Scalar = physical(115 * uA, unit="A", doc="Technion Verilog-A, Pickett 2009")
    i_on: Scalar = physical(-8.9 * uA, unit="A", doc="Technion Verilog-A, Pickett 2009")
    d: Scalar = physical(3 * nm, unit="m", doc="Technion Verilog-A")
    r_on: Scalar = physical(100.0, unit="Ohm", doc="Technion Verilog-A")
    r_off: Scalar = physical(200e3, unit="Ohm", doc="Technion Verilog-A")
    width: Scalar = physical(0.0, unit="A", doc="published: sharp thresholds")
    x_start: Scalar = physical(0.0, unit="m", doc="assumed: starts switched on")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    window: AbstractWindow = eqx.field(default_factory=Rectangular)
    stiff: ClassVar[bool] = False

    @classmethod
    def preset(cls, name: str) -> "Team":
        """`"technion"` or `"pickett"`. **Raises:** `ValueError` for other names."""
        sets: dict[str, dict[str, Any]] = {
            "technion": {},  # the defaults
            "pickett": {
                "k_off": 1.46e-9, "k_on": -4.68e-13, "alpha_off": 10.0, "alpha_on": 10.0, "window": TeamWindow(),
            },
        }  # fmt: skip
        return cls(**look_up(sets, name, cls))

    def initial(self) -> State:
        return self.x_start

    def bounds(self) -> tuple[State, State]:
        return jnp.zeros_like(self.d), self.d

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        i = self.current(x, v, temperature)
        return beyond_threshold(self, i, self.i_off, self.i_on) * self.window(x / self.d, i)

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        return v / (self.r_on + (self.r_off - self.r_on) * x / self.d)

    def temperature(self, x: State, v: Scalar) -> Scalar:
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> None:
        return None
