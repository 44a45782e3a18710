"""Leakage heats, heat leaks: the temperature at which both agree, or that there is none."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.scipy.sparse.linalg import cg
from jaxtyping import Array, Float

from ..._types import Scalar, physical
from ...units import K, mW
from ._network import Map, ThermalNetwork


HOTTEST = 1000.0  # [K]; no chip works there, and the exponential law long ceased to hold (assumed)
_MOST_STEPS = 4000  # close to the edge of running away the approach is slow


class Leakage(eqx.Module):
    r"""Power of a tile that does nothing: $P(T) = P_0\,2^{(T - T_0)/\Delta}$.

    **Arguments:** `power` $P_0$ [W] of every tile, one number or a map; `temperature` $T_0$ [K]; `doubling` $\Delta$
    [K].

    **Reference:** the exponential is the usual approximation of subthreshold currents; numbers are assumed.
    """

    power: Float[Array, "*tiles"] = physical(0.1 * mW, unit="W", doc="assumed")
    temperature: Scalar = physical(298.15 * K, unit="K", doc="assumed: 25 C")
    doubling: Scalar = physical(10 * K, unit="K", doc="assumed: doubles every 10 K", above=0.0)

    def __call__(self, temperature: Map) -> Map:
        """The leakage [W] of tiles at `temperature` [K]."""
        return self.power * 2.0 ** ((temperature - self.temperature) / self.doubling)

    def slope(self, temperature: Map) -> Map:
        """How it grows with the temperature [W/K]."""
        return self(temperature) * (np.log(2.0) / self.doubling)


def steady_with_leakage(network: ThermalNetwork, power: Map, leakage: Leakage) -> Map:
    r"""The least $T = S(P + L(T))$ [K], with S the steady state of the network at the `power` P [W]: what a chip
    settles at that is switched on cold.

    Iterated from below, which never passes it; then one step of Newton,
    $(G - L'(T))\,\delta = P + L(T) - G T$, which makes it exact and carries the gradient (implicit, to first order).

    **Returns:** temperatures; infinite where the chip runs away and values are traced.

    **Raises:** `ValueError` if known values run away: no steady state below `HOTTEST`.
    """
    found = settle(network, power, leakage)
    if not isinstance(found, Tracer) and not np.all(np.isfinite(found)):
        raise ValueError(
            f"the chip runs away: leakage of {float(jnp.max(leakage.power)):g} W a tile at "
            f"{float(leakage.temperature):g} K has no steady temperature below {HOTTEST:g} K; give it less power, a "
            "better heat sink or less leakage"
        )
    return found


@jax.jit
def settle(network: ThermalNetwork, power: Map, leakage: Leakage) -> Map:
    """`steady_with_leakage`, infinite where the chip runs away, known values or not."""
    rise, stable = _iterate(*lax.stop_gradient((network, power, leakage)))
    rise = jnp.where(stable, rise, 0.0)
    fixed_network, fixed_leakage = lax.stop_gradient((network, leakage))
    grows = jnp.where(stable, fixed_leakage.slope(fixed_network.ambient + rise), 0.0)
    residual = jnp.where(stable, power + leakage(network.ambient + rise) - network.heat(rise), 0.0)
    matrix = lambda change: fixed_network.heat(change) - grows * change
    step = cg(matrix, residual, M=fixed_network.rise, tol=16 * _epsilon(rise), maxiter=100)[0]
    return jnp.where(stable, network.ambient + (rise + step), jnp.inf)


def approach(network: ThermalNetwork, power: Map, leakage: Leakage) -> Map:
    """`settle` at this `power` [W] of every tile to the last few digits, and without a gradient: less to compile."""
    rise, stable = _iterate(network, power, leakage)
    return jnp.where(stable, network.ambient + rise, jnp.inf)


def _iterate(network: ThermalNetwork, power: Map, leakage: Leakage) -> tuple[Map, Array]:
    """The rise [K] that power and leakage agree on, and whether there is one."""
    tolerance, most = 8 * _epsilon(network.ambient), HOTTEST - network.ambient

    def going(state: tuple[Map, Array, Array]) -> Array:
        rise, change, count = state
        hottest = jnp.max(rise)
        return (change > tolerance * hottest) & (hottest < most) & (count < _MOST_STEPS)

    def step(state: tuple[Map, Array, Array]) -> tuple[Map, Array, Array]:
        rise, _, count = state
        new = jnp.minimum(network.rise(power + leakage(network.ambient + rise)), 2 * HOTTEST)
        return new, jnp.max(jnp.abs(new - rise)), count + 1

    cold = network.rise(power)
    start = (cold, jnp.full((), jnp.inf, cold.dtype), jnp.zeros((), jnp.int32))
    rise, _, count = lax.while_loop(going, step, start)
    return rise, (jnp.max(rise) < most) & (count < _MOST_STEPS)


def _epsilon(like: Array) -> float:
    return float(jnp.finfo(jnp.result_type(like)).eps)
