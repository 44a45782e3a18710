"""The node and supply of a chip, and how published numbers of other nodes scale to them."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..units import MHz, V, nm


Number = float | int | Float[Array, ""]

# Node [nm] and the coefficients of its energy factor a V^2 + b V + c
_FACTORS = np.asarray([
    (7, 0.1776, -0.09097, 0.02447),
    (10, 0.2068, -0.09311, 0.02375),
    (14, 0.2363, -0.09675, 0.02239),
    (16, 0.2958, -0.1241, 0.03024),
    (20, 0.373, -0.1582, 0.04104),
    (32, 0.9559, -0.7823, 0.471),
    (45, 1.103, -0.362, 0.2767),
    (65, 3.755, -4.398, 1.975),
    (90, 4.762, -4.781, 2.092),
    (130, 7.171, -6.709, 2.904),
])  # fmt: skip


class Technology(eqx.Module):
    r"""Node, supply, temperature and clock of the digital parts of a chip. What was published at node $T_0$ and
    supply $V_0$ becomes, at T and V,

    $$E = E_0 \frac{f_T(V)}{f_{T_0}(V_0)}, \quad t = t_0 \frac{T}{T_0}, \quad A = A_0 \frac{T^2}{T_0^2}, \qquad
      f_T(V) = a_T V^2 + b_T V + c_T$$

    with the coefficients linear between the nodes of the table: a kink at each of them, where the gradient is that of
    one side.

    **Arguments:** `node` (T) [m], 7 to 130 nm, others are refused; `vdd` (V) [V]; `temperature` [K]; `clock` [Hz].

    **Reference:** Stillmaker and Baas, Integration 58:74 (2017): the energy factors, and their use as in CiMLoop;
    latency linear in the node, area in its square.
    """

    node: Scalar = physical(45 * nm, unit="m", doc="assumed: the node of most digital constants", above=0.0)
    vdd: Scalar = physical(0.9 * V, unit="V", doc="assumed: the supply of most digital constants", above=0.0)
    temperature: Scalar = physical(300.0, unit="K", doc="assumed", above=0.0)
    clock: Scalar = physical(500 * MHz, unit="Hz", doc="assumed", above=0.0)

    def __check_init__(self) -> None:
        check_node(self.node)

    def energy(self, node: Number, vdd: Number) -> Float[Array, ""]:
        """The factor on an energy that was published at `node` [m] and `vdd` [V]."""
        return energy_factor(self.node, self.vdd) / energy_factor(node, vdd)

    def latency(self, node: Number) -> Float[Array, ""]:
        """The factor on a time that was published at `node` [m]."""
        return self.node / node

    def area(self, node: Number) -> Float[Array, ""]:
        """The factor on an area that was published at `node` [m]."""
        return (self.node / node) ** 2


def energy_factor(node: Number, vdd: Number) -> Float[Array, ""]:
    """The energy of an operation relative to others of the table, at `node` [m] and `vdd` [V].

    **Raises:** `ValueError` for a known node beyond the table.
    """
    check_node(node)
    vdd = jnp.asarray(vdd, float)
    nodes = jnp.asarray(_FACTORS[:, 0] * nm, float)
    a, b, c = (jnp.interp(jnp.asarray(node, float), nodes, jnp.asarray(_FACTORS[:, k], float)) for k in (1, 2, 3))
    return (a * vdd + b) * vdd + c


def check_node(node: Any) -> None:
    """Raises `ValueError` for a node beyond 7 to 130 nm, unless it is traced."""
    if isinstance(node, Tracer):
        return
    sizes, (first, last) = np.asarray(node, np.float64) / nm, (_FACTORS[0, 0], _FACTORS[-1, 0])
    if not np.all((first * (1 - 1e-6) <= sizes) & (sizes <= last * (1 + 1e-6))):
        size = sizes.max() if sizes.max() > last else sizes.min()
        raise ValueError(f"no energy factors at {size:g} nm; the table holds nodes from {first:g} to {last:g} nm")
