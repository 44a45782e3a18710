"""Temperature: heat makes time run faster."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._types import Conductance, PRNGKey, Scalar, Time, physical
from ..units import K, eV, k_B
from ._base import AbstractCells, AbstractDevice
from ._wrappers import AbstractWrapper, check_within


def arrhenius_factor(
    T: float | Float[Array, "*n"], T_ref: float | Float[Array, "*n"], E_a: float | Float[Array, "*n"]
) -> Float[Array, "*n"]:
    r"""How much faster a thermally activated process runs at `T` than at `T_ref`:

    $$A = \exp\!\Big(\frac{E_a}{k}\Big(\frac1{T_{ref}} - \frac1T\Big)\Big)$$

    **Arguments:** `T`, `T_ref` [K]; `E_a`, the activation energy [J], such as `1.1 * eV`.

    **Returns:** the factor, dimensionless, above 1 where it is hotter than `T_ref`.

    **Reference:** Arrhenius' law.
    """
    T, T_ref, E_a = (
        jnp.asarray(value, float) if isinstance(value, (int, float)) else value for value in (T, T_ref, E_a)
    )
    return jnp.exp(E_a / k_B * ((T - T_ref) / (T * T_ref)))  # the difference of two reciprocals would lose digits


def time_to_failure(
    lifetime: float | Float[Array, "*n"],
    T: float | Float[Array, "*n"],
    T_ref: float | Float[Array, "*n"],
    E_a: float | Float[Array, "*n"],
) -> Float[Array, "*n"]:
    """The time [s] at `T` [K] that does as much as `lifetime` [s] at `T_ref` [K]: how long an accelerated test lasts.

    `E_a` [J] as in `arrhenius_factor`.
    """
    return lifetime / arrhenius_factor(T, T_ref, E_a)


class AtTemperature(AbstractWrapper):
    r"""`device` held at another temperature than the one its parameters hold for: its clock runs
    $t_{eff} = t\,\exp\big(\frac{E_a}{k}(\frac1{T_{ref}} - \frac1T)\big)$.

    Everything inside the wrapper that is a function of time is accelerated alike: drift, accumulated noise and, if
    it is inside, `Retention`. Programming and the law of the read noise are not changed. All three quantities are
    leaves that can be swept and differentiated.

    **Arguments:** `device`; `temperature` T [K]; `activation_energy` E_a [J]; `reference_temperature` T_ref [K].

    **Raises:** `ValueError` for temperatures not above zero, a negative activation energy.

    **Reference:** Arrhenius' law. Reported activation energies: RRAM retention 1.0 to 1.5 eV, crystallisation of
    amorphous PCM 2.3 to 2.9 eV. Structural relaxation (PCM drift) is not one activated process: an assumption there.
    """

    device: AbstractDevice
    temperature: Scalar = physical(298.15 * K, unit="K", doc="assumed: 25 C")
    activation_energy: Scalar = physical(1.1 * eV, unit="J", doc="assumed, within the reported RRAM range")
    reference_temperature: Scalar = physical(298.15 * K, unit="K", doc="assumed: 25 C")

    def __check_init__(self) -> None:
        check_within("temperature", self.temperature, 0.0, float("inf"), open_low=True)
        check_within("reference_temperature", self.reference_temperature, 0.0, float("inf"), open_low=True)
        check_within("activation_energy", self.activation_energy, 0.0, float("inf"))

    def program(self, g_target: Conductance, *, key: PRNGKey) -> AbstractCells:
        """As the device programs, `g_target` in [S]."""
        return self.device.program(g_target, key=key)

    def drift(self, cells: AbstractCells, t: Time) -> Conductance:
        """The conductance [S] after `t` [s] at the temperature."""
        return self.device.drift(cells, self._effective(t))

    def read_std(self, cells: AbstractCells, t: Time) -> Conductance | None:
        """As the device [S], after `t` [s] at the temperature."""
        return self.device.read_std(cells, self._effective(t))

    def _effective(self, t: Time) -> Time:
        return t * arrhenius_factor(self.temperature, self.reference_temperature, self.activation_energy)
