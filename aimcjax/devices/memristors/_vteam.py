"""VTEAM: thresholds in voltage."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import nm
from ._base import AbstractMemristor, State
from ._presets import look_up
from ._threshold import beyond_threshold
from ._windows import AbstractWindow, Rectangular


_SETS: dict[str, dict[str, float]] = {
    "technion": {},  # the defaults
    "pt_hf_ti": {
        "k_off": 0.091, "k_on": -216.2, "alpha_off": 4.0, "alpha_on": 4.0, "v_off": 0.5, "v_on": -0.53,
        "r_on": 100.0, "r_off": 2500.0,
    },
}  # fmt: skip


class Vteam(AbstractMemristor):
    r"""A state that rests between two voltage thresholds and moves by a power law beyond them.

    $$\dot w = k_{off}\Big(\frac{v}{v_{off}} - 1\Big)^{\alpha_{off}} f(w) \;\; (v > v_{off}), \qquad
      \dot w = k_{on}\Big(\frac{v}{v_{on}} - 1\Big)^{\alpha_{on}} f(w) \;\; (v < v_{on}), \qquad
      i = \frac{v}{R_{on} + (R_{off} - R_{on})\, w / D}.$$

    **Arguments:** `k_off` > 0, `k_on` < 0 [m/s]; `alpha_off`, `alpha_on`, dimensionless; `v_off` > 0, `v_on` < 0 [V];
    `d` [m], the largest w; `r_on`, `r_off` [Ohm]; `window` f of w / D; `width` [V] over which the thresholds are
    smooth, below both of them, zero for the published ones; `w_start` [m], where simulations start; `ambient` [K].

    **Reference:** Kvatinsky et al., IEEE Trans. Circuits Syst. II 62:786 (2015); "technion" is the default of its
    Verilog-A code, "pt_hf_ti" its fit to a Pt-Hf-Ti cell (r_on, r_off and d as in common use; not checked in print).
    """

    k_off: Scalar = physical(5e-4, unit="m/s", doc="Technion Verilog-A")
    k_on: Scalar = physical(-10.0, unit="m/s", doc="Technion Verilog-A")
    alpha_off: Scalar = physical(1.0, doc="Technion Verilog-A")
    alpha_on: Scalar = physical(3.0, doc="Technion Verilog-A")
    v_off: Scalar = physical(0.02, unit="V", doc="Technion Verilog-A")
    v_on: Scalar = physical(-0.2, unit="V", doc="Technion Verilog-A")
    d: Scalar = physical(3 * nm, unit="m", doc="Technion Verilog-A")
    r_on: Scalar = physical(50.0, unit="Ohm", doc="Technion Verilog-A")
    r_off: Scalar = physical(1000.0, unit="Ohm", doc="Technion Verilog-A")
    width: Scalar = physical(0.0, unit="V", doc="published: sharp thresholds")
    w_start: Scalar = physical(0.0, unit="m", doc="assumed: starts switched on")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    window: AbstractWindow = eqx.field(default_factory=Rectangular)
    stiff: ClassVar[bool] = False

    @classmethod
    def preset(cls, name: str) -> "Vteam":
        """`"technion"` or `"pt_hf_ti"`. **Raises:** `ValueError` for other names."""
        return cls(**look_up(_SETS, name, cls))

    def initial(self) -> State:
        return self.w_start

    def bounds(self) -> tuple[State, State]:
        return jnp.zeros_like(self.d), self.d

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        speed = beyond_threshold(self, v, self.v_off, self.v_on)
        return speed * self.window(x / self.d, self.current(x, v, temperature))

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        return v / (self.r_on + (self.r_off - self.r_on) * x / self.d)

    def temperature(self, x: State, v: Scalar) -> Scalar:
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> None:
        return None
