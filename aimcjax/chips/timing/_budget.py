"""Caps on the power of a chip's arrays, now and on average: what makes a schedule throttle."""

import math
from heapq import heappop, heappush

import equinox as eqx


class Caps(eqx.Module):
    r"""Limits that delay the start of MVMs, highest priority first, no overtaking.

    `power_W`: sum of the power (energy / duration) of the MVMs at work. `average_W`: limit of the leaky average
    $\tau\,\dot\theta = P - \theta$, $\theta(0) = 0$, of that power, with `time_constant_s` $= \tau$. A die with one
    thermal resistance to ambient stays below $T_{max}$ where `average_W` is $(T_{max} - T_{ambient})/R_{th}$, for
    $\tau = R_{th} C_{th}$. An MVM of duration d starts if $\theta$ will not exceed the limit by its end with all that
    is at work, $P' - (P' - \theta)\,e^{-d/\tau} \le$ `average_W`, which holds the limit where all MVMs last equally
    long.

    For a network of tiles and tiers `heat.thermal_caps` finds both.

    **Reference:** assumed, one thermal mode.
    """

    power_W: float = eqx.field(static=True, default=math.inf)
    average_W: float = eqx.field(static=True, default=math.inf)
    time_constant_s: float = eqx.field(static=True, default=1e-3)

    def __check_init__(self) -> None:
        for name in ("power_W", "average_W", "time_constant_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a positive number, or inf for no limit")


class Budget:
    """What is at work while a schedule is made, in ticks of `resolution` seconds."""

    def __init__(self, caps: Caps, resolution: float) -> None:
        self.caps, self.resolution = caps, resolution
        self.power = self.average = 0.0
        self._now = 0
        self._ends: list[tuple[int, float]] = []
        self._limit = math.inf  # that the average has to fall to for what was refused last

    def advance(self, now: int) -> None:
        """Time goes on to tick `now`."""
        while self._ends and self._ends[0][0] <= now:
            end, power = heappop(self._ends)
            self._decay(end)
            self.power = self.power - power if self._ends else 0.0
        self._decay(now)

    def _decay(self, now: int) -> None:
        kept = math.exp(-(now - self._now) * self.resolution / self.caps.time_constant_s)
        self.average = self.power + (self.average - self.power) * kept
        self._now = now

    def admits(self, power: float, ticks: int) -> bool:
        """Whether an operation may start now."""
        after, caps = self.power + power, self.caps
        self._limit = math.inf
        if after > caps.power_W * (1 + 1e-9):
            if not self._ends:
                raise ValueError(f"one MVM takes {power:.4g} W and power_W is {caps.power_W} W; give a higher cap")
            return False
        if after <= caps.average_W:
            return True
        growth = math.exp(min(ticks * self.resolution / caps.time_constant_s, 700.0))
        self._limit = after - (after - caps.average_W) * growth
        if self._limit <= 0 and not self._ends:
            raise ValueError(
                f"one MVM of {power:.4g} W for {ticks * self.resolution:.4g} s exceeds average_W {caps.average_W} W; "
                "give a higher cap or a longer time constant"
            )
        return self.average <= self._limit

    def start(self, power: float, end: int) -> None:
        """An operation starts now and works to tick `end`."""
        self.power += power
        heappush(self._ends, (end, power))

    def retry(self) -> int:
        """The next tick at which what was refused may be admitted: when an MVM ends, or the average has fallen."""
        ticks = [self._ends[0][0]] if self._ends else []
        if self.power < self._limit < self.average:
            fall = math.log((self.average - self.power) / (self._limit - self.power))
            ticks.append(self._now + max(1, math.ceil(fall * self.caps.time_constant_s / self.resolution)))
        return min(ticks)
