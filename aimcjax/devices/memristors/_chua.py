"""The ideal memristor."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import Scalar, physical
from ._base import AbstractMemristor, State
from ._presets import look_up


class ChuaMemristor(AbstractMemristor):
    r"""A resistance that depends on the charge that has passed, or a conductance that depends on the flux:

    $$v = M(q)\, i,\quad \dot q = i \qquad \text{or} \qquad i = W(\varphi)\, v,\quad \dot\varphi = v,$$
    with a polynomial $M(q) = \sum_k c_k q^k$ or $W(\varphi) = \sum_k c_k \varphi^k$, positive for a passive cell.

    **Arguments:** `coefficients`, lowest order first [Ohm / C^k, or S / Wb^k]; `charge_controlled`, static: the state
    is the charge [C], else the flux [Wb]; `limit` [C or Wb], the largest magnitude of the state; `start`, where
    simulations start; `ambient` [K].

    **Reference:** Chua, IEEE Trans. Circuit Theory 18:507 (1971); passivity is its theorem 1.
    """

    coefficients: Float[Array, " order"] = eqx.field(
        default=(1.0, 0.0, 1.0), converter=lambda c: jnp.asarray(c, dtype=float)
    )
    limit: Scalar = physical(10.0, doc="assumed")
    start: Scalar = physical(0.0, doc="assumed")
    ambient: Scalar = physical(300.0, unit="K", doc="assumed")
    charge_controlled: bool = eqx.field(static=True, default=True)
    stiff: ClassVar[bool] = False

    @classmethod
    def preset(cls, name: str) -> "ChuaMemristor":
        """`"cubic_charge"`, phi = q + q^3/3, or `"cubic_flux"`, q = phi + phi^3/3: textbook curves, no device.
        **Raises:** `ValueError` for other names."""
        charge_controlled = look_up({"cubic_charge": True, "cubic_flux": False}, name, cls)
        return cls(charge_controlled=charge_controlled)

    def initial(self) -> State:
        return self.start

    def bounds(self) -> tuple[State, State]:
        return -self.limit, self.limit

    def rate(self, x: State, v: Scalar, temperature: Scalar) -> State:
        return self.current(x, v, temperature) if self.charge_controlled else v

    def current(self, x: State, v: Scalar, temperature: Scalar) -> Scalar:
        value = jnp.polyval(self.coefficients[::-1], x)
        return v / value if self.charge_controlled else value * v

    def temperature(self, x: State, v: Scalar) -> Scalar:
        return self.ambient

    def diffusion(self, x: State, v: Scalar, temperature: Scalar) -> None:
        return None
