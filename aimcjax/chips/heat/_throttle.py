"""How much of its work a chip can do without getting too hot."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from ..._types import Scalar
from ..timing import Caps
from ._leakage import Leakage, approach, settle
from ._network import Map, ThermalNetwork


_HALVINGS = 40  # of the interval of activities: past the digits of float32


def throttle(
    network: ThermalNetwork,
    power: Map,
    limit: float | Scalar,
    *,
    idle: Map | None = None,
    leakage: Leakage | None = None,
) -> Scalar:
    r"""The largest activity a in [0, 1] at which no tile is hotter than `limit`, with power $a P + P_{idle}$.

    Without leakage the temperatures are linear in a: $a = \min_n (T_{lim} - T_n^{idle}) / \Delta T_n$. With it a is
    found by bisection, for the temperatures still rise with a; its gradient is the implicit one. Smooth except where
    another tile becomes the hottest, and at 0 and 1, where the gradient is zero.

    **Arguments:** `power` [W] at full activity, of every tile; `limit` [K], infinite for none; `idle` [W], what every
    tile takes at none, default nothing; `leakage`.

    **Returns:** a; 0 where the chip is too hot even at rest.
    """
    limit = jnp.asarray(limit, jnp.result_type(network.ambient))
    rest = jnp.zeros_like(power) if idle is None else idle
    if leakage is not None:
        return _bisected(network, power, limit, rest, leakage)
    allowed = _headroom(network, power, limit, rest)
    too_hot = jnp.any(network.steady(rest) > limit)
    return jnp.where(too_hot | (allowed < 0), 0.0, jnp.where(allowed < 1, allowed, 1.0))


def power_cap(network: ThermalNetwork, pattern: Map, limit: float | Scalar, *, idle: Map | None = None) -> Scalar:
    r"""The largest power P [W] of all tiles together, spread as `pattern` w, that keeps every tile at or below `limit`:
    $P = \min_n (T_{lim} - T_n^{idle}) / \Delta T_n$, with $\Delta T$ the rise under $w / \sum w$.

    For the cap of one tile or tier, a pattern that is zero elsewhere, and what the others take as `idle`.

    **Arguments:** `pattern`, zero or more, in any unit; `limit` [K]; `idle` [W], default nothing.

    **Returns:** P; below zero where the chip is too hot without any.
    """
    limit = jnp.asarray(limit, jnp.result_type(network.ambient))
    return _headroom(network, pattern / jnp.sum(pattern), limit, jnp.zeros_like(pattern) if idle is None else idle)


def thermal_caps(network: ThermalNetwork, pattern: Map, limit: float | Scalar, *, idle: Map | None = None) -> Caps:
    r"""Caps for `timing.schedule` under which no tile ever gets hotter than `limit` [K]: `average_W` is `power_cap`,
    its time constant that of a tile whose neighbours stand still,
    $\tau = C / (4 G_l + 2 G_v + 1 / R_s)$, with as many neighbours as any tile has.

    No mode of the network is faster, so the temperature is a mean of past averages, and below the limit where they all
    are. This holds from a start at the temperature of `idle`, and as far as products heat the chip as `pattern` says.

    **Arguments:** as of `power_cap`. **Raises:** `ValueError` if `idle` alone is too hot.
    """
    most = float(power_cap(network, pattern, limit, idle=idle))
    if not most > 0:
        raise ValueError(f"the chip is at {float(limit):g} K or above without any product; give a higher limit")
    neighbours = sum(min(n - 1, 2) for n in (network.rows, network.cols))
    around = neighbours * network.lateral + min(network.tiers - 1, 2) * network.vertical + 1.0 / network.sink
    return Caps(average_W=most, time_constant_s=float(network.capacity / around))


def bisect(network: ThermalNetwork, power: Map, limit: Scalar, rest: Map, leakage: Leakage) -> Scalar:
    """`throttle` with leakage of `power` [W] above what stays, `rest`, to the `limit` [K], without a gradient. A chip
    that runs away is infinitely hot, whatever the limit."""

    def halve(count: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends  # below: known to be good, or nothing is; above: known to be bad, but 2 at first
        middle = jnp.where(count == 0, 1.0, 0.5 * (low + high))
        hottest = jnp.max(approach(network, middle * power + rest, leakage))
        good = jnp.isfinite(hottest) & (hottest <= limit)
        return jnp.where(good, middle, low), jnp.where(good, high, middle)

    low, high = lax.fori_loop(0, _HALVINGS, halve, (jnp.zeros_like(limit), jnp.full_like(limit, 2.0)))
    return jnp.where(high > 1, 1.0, low)


def _headroom(network: ThermalNetwork, power: Map, limit: Scalar, rest: Map) -> Scalar:
    """How often `power` fits below the limit, beside `rest`."""
    rise = network.rise(power)
    warms = rise > 0
    return jnp.min(jnp.where(warms, (limit - network.steady(rest)) / jnp.where(warms, rise, 1.0), jnp.inf))


def _bisected(network: ThermalNetwork, power: Map, limit: Scalar, rest: Map, leakage: Leakage) -> Scalar:
    peak = lambda given, a: jnp.max(settle(given[0], a * given[1] + given[2], given[3]))
    given = (network, power, rest, leakage)
    fixed, fixed_limit = lax.stop_gradient((given, limit))
    low = bisect(fixed[0], fixed[1], fixed_limit, fixed[2], fixed[3])
    slope = jax.jvp(lambda a: peak(fixed, a), (low,), (jnp.ones_like(low),))[1]
    inside = (low > 0) & (low < 1) & jnp.isfinite(slope) & (slope > 0)
    hottest = peak(given, low)  # at `low` itself: only what the arguments change moves it
    change = jnp.where(inside, lax.stop_gradient(hottest) - hottest + limit - fixed_limit, 0.0)
    return low + change / jnp.where(inside, slope, 1.0)
