"""Total cost of ownership: what a token costs on a chip and on a GPU, and from which demand on the chip is cheaper."""

import equinox as eqx
import jax.numpy as jnp

from ..._types import Scalar, physical
from ...units import W, day, year
from ._quantities import at_least, check_quantities, is_known


_KWH = 3.6e6  # J


class Economics(eqx.Module):
    """What a kilowatt-hour and a year cost, whatever the machine. No interest and no inflation."""

    electricity: Scalar = physical(0.12, unit="USD/kWh", doc="assumed: price for industry")
    pue: Scalar = at_least(1.0, 1.5, doc="assumed: power of the site over that of its machines")
    utilisation: Scalar = physical(
        0.5, doc="assumed: share of its peak that a machine can serve over a day", above=0.0, at_most=1.0
    )
    lifetime: Scalar = physical(5 * year, unit="s", doc="assumed: years until a machine is replaced", above=0.0)
    maintenance: Scalar = physical(0.05, doc="assumed: repair and staff, share of the capital a year")

    def __check_init__(self) -> None:
        check_quantities(self)
        if is_known(self.pue) and not self.pue >= 1.0:
            raise ValueError(
                f"Economics: pue must be at least 1, the power of the machines themselves, got {self.pue!s}"
            )


class AbstractMachine(eqx.Module):
    """What serves tokens: `capital` [USD], at its peak `tokens_per_s`; `energy_per_token` [J] on top of the
    `standby_power` [W], which it draws day and night."""

    capital: eqx.AbstractVar[Scalar]
    tokens_per_s: eqx.AbstractVar[Scalar]
    energy_per_token: eqx.AbstractVar[Scalar]
    standby_power: eqx.AbstractVar[Scalar]


class AimcMachine(AbstractMachine):
    r"""A machine of analog chips. Its capital is

    $$n_{dies} \frac{p_{die} + p_{package} + p_{design}}{Y_{assembly}} + p_{board}$$

    and what refreshes the weights draws $E_{refresh} / t_{refresh}$ besides the standby of the chips.

    **Arguments:** `tokens_per_s` and `energy_per_token` [J] of the machine, from its cost model; `die_price` from
    `die_price`, if the process is known.
    """

    tokens_per_s: Scalar = physical(unit="tokens/s", doc="of the cost model", above=0.0)
    energy_per_token: Scalar = physical(unit="J", doc="of the cost model")
    dies: Scalar = physical(1.0, doc="chips of one machine", above=0.0)
    die_price: Scalar = physical(50.0, unit="USD", doc="assumed; see `die_price`")
    package_price: Scalar = physical(20.0, unit="USD", doc="assumed: package and its test, of one die")
    design_price: Scalar = physical(0.0, unit="USD", doc="of the user: masks and design over the number of dies made")
    assembly_yield: Scalar = physical(0.98, doc="assumed: packaged dies that work", above=0.0, at_most=1.0)
    board_price: Scalar = physical(500.0, unit="USD", doc="assumed: board, memory and share of a host")
    idle_power: Scalar = physical(5.0 * W, unit="W", doc="assumed: leakage of the chips and share of a host")
    refresh_energy: Scalar = physical(0.0, unit="J", doc="of the user: writing all weights again once")
    refresh_period: Scalar = physical(30 * day, unit="s", doc="assumed: a month", above=0.0)

    def __check_init__(self) -> None:
        check_quantities(self)

    @property
    def capital(self) -> Scalar:
        """Price of the machine [USD]."""
        chips = self.dies * (self.die_price + self.package_price + self.design_price)
        return chips / self.assembly_yield + self.board_price

    @property
    def standby_power(self) -> Scalar:
        """Power without work [W], refreshes included."""
        return self.idle_power + self.refresh_energy / self.refresh_period


