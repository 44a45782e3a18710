"""What writing costs and wears: pulses of every cell, energy, time, and how long the cells will endure it."""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._types import Scalar, physical
from ...components import shorten
from ...units import day


_YEARS = 1e30  # of samples: what the search for a lifetime calls for ever


class WriteStats(eqx.Module):
    """What one or more updates wrote; statistics of several updates add up with `+`.

    `pulses`, of every cell, by array (`"layer/A"`); `samples`; `energy` [J]; `time` [s], of updates and reads.
    """

    pulses: dict[str, Float[Array, "*cell"]]
    samples: Scalar
    energy: Scalar
    time: Scalar

    def __add__(self, other: "WriteStats") -> "WriteStats":
        return jax.tree.map(jnp.add, self, other)

    def mean(self) -> dict[str, Scalar]:
        """Pulses per cell, averaged over each array."""
        return {name: jnp.mean(n) for name, n in self.pulses.items()}

    def max(self) -> dict[str, Scalar]:
        """Pulses of the most pulsed cell of each array."""
        return {name: jnp.max(n) for name, n in self.pulses.items()}


class WriteCost(eqx.Module):
    """What a pulse and a product cost: `t_pulse`, `t_mvm` [s], `pulse_energy` of one cell and pulse [J].

    **Reference:** times of Rasch et al., Nat. Commun. 15:7133 (2024), Table 1.
    """

    t_pulse: Scalar = physical(5e-9, unit="s", doc="Rasch 2024, Table 1")
    t_mvm: Scalar = physical(40e-9, unit="s", doc="Rasch 2024, Table 1")
    pulse_energy: Scalar = physical(1e-13, unit="J", doc="assumed")


@runtime_checkable
class Wearing(Protocol):
    """A device that knows how likely a cell has failed after n writes: `devices.Endurance`."""

    def failure_probability(self, n: Float[Array, "*cell"]) -> Float[Array, "*cell"]: ...


class Lifetime(NamedTuple):
    """Until the given share of the cells of an array exceeds its endurance: samples, epochs (NaN without their
    length), and days (of uninterrupted training)."""

    samples: float
    epochs: float
    days: float


def lifetime(
    stats: WriteStats,
    device: Wearing | float,
    *,
    share: float = 0.01,
    samples_per_epoch: float | None = None,
) -> dict[str, Lifetime]:
    r"""When a `share` of the cells of each array will have failed if training goes on as in `stats`: the N for which

    $$\frac1{|c|}\sum_c F(n_c N / N_{stats}) = \mathrm{share}$$

    **Arguments:** `stats`, with at least one sample; `device`, with `failure_probability` (`devices.Endurance`), or
    the pulses that a cell endures; `share` x of the cells in (0, 1); `samples_per_epoch`.

    **Returns:** by array; infinite where the share never fails. Days count the update time of `stats`.

    **Raises:** `ValueError` for statistics without samples, a share outside (0, 1), no endurance, or no epoch.
    """
    n_samples = float(stats.samples)
    known = isinstance(device, Wearing)
    if not known and not (isinstance(device, float | int | np.number | jax.Array) and float(device) > 0):
        raise ValueError(f"give the pulses that a cell endures, or a devices.Endurance, got {shorten(device)}")
    if samples_per_epoch is not None and not samples_per_epoch > 0:
        raise ValueError(f"samples_per_epoch is above 0, got {samples_per_epoch}")
    if n_samples <= 0 or not 0 < share < 1:
        raise ValueError(f"a lifetime needs samples and a share in (0, 1), got {n_samples:g} samples and {share:g}")
    seconds = float(stats.time) / n_samples
    found = {}
    for name, pulses in stats.pulses.items():
        samples = _samples_until(np.asarray(pulses, np.float64).ravel() / n_samples, device, share)
        epochs = samples / samples_per_epoch if samples_per_epoch else float("nan")
        found[name] = Lifetime(samples, epochs, samples * seconds / day)
    return found


def _samples_until(rate: np.ndarray, device: Wearing | float, share: float) -> float:
    """`rate` in pulses per sample."""
    if not isinstance(device, Wearing):
        ranked = np.sort(rate)[::-1]
        worst = float(ranked[min(int(np.ceil(share * ranked.size)), ranked.size) - 1])
        return float(device) / worst if worst > 0 else float("inf")
    failed = lambda n: float(jnp.mean(device.failure_probability(jnp.asarray(rate * n, float)))) >= share
    low, high = -3.0, np.log10(_YEARS)
    if not failed(10.0**high):
        return float("inf")
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if failed(10.0**middle) else (middle, high)
    return float(10.0**high)
