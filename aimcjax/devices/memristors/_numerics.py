"""The Boltzmann constant in volts per kelvin, and sinh(x) / x."""

import jax.numpy as jnp
from jaxtyping import Array, Float


BOLTZMANN = 1.380649e-23 / 1.602176634e-19  # k/q [V/K], exact since 2019
BOLTZMANN_STANFORD = 1.3806503e-23 / 1.6e-19  # k/q [V/K] with the constants of the Stanford model


def sinh_over(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """`sinh(x) / x`, one at zero, with the right slope there."""
    small = jnp.abs(x) < 1e-2
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 + x**2 / 6.0 * (1.0 + x**2 / 20.0), jnp.sinh(safe) / safe)
