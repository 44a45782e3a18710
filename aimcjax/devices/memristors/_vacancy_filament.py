"""Vacancy-based filament whose temperature is a state of its own."""

from typing import ClassVar

import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import V, nm
from ._base import AbstractMemristor, State
from ._numerics import BOLTZMANN, limited_exp
from ._presets import look_up


class VacancyFilament(AbstractMemristor):
    r"""Filament of oxygen vacancies with a lumped thermal node; the state is `[diameter phi [m], temperature T [K]]`.

    Vacancies hop over a barrier that the voltage lowers in one direction and raises in the other; with
    $u = (\phi - \phi_{min})/(\phi_{max} - \phi_{min})$ the part of them that is in the filament,
    $$\dot\phi = A\, e^{-q E_A/kT} \big[(1 - u)\, e^{\alpha q v/kT} - u\, e^{-\alpha q v/kT}\big]$$
    $$C_{th} \dot T = v^2 G - (T - T_0)/R_{th}, \qquad G = \frac{\pi \phi^2}{4 \rho\, t_{ox}}, \qquad i = G v.$$
    Positive voltages make the filament grow (SET). Under a constant voltage u settles at
    $1/(1 + e^{-2 \alpha q v/kT})$; without a voltage it relaxes to one half, as slowly as the barrier allows
    (retention). The heat time $C_{th} R_{th}$ is far shorter than the switching time: stiff, and growth runs away as
    it heats. Equal steps (`substeps`) must resolve the runaway; adaptive ones find it.

    **Arguments:** `velocity` A [m/s]; `e_a` [V]; `alpha` [1], the part of the voltage that acts on the barrier;
    `phi_min`, `phi_max`, `phi_start`, `t_ox` [m]; `rho` [Ohm m]; `r_th` [K/W]; `c_th` [J/K]; `ambient` T_0 [K];
    `t_limit` [K], the upper bound of the state.

    **Reference:** the law of growth and dissolution, $A\,e^{-(E_A - \alpha q |v|)/kT}$ with the temperature of the
    filament, is that of Ielmini, IEEE TED 58:4309 (2011). Assumed: that both hops happen at once, the factors
    u and 1 - u of a finite reservoir, and every number.
    """

    velocity: Scalar = physical(100.0, unit="m/s", doc="assumed")
    e_a: Scalar = physical(1.2 * V, unit="V", doc="assumed")
    alpha: Scalar = physical(0.5, doc="assumed")
    phi_min: Scalar = physical(0.5 * nm, unit="m", doc="assumed")
    phi_max: Scalar = physical(5 * nm, unit="m", doc="assumed")
    phi_start: Scalar = physical(1 * nm, unit="m", doc="assumed")
    t_ox: Scalar = physical(5 * nm, unit="m", doc="assumed")
    rho: Scalar = physical(4e-6, unit="Ohm m", doc="assumed")
    r_th: Scalar = physical(1e6, unit="K/W", doc="assumed")
    c_th: Scalar = physical(5e-17, unit="J/K", doc="assumed: 50 ps with r_th")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed, that of PKU v2.0 beta")
    t_limit: Scalar = physical(3000.0, unit="K", doc="assumed, above it the cell is gone")

    stiff: ClassVar[bool] = True

    @classmethod
    def preset(cls, name: str) -> "VacancyFilament":
        """`"default"`. **Raises:** `ValueError` for other names."""
        return cls(**look_up({"default": {}}, name, cls))

    def initial(self) -> State:
        """`[diameter [m], temperature [K]]` at the start, at ambient temperature."""
        return jnp.stack([self.phi_start, self.ambient])

    def bounds(self) -> tuple[State, State]:
        """The diameters [m] and temperatures [K], lowest and highest; ambient lies within, not at a bound."""
        return jnp.stack([self.phi_min, 0.5 * self.ambient]), jnp.stack([self.phi_max, self.t_limit])

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        """`[m/s, K/s]` at `v` [V] and `temperature` [K]."""
        in_filament = (x[0] - self.phi_min) / (self.phi_max - self.phi_min)
        thermal = BOLTZMANN * temperature
        # Barrier and voltage in one exponent: apart, one overflows float32 while their product is of order one.
        grow = limited_exp((self.alpha * v - self.e_a) / thermal)
        dissolve = limited_exp((-self.alpha * v - self.e_a) / thermal)
        heating = v * self.current(x, v, temperature) - (temperature - self.ambient) / self.r_th
        return jnp.stack([self.velocity * ((1 - in_filament) * grow - in_filament * dissolve), heating / self.c_th])

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        """Ohmic current [A] of a cylinder."""
        del temperature
        return jnp.pi * x[0] ** 2 / (4 * self.rho * self.t_ox) * v

    def temperature(self, x: State, v: Scalar) -> Scalar:
        """The second state [K]."""
        del v
        return x[1]

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> State | None:
        """None: the filament is deterministic."""
        del x, v, temperature
