"""Tiles and tiers as a network of thermal resistances and capacities: steady and transient temperatures."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float

from ..._types import Scalar, Time, physical
from ...components import shorten
from ...units import K


Map = Float[Array, "tiers rows cols"]


class ThermalNetwork(eqx.Module):
    r"""A mesh of `rows` x `cols` tiles on each of `tiers`, tier 0 on the heat sink:

    $$C\,\dot T_n = P_n - \sum_{m \in \text{plane}} G_l\,(T_n - T_m) - \sum_{m \in \text{above, below}} G_v\,(T_n - T_m)
      - [\text{tier } 0]\,\frac{T_n - T_a}{R_s}$$

    All tiles are alike, so the modes of the mesh are cosines, and those of the tiers the eigenvectors of one small
    symmetric matrix: solutions are exact, at the cost of a few small products, for chips of any size. The die does not
    lose heat at its edges or at its top (assumed).

    **Arguments:** `rows`, `cols`, `tiers`; `lateral` $G_l$ [W/K] between neighbours of a tier; `vertical` $G_v$ [W/K]
    between a tile and the one above; `sink` $R_s$ [K/W] from a tile of tier 0 to the ambient, so that a package of
    $R$ on n tiles has $R_s = nR$; `capacity` C [J/K] of a tile; `ambient` $T_a$ [K].

    **Raises:** `ValueError` for no tiles, and for known values that are not above zero.

    **Reference:** heat conduction by finite volumes. Numbers are those of `of_silicon` for tiles of 0.5 mm.
    """

    rows: int = eqx.field(static=True)
    cols: int = eqx.field(static=True)
    tiers: int = eqx.field(static=True, default=1)
    lateral: Scalar = physical(14.8e-3, unit="W/K", doc="148 W/(m K) x 100 um thick (assumed)", above=0.0)
    vertical: Scalar = physical(25e-3, unit="W/K", doc="assumed: 1e5 W/(m2 K) of bonds x (0.5 mm)^2", above=0.0)
    sink: Scalar = physical(640.0, unit="K/W", doc="assumed: a package of 10 K/W under 64 tiles", above=0.0)
    capacity: Scalar = physical(
        4.08e-5, unit="J/K", doc="1.63e6 J/(m3 K) of silicon x (0.5 mm)^2 x 100 um (assumed)", above=0.0
    )
    ambient: Scalar = physical(298.15 * K, unit="K", doc="assumed: 25 C", above=0.0)

    def __check_init__(self) -> None:
        for name in ("rows", "cols", "tiers"):
            size = getattr(self, name)
            if not isinstance(size, int) or size < 1:
                raise ValueError(f"a thermal network has at least one of {name}, a whole number, got {shorten(size)}")
        for name in ("lateral", "vertical", "sink", "capacity", "ambient"):
            value = getattr(self, name)
            if eqx.is_array(value) and not isinstance(value, Tracer) and not np.all(np.asarray(value) > 0):
                raise ValueError(f"{name} of a thermal network is above 0, got {value}")

    @classmethod
    def of_silicon(
        cls,
        rows: int,
        cols: int,
        tiers: int = 1,
        *,
        pitch: float | Scalar,
        thickness: float | Scalar = 100e-6,
        bond: float | Scalar = 1e5,
        package: float | Scalar = 10.0,
        ambient: float | Scalar = 298.15,
    ) -> "ThermalNetwork":
        r"""Square tiles of silicon: $G_l = k d$, $G_v = h p^2$, $R_s = R \cdot rows \cdot cols$, $C = c\,p^2 d$.

        **Arguments:** `pitch` p and `thickness` d of a tier [m]; `bond` h, conductance of the bonds between tiers
        [W/(m2 K)]; `package` R, from the whole die to the ambient [K/W]; `ambient` [K]. Defaults are assumed.

        **Reference:** silicon at 300 K: k = 148 W/(m K), c = 2329 kg/m3 x 700 J/(kg K) = 1.63e6 J/(m3 K).
        """
        area = pitch * pitch
        return cls(
            rows,
            cols,
            tiers,
            lateral=148.0 * thickness,
            vertical=bond * area,
            sink=package * (rows * cols),
            capacity=1.63e6 * area * thickness,
            ambient=ambient,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(tiers, rows, cols)`, that of maps of power and temperature."""
        return self.tiers, self.rows, self.cols

    def steady(self, power: Map) -> Map:
        """The temperature [K] that every tile settles at under constant `power` [W]."""
        return self.ambient + self.rise(power)

    def rise(self, power: Map) -> Map:
        """How far above the ambient [K] every tile settles; linear in `power` [W]."""
        modes = self._modes()
        return modes.join(modes.split(self._checked(power)) / modes.conductance)

    def heat(self, rise: Map) -> Map:
        """The heat [W] that tiles `rise` [K] above the ambient give to their surroundings: the reverse of `rise`."""
        modes = self._modes()
        return modes.join(modes.conductance * modes.split(self._checked(rise)))

    def transient(
        self, power: Float[Array, "steps tiers rows cols"], *, dt: Time, start: Map
    ) -> Float[Array, "steps tiers rows cols"]:
        r"""The temperatures [K] at the end of every step of constant power, exact for steps of any length:
        $z(t + \Delta) = e^{-\lambda\Delta/C} z(t) + (1 - e^{-\lambda\Delta/C})\,p/\lambda$ in every mode.

        **Arguments:** `power` [W] of every step; `dt` [s], the length of a step; `start`, temperatures before the
        first [K].
        """
        modes = self._modes()
        ratio = dt * modes.conductance / self.capacity
        kept, gained = jnp.exp(-ratio), -jnp.expm1(-ratio)

        def step(z: Map, p: Map) -> tuple[Map, Map]:
            z = kept * z + gained * modes.split(self._checked(p)) / modes.conductance
            return z, self.ambient + modes.join(z)

        return lax.scan(step, modes.split(self._checked(start) - self.ambient), power)[1]

    def sink_heat(self, temperature: Map) -> Scalar:
        """The heat [W] that goes through the sink; in a steady state all the power."""
        return jnp.sum(self._checked(temperature)[0] - self.ambient) / self.sink

    def _checked(self, values: Map) -> Map:
        if jnp.shape(values) != self.shape:
            raise ValueError(f"a map has shape (tiers, rows, cols) = {self.shape}, got {jnp.shape(values)}")
        return jnp.asarray(values)

    def _modes(self) -> "_Modes":
        dtype = jnp.result_type(self.sink)
        steps = [_path_modes(n) for n in (self.rows, self.cols)]
        (by_row, along_rows), (by_col, along_cols) = ((jnp.asarray(a, dtype), jnp.asarray(b, dtype)) for a, b in steps)
        ladder = self.vertical * jnp.asarray(_laplacian(self.tiers), dtype)
        by_tier, along_tiers = jnp.linalg.eigh(ladder.at[0, 0].add(1.0 / self.sink))
        plane = self.lateral * (by_row[:, None] + by_col[None])
        return _Modes(along_tiers, along_rows, along_cols, by_tier[:, None, None] + plane[None])


class _Modes(NamedTuple):
    """What diagonalises a network: eigenvectors along tiers, rows and columns; the `conductance` of every mode."""

    tiers: Array
    rows: Array
    cols: Array
    conductance: Map

    def split(self, values: Map) -> Map:
        """A map as amplitudes of modes."""
        return jnp.einsum("trc,ta,ri,cj->aij", values, self.tiers, self.rows, self.cols, precision="highest")

    def join(self, amplitudes: Map) -> Map:
        """The map of amplitudes."""
        return jnp.einsum("aij,ta,ri,cj->trc", amplitudes, self.tiers, self.rows, self.cols, precision="highest")


def _path_modes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of a chain of n nodes with insulated ends: cosines."""
    order, node = np.arange(n), np.arange(n)[:, None]
    vectors = np.cos(np.pi * order * (node + 0.5) / n) * np.sqrt(np.where(order == 0, 1.0, 2.0) / n)
    return 4.0 * np.sin(np.pi * order / (2 * n)) ** 2, vectors


def _laplacian(n: int) -> np.ndarray:
    step = np.diff(np.eye(n), axis=0)
    return step.T @ step