class GpuMachine(AbstractMachine):
    r"""A GPU that reads `weights` once for every step of a batch of B sequences:

    $$r = \min\Big(\frac{B\,\text{bandwidth}}{\text{weights} \times \text{bytes}},
      \frac{\text{peak}}{2\,\text{weights}}\Big), \qquad E_{token} = \frac{P - P_{standby}}{r}$$

    It favours the GPU: no KV cache, no gaps between kernels, full power only for work. Of a mixture of experts,
    `weights` are those that a step reads: those of a token, if B is 1.

    **Reference:** A100 as baseline of Büchel et al., Nat. Comput. Sci. 5 (2025): 1555 GB/s, 5 bits a weight, 400 W;
    312 TFLOPS in fp16 of its data sheet. Prices are assumed.
    """

    weights: Scalar = physical(doc="of the model: parameters read in a step", above=0.0)
    batch: Scalar = physical(1.0, doc="of the user: sequences side by side", above=0.0)
    bytes_per_weight: Scalar = physical(0.625, unit="B", doc="5 bits (Büchel, 2025)", above=0.0)
    bandwidth: Scalar = physical(1555e9, unit="B/s", doc="A100 (Büchel, 2025)", above=0.0)
    peak: Scalar = physical(312e12, unit="1/s", doc="fp16 operations of the A100, its data sheet", above=0.0)
    power: Scalar = physical(400.0 * W, unit="W", doc="A100 (Büchel, 2025)")
    standby_power: Scalar = physical(50.0 * W, unit="W", doc="assumed")
    price: Scalar = physical(10000.0, unit="USD", doc="assumed")
    host_price: Scalar = physical(5000.0, unit="USD", doc="assumed: share of a server")

    def __check_init__(self) -> None:
        check_quantities(self)
        if is_known(self.power) and is_known(self.standby_power) and not self.power >= self.standby_power:
            raise ValueError(
                f"GpuMachine: power must be at least standby_power, {self.standby_power!s} W, got {self.power!s}"
            )

    @property
    def capital(self) -> Scalar:
        """Price of the machine [USD]."""
        return self.price + self.host_price

    @property
    def tokens_per_s(self) -> Scalar:
        """Tokens of all sequences, bound by memory or arithmetic."""
        read = self.batch * self.bandwidth / (self.weights * self.bytes_per_weight)
        return jnp.minimum(read, self.peak / (2.0 * self.weights))

    @property
    def energy_per_token(self) -> Scalar:
        """Energy [J] beyond standby."""
        return (self.power - self.standby_power) / self.tokens_per_s


def capacity(machine: AbstractMachine, economics: Economics) -> Scalar:
    """Tokens a day that one machine serves."""
    return machine.tokens_per_s * economics.utilisation * day


def fixed_cost(machine: AbstractMachine, economics: Economics) -> Scalar:
    r"""USD a day of one machine, busy or not: $\text{capital}\,(1/L + m) + P_{standby}\,\text{PUE}\,p$, with L the
    lifetime, m the maintenance and p the price of electricity."""
    owned = machine.capital * (day / economics.lifetime + economics.maintenance * day / year)
    return owned + machine.standby_power * day * _price_of_joule(economics)


def token_cost(machine: AbstractMachine, economics: Economics) -> Scalar:
    r"""USD of the energy of one token: $E_{token}\,\text{PUE}\,p$."""
    return machine.energy_per_token * _price_of_joule(economics)


def cost_per_day(machine: AbstractMachine, economics: Economics, tokens_per_day: Scalar) -> Scalar:
    r"""USD a day for a demand of x `tokens_per_day`:

    $$C(x) = v\,x + F\,\max(1, x / c)$$
    with v `token_cost`, F `fixed_cost`, c `capacity`: one machine at least, and beyond what it serves as many as it
    takes (a part of a machine at its part of the price, so that there are no steps)."""
    machines = jnp.maximum(tokens_per_day / capacity(machine, economics), 1.0)
    return token_cost(machine, economics) * tokens_per_day + fixed_cost(machine, economics) * machines


def cost_per_million(
    machine: AbstractMachine, economics: Economics, *, tokens_per_day: Scalar | float | None = None
) -> Scalar:
    r"""USD of a million tokens, $10^6\,C(x)/x$, at a demand of x `tokens_per_day`; `None`: what machines serve at their
    utilisation, the least there is."""
    demand = capacity(machine, economics) if tokens_per_day is None else jnp.asarray(tokens_per_day, float)
    return 1e6 * cost_per_day(machine, economics, demand) / demand


def _price_of_joule(economics: Economics) -> Scalar:
    return economics.electricity / _KWH * economics.pue
