"""The linear ion drift of the first memristor paper."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import nm
from ._base import AbstractMemristor, State
from ._presets import look_up
from ._windows import AbstractWindow, Rectangular


class LinearIonDrift(AbstractMemristor):
    r"""A doped and an undoped region in series; the boundary between them drifts with the current.

    With $x = w / D$ the doped fraction,

    $$v = \big(R_{on}\,x + R_{off}\,(1 - x)\big)\, i, \qquad
      \dot x = \frac{\mu_V R_{on}}{D^2}\, i\, f(x, i).$$
    Without a window $\mu_V R_{on} \varphi / D^2 = R_{off}(x - x_0) - (R_{off} - R_{on})(x^2 - x_0^2)/2$ at the flux
    $\varphi = \int v\,dt$.

    **Arguments:** `r_on`, `r_off` [Ohm]; `d` [m], thickness; `mobility` [m^2/(V s)]; `window` f, dimensionless;
    `x_start`, where simulations start; `ambient` [K].

    **Reference:** Strukov et al., Nature 453:80 (2008), equations 5 to 7; presets are the two panels of its figure 2.
    """

    r_on: Scalar = physical(100.0, unit="Ohm", doc="Strukov 2008, figure 2: i0 = v0 / R_on = 10 mA at 1 V")
    r_off: Scalar = physical(16000.0, unit="Ohm", doc="Strukov 2008, figure 2b: ratio 160")
    d: Scalar = physical(10 * nm, unit="m", doc="Strukov 2008, figure 2")
    mobility: Scalar = physical(1e-14, unit="m2/(V s)", doc="Strukov 2008, figure 2: 1e-10 cm2/(V s)")
    x_start: Scalar = physical(0.1, doc="Strukov 2008, figure 2b, read from the plot")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    window: AbstractWindow = eqx.field(default_factory=Rectangular)
    stiff: ClassVar[bool] = False

    @classmethod
    def preset(cls, name: str) -> "LinearIonDrift":
        """`"strukov_b"` (ratio 160) or `"strukov_c"` (ratio 380). **Raises:** `ValueError` for other names."""
        return cls(r_off=look_up({"strukov_b": 16000.0, "strukov_c": 38000.0}, name, cls))

    def initial(self) -> State:
        return self.x_start

    def bounds(self) -> tuple[State, State]:
        return jnp.zeros_like(self.x_start), jnp.ones_like(self.x_start)

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        i = self.current(x, v, temperature)
        return self.mobility * self.r_on / jnp.square(self.d) * i * self.window(x, i)

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        return v / (self.r_on * x + self.r_off * (1 - x))

    def temperature(self, x: State, v: Scalar) -> Scalar:
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> None:
        return None
