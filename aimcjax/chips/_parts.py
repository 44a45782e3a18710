"""What is on a die besides the arrays: what every action of it takes, as numbers with their source."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..periphery import AbstractCostModel, DriverCost, WaldenCost
from ..units import GHz, fJ, mW, nm, ns, pJ, um2, uW


class Core(eqx.Module):
    r"""What tiles take besides the physics of their design. One MVM of a tile reads its array n times (bit-serial
    inputs), each of them in `phases`, and then converts its columns:

    $$t_{mvm} = p\,(n\,t_{read} + C_{turn} / f_{adc})$$

    **Arguments:** `t_read` [s]; `phases` (p): a chip that adds the signs of inputs and weights digitally reads four
    times; `cols_per_adc`, for converters whose design does not say it (`SharedAdc`); `cell_area` [m2] of one cell,
    `static_power` [W] of one tile; `adc`, `dac`, what conversions cost. For models that are not programmed, `mean_g`:
    the mean conductance of the cells of one weight together, as a part of the range of one; without a batch,
    `input_power`: the mean square of inputs over full scale.
    """

    t_read: Scalar = physical(
        100 * ns, unit="s", doc="assumed; one MVM of HERMES takes 132.9 ns (Le Gallo, Nat. Electron. 6:680, 2023)"
    )
    phases: Scalar = physical(1.0, doc="all signs in one read", above=0.0)
    cols_per_adc: Scalar = physical(8.0, doc="assumed: columns that share one converter", above=0.0)
    cell_area: Scalar = physical(0.04 * um2, unit="m2", doc="assumed: 1T1R, 25 F^2 at F = 40 nm")
    static_power: Scalar = physical(10 * uW, unit="W", doc="assumed: leakage and bias of one tile")
    mean_g: Scalar = physical(0.25, doc="assumed, where nothing is programmed: a quarter of the range")
    input_power: Scalar = physical(0.1, doc="assumed, where no batch is given: normal inputs that clip at 3.2 sigma")
    adc: AbstractCostModel = eqx.field(default_factory=WaldenCost)
    dac: AbstractCostModel = eqx.field(default_factory=DriverCost)


class DigitalUnits(eqx.Module):
    """Digital logic: elementwise operations and products that are not on tiles, and units for products of activations
    (attention).

    **Arguments:** `n_units`, `n_attention`, how many there are; energies [J], rates of one unit [Hz]; `bits` of a
    number off the tiles (a weight, a key, a value); `area` [m2] and `static_power` [W] of one unit; `node` [m] and
    `vdd` [V] at which these numbers hold.
    """

    n_units: int = eqx.field(static=True, default=1)
    n_attention: int = eqx.field(static=True, default=1)
    energy_per_op: Scalar = physical(
        0.4 * pJ, unit="J", doc="fp16 add, 45 nm, 0.4 pJ (Horowitz, ISSCC 2014), for every elementwise operation"
    )
    energy_per_mac: Scalar = physical(
        1.5 * pJ, unit="J", doc="fp16 multiply 1.1 pJ and add 0.4 pJ, 45 nm (Horowitz, ISSCC 2014)"
    )
    ops_per_s: Scalar = physical(1e12, unit="Hz", doc="assumed: operations per second of one digital unit", above=0.0)
    attention_ops_per_s: Scalar = physical(
        1e12, unit="Hz", doc="assumed: operations per second of one attention unit", above=0.0
    )
    bits: Scalar = physical(16.0, doc="fp16, as its energies", above=0.0)
    area: Scalar = physical(100_000 * um2, unit="m2", doc="assumed: 0.1 mm2 a unit")
    static_power: Scalar = physical(1 * mW, unit="W", doc="assumed: leakage of one unit")
    node: Scalar = physical(45 * nm, unit="m", doc="Horowitz, ISSCC 2014", above=0.0)
    vdd: Scalar = physical(0.9, unit="V", doc="Horowitz, ISSCC 2014", above=0.0)


class AbstractLinks(eqx.Module):
    """How vectors get from tile to tile. `n_channels`, transfers at once (`None`: any number); `bits_per_s`, of one
    link; `energy(distance)` [J] of a bit and `latency(distance)` [s] of the first one between tiles so far apart on the
    grid."""

    n_channels: eqx.AbstractVar[int | None]
    bits_per_s: eqx.AbstractVar[Scalar]
    router_area: eqx.AbstractVar[Scalar]
    node: eqx.AbstractVar[Scalar]
    vdd: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def energy(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """Of one bit [J] between tiles that are `distance` steps apart on the grid (`jnp` arrays)."""

    @abc.abstractmethod
    def latency(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """Of the first bit [s] between tiles that are `distance` steps apart on the grid."""


class Mesh(AbstractLinks):
    """Every tile has a router and links to its neighbours; a message takes one hop to enter the mesh and one for every
    step between rows and columns.

    **Arguments:** `n_channels`, `None`: messages do not wait for each other (assumed); of one hop: `hop_energy_per_bit`
    [J], `hop_latency` [s]; of a link: `bits_per_s` [Hz]; `router_area` [m2]; `node` [m] and `vdd` [V] at which these
    numbers hold.
    """

    n_channels: int | None = eqx.field(static=True, default=None)
    hop_energy_per_bit: Scalar = physical(
        64 * fJ,
        unit="J",
        doc="0.2 fF/um wire (NeuroSim V2.1) x (0.8 V)^2 x 1 mm x activity 1/2; length, supply, activity assumed",
    )
    hop_latency: Scalar = physical(1 * ns, unit="s", doc="assumed: one cycle of a router at 1 GHz")
    bits_per_s: Scalar = physical(512 * GHz, unit="Hz", doc="assumed: links of 512 bits at 1 GHz", above=0.0)
    router_area: Scalar = physical(10_000 * um2, unit="m2", doc="assumed")
    node: Scalar = physical(45 * nm, unit="m", doc="assumed", above=0.0)
    vdd: Scalar = physical(0.9, unit="V", doc="assumed", above=0.0)

    def energy(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """See `AbstractLinks.energy`."""
        return (1.0 + distance) * self.hop_energy_per_bit

    def latency(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """See `AbstractLinks.latency`."""
        return (1.0 + distance) * self.hop_latency


class Bus(AbstractLinks):
    """One set of wires for all tiles: distance makes no difference.

    **Arguments:** `n_channels`, sets of wires, each with one transfer at a time in an event-driven schedule (`None`: as
    many as are asked for); `energy_per_bit` [J], `transfer_latency` [s], `bits_per_s` [Hz]; `router_area` [m2], of the
    interface of a tile; `node` [m] and `vdd` [V] at which these numbers hold.
    """

    n_channels: int | None = eqx.field(static=True, default=1)
    energy_per_bit: Scalar = physical(10 * fJ, unit="J", doc="3D-CiM-LLM simulator: 0.041 nJ for 512 bytes")
    transfer_latency: Scalar = physical(10 * ns, unit="s", doc="3D-CiM-LLM simulator: 10 ns a vector")
    bits_per_s: Scalar = physical(512 * GHz, unit="Hz", doc="assumed: 512 bits at 1 GHz", above=0.0)
    router_area: Scalar = physical(1000 * um2, unit="m2", doc="assumed")
    node: Scalar = physical(45 * nm, unit="m", doc="assumed", above=0.0)
    vdd: Scalar = physical(0.9, unit="V", doc="assumed", above=0.0)

    def energy(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """See `AbstractLinks.energy`."""
        return 0.0 * distance + self.energy_per_bit

    def latency(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """See `AbstractLinks.latency`."""
        return 0.0 * distance + self.transfer_latency


class Buffer(eqx.Module):
    """The memory on the die that holds activations, keys and values.

    **Arguments:** `capacity` [bits], a plain number; `energy_per_bit` [J] of a read or a write; `area_per_bit` [m2];
    `static_power` [W] of all of it; `node` [m] and `vdd` [V] at which these numbers hold.
    """

    capacity: Scalar = physical(8388608.0, doc="assumed: 1 MiB", above=0.0)
    energy_per_bit: Scalar = physical(
        0.3125 * pJ,
        unit="J",
        doc="64 bits of a 32 kB cache, 45 nm, 20 pJ (Horowitz, ISSCC 2014); the banks are assumed",
    )
    area_per_bit: Scalar = physical(0.7 * um2, unit="m2", doc="assumed: a 6T cell of 45 nm and as much around it")
    static_power: Scalar = physical(1 * mW, unit="W", doc="assumed")
    node: Scalar = physical(45 * nm, unit="m", doc="Horowitz, ISSCC 2014", above=0.0)
    vdd: Scalar = physical(0.9, unit="V", doc="Horowitz, ISSCC 2014", above=0.0)


class Dram(eqx.Module):
    """Memory beside the die: weights that are not on tiles, once a batch, and keys and values that the buffer does not
    hold.

    **Arguments:** `energy_per_bit` [J]; `bits_per_s` [Hz]; `static_power` [W].
    """

    energy_per_bit: Scalar = physical(
        5.78 * pJ, unit="J", doc="0.2467 W at 5.332 GB/s (3D-CiM-LLM simulator, Buechel, Nat. Comput. Sci. 5:13, 2025)"
    )
    bits_per_s: Scalar = physical(
        42.656 * GHz,
        unit="Hz",
        doc="5.332 GB/s (the 3D-CiM-LLM simulator of Buechel 2025)",
        above=0.0,
    )
    static_power: Scalar = physical(0.0, unit="W", doc="assumed: off where nothing is in it")
