"""Heat makes cells older: equivalent ages of tiles."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._types import Scalar, Time, physical
from ...devices import arrhenius_factor
from ...units import K, eV


class ThermalAgeing(eqx.Module):
    r"""How much older than its clock a tile is: $\mathrm{age} = \sum_k A(T_k)\,\Delta$ with Arrhenius' $A(T)$.

    The age is what `aimcjax.nn.at` takes: drift, accumulated noise and loss of retention run alike (assumed), as in
    `devices.AtTemperature`, of which this is the map.

    **Arguments:** `activation_energy` [J]; `reference_temperature` [K], at which the parameters of the device hold.

    **Reference:** Arrhenius' law; see `devices.AtTemperature` for reported activation energies.
    """

    activation_energy: Scalar = physical(1.1 * eV, unit="J", doc="assumed, within the reported RRAM range")
    reference_temperature: Scalar = physical(298.15 * K, unit="K", doc="assumed: 25 C", above=0.0)

    def acceleration(self, temperature: Float[Array, "*tiles"]) -> Float[Array, "*tiles"]:
        """How much faster than at the reference every tile ages at its `temperature` [K]."""
        of_all = lambda value: jnp.broadcast_to(value, temperature.shape)
        return arrhenius_factor(temperature, of_all(self.reference_temperature), of_all(self.activation_energy))

    def age(self, temperature: Float[Array, "steps *tiles"], *, dt: Time) -> Float[Array, "*tiles"]:
        """The equivalent age [s] after steps of `dt` [s] at the temperatures [K] of each."""
        return jnp.sum(self.acceleration(temperature), axis=0) * dt
