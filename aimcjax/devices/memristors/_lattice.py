"""Kinetic Monte-Carlo of how a filament forms: vacancies appear one by one until they connect the electrodes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ..._types import PRNGKey, Scalar, physical
from ...units import V, nm
from ._numerics import BOLTZMANN


class FilamentLattice(eqx.Module):
    r"""An oxide of `rows` (thickness, between the electrodes) times `cols` (width) sites under a voltage ramp.

    Every site without a vacancy gets one at the rate
    $$\lambda_i(v) = \nu_0 \exp\!\Big(-\frac{q E_a - q \alpha F_i}{kT}\Big), \qquad F_i = \frac{v}{a\, m_i}, \qquad
      v = \dot v\, t,$$
    where $m_i$ is the smallest number of vacancies that are missing on any path through site i from one electrode to
    the other, and a the distance of rows. A path goes one row at a time and moves sideways by at most `reach` columns.
    Vacancies do not move or recombine. The field is an approximation: the whole voltage drops over the missing sites
    of the best path, no Laplace equation or resistor network is solved.

    With `reach=0` columns are independent (weakest link): the chance that n columns survive a voltage is the n-th
    power of that of one, hence Weibull-like statistics and lower voltages for wider cells.

    **Arguments:** `rows`, `cols`, `reach` (static); `nu_0` [1/s]; `e_a` [V]; `alpha` [m], the dipole length with its
    local field; `spacing` a [m]; `temperature` [K]; `ramp` [V/s].

    **Raises:** `ValueError` for fewer than one row or column or a negative reach.

    **Reference:** generation rate: McPherson and Mogul, J. Appl. Phys. 84:1513 (1998); percolating columns: Suñé, IEEE
    EDL 22:296 (2001); paths: assumed. Every number is assumed.
    """

    rows: int = eqx.field(static=True, default=8)
    cols: int = eqx.field(static=True, default=16)
    reach: int = eqx.field(static=True, default=1)
    nu_0: Scalar = physical(1e13, unit="Hz", doc="assumed: a phonon frequency")
    e_a: Scalar = physical(1.3 * V, unit="V", doc="assumed")
    alpha: Scalar = physical(0.5 * nm, unit="m", doc="assumed")
    spacing: Scalar = physical(0.5 * nm, unit="m", doc="assumed")
    temperature: Scalar = physical(300.0, unit="K", doc="assumed")
    ramp: Scalar = physical(1.0, unit="V/s", doc="assumed")

    def __check_init__(self) -> None:
        if self.rows < 1 or self.cols < 1 or self.reach < 0:
            raise ValueError(
                f"a lattice needs rows and cols from 1 and reach from 0, got {self.rows}, {self.cols}, {self.reach}"
            )

    def missing(self, occupied: Bool[Array, "rows cols"]) -> Int[Array, "rows cols"]:
        """The smallest number of vacancies missing on any path through each site."""
        empty = 1 - occupied.astype(jnp.int32)
        down = self._fewest(empty)
        up = self._fewest(empty[::-1])[::-1]
        return down + up - empty  # the site itself is counted from both sides

    def _fewest(self, empty: Int[Array, "rows cols"]) -> Int[Array, "rows cols"]:
        def below(above: Array, row: Array) -> tuple[Array, Array]:
            sides = jnp.pad(above, self.reach, constant_values=self.rows + 1)
            best = jnp.stack([sides[shift : shift + self.cols] for shift in range(2 * self.reach + 1)]).min(axis=0)
            return row + best, row + best

        return lax.scan(below, jnp.zeros(self.cols, jnp.int32), empty)[1]


class Formation(eqx.Module):
    """What `form` returns: `v` [V], at which the last vacancy of the filament appeared; `occupied`, the vacancies then;
    `events`, how many there are."""

    v: Float[Array, ""]
    occupied: Bool[Array, "rows cols"]
    events: Int[Array, ""]


def form(lattice: FilamentLattice, *, key: PRNGKey) -> Formation:
    r"""Ramps the voltage from zero until a path of vacancies connects the electrodes.

    Exact, without time steps (first reaction method): after every event each empty site draws how much of its
    integrated rate it survives, $E_i \sim \mathrm{Exp}(1)$, and the integral over the ramp is inverted,
    $$\int_{v_1}^{v_i} \frac{\lambda_i}{\dot v}\,dv = E_i \;\Rightarrow\;
      v_i = \frac{1}{c_i} \ln\!\Big(e^{c_i v_1} + \frac{c_i \dot v E_i}{\nu_0 e^{-q E_a/kT}}\Big), \qquad
      c_i = \frac{q \alpha}{k T a\, m_i};$$
    the smallest $v_i$ happens. Rates of the others change, so they draw anew, which memoryless waiting allows. Forward
    derivatives exist (`jax.jvp`, paths fixed), reverse ones do not: the number of events is not known in advance.

    **Arguments:** `lattice`; `key`, used once. Populations are `vmap` over keys, lattices or both.

    **Reference:** Gillespie, J. Comput. Phys. 22:403 (1976).
    """
    slope_one = lattice.alpha / (lattice.spacing * BOLTZMANN * lattice.temperature)
    log_rate = jnp.log(lattice.nu_0) - lattice.e_a / (BOLTZMANN * lattice.temperature)

    def connected(state: Formation) -> Bool[Array, ""]:
        return jnp.any(lattice.missing(state.occupied) == 0)

    def next_event(state: Formation) -> Formation:
        missing = jnp.maximum(lattice.missing(state.occupied), 1).astype(state.v.dtype)
        slope = slope_one / missing
        waiting = jr.exponential(jr.fold_in(key, state.events), state.occupied.shape, state.v.dtype)
        # Both terms in logarithms: either overflows float32 at some forming voltage.
        v = jnp.logaddexp(slope * state.v, jnp.log(slope * lattice.ramp * waiting) - log_rate) / slope
        v = jnp.where(state.occupied, jnp.inf, v)
        first = jnp.argmin(v)
        occupied = state.occupied.ravel().at[first].set(True).reshape(state.occupied.shape)
        return Formation(v=v.ravel()[first], occupied=occupied, events=state.events + 1)

    start = Formation(
        v=jnp.zeros_like(slope_one),
        occupied=jnp.zeros((lattice.rows, lattice.cols), bool),
        events=jnp.zeros((), jnp.int32),
    )
    return lax.while_loop(lambda state: ~connected(state), next_event, start)


def forming_voltage(lattice: FilamentLattice, *, key: PRNGKey) -> Scalar:
    """The voltage [V] at which `form` connects the electrodes."""
    return form(lattice, key=key).v


def forming_voltages(lattice: FilamentLattice, number: int, *, key: PRNGKey) -> Float[Array, " cells"]:
    """`forming_voltage` [V] of `number` independent cells."""
    return jax.vmap(lambda key: forming_voltage(lattice, key=key))(jr.split(key, number))
