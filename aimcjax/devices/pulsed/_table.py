"""Steps and their noise from tables of measured pulses."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Real

from ..._types import AnyArray, PRNGKey
from ._base import AbstractPulseNoise, AbstractStep, Cell, Direction, Traits


Nodes = Float[Array, " nodes"]


class LookUpTable(AbstractStep):
    r"""$\Delta w_\pm = \pm\alpha_\pm f_\pm(w)$ with $f_\pm$ linear between tabulated weights and constant beyond.

    **Arguments:** `w` the tabulated weights, rising; `up`, `down` the mean lengths of a pulse there, in units of the
    device's `dw_min` (give that 1 to have them absolute).

    **Reference:** none: the data of the table.
    """

    w: Nodes
    up: Nodes
    down: Nodes

    @classmethod
    def from_table(
        cls, w: Real[AnyArray, " nodes"], up: Real[AnyArray, " nodes"], down: Real[AnyArray, " nodes"]
    ) -> "LookUpTable":
        """The law of a table in any order of weights; `down` may be signed, as measured.

        **Raises:** `ValueError` if the columns differ in length, have under two rows or repeat a weight.
        """
        w, up, down = _sorted_columns(w, up, jnp.abs(jnp.asarray(down, dtype=float)))
        return cls(w, up, down)

    @classmethod
    def from_samples(
        cls, w: Real[AnyArray, " nodes"], up: Real[AnyArray, "nodes repeats"], down: Real[AnyArray, "nodes repeats"]
    ) -> tuple["LookUpTable", "TableNoise"]:
        """Mean law and noise of repeated measurements: `up` and `down` of shape `nodes repeats`, both positive
        where the weight follows the pulse.

        **Raises:** `ValueError` as `from_table`.
        """
        up, down = jnp.asarray(up, dtype=float), jnp.asarray(down, dtype=float)
        nodes, mean_up, mean_down = _sorted_columns(w, up.mean(axis=1), down.mean(axis=1))
        _, std_up, std_down = _sorted_columns(w, up.std(axis=1, ddof=1), down.std(axis=1, ddof=1))
        return cls(nodes, mean_up, mean_down), TableNoise(nodes, std_up, std_down)

    def draw(self, traits: Traits, nominal: Traits, *, key: PRNGKey | None) -> None:
        """Nothing."""

    def size(self, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\alpha_\\pm f_\\pm(w)$."""
        return traits.alpha(up) * _interpolate(self.w, self.up, self.down, w, up)


class TableNoise(AbstractPulseNoise):
    r"""$\Delta w + \alpha_\pm s_\pm(w)\xi$ with $s_\pm$ linear between tabulated weights: `w`, `up`, `down` as
    in `LookUpTable`."""

    w: Nodes
    up: Nodes
    down: Nodes

    def std(self, size: Cell, w: Cell, up: Direction, traits: Traits) -> Cell:
        """$\\alpha_\\pm s_\\pm(w)$."""
        return traits.alpha(up) * _interpolate(self.w, self.up, self.down, w, up)


def _interpolate(nodes: Nodes, up_values: Nodes, down_values: Nodes, w: Cell, up: Direction) -> Cell:
    right = jnp.searchsorted(nodes, w).astype(jnp.int32).clip(1, nodes.shape[0] - 1)
    left = right - 1
    x = ((w - nodes[left]) / (nodes[right] - nodes[left])).clip(0.0, 1.0)
    table, shift = jnp.concatenate([up_values, down_values]), jnp.where(up, 0, nodes.shape[0])
    low, high = table[left + shift], table[right + shift]
    return low + (high - low) * x


def _sorted_columns(w: Any, up: Any, down: Any) -> tuple[Nodes, Nodes, Nodes]:
    columns = [jnp.asarray(column, dtype=float) for column in (w, up, down)]
    shapes = [column.shape for column in columns]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or shapes[0][0] < 2:
        raise ValueError(f"a table needs two or more rows and equally long columns w, up, down; got {shapes}")
    if not isinstance(columns[0], Tracer) and np.unique(np.asarray(columns[0])).size < shapes[0][0]:
        raise ValueError("a table needs each weight once, got a repeated weight: average its rows first")
    order = jnp.argsort(columns[0])
    w, up, down = (column[order] for column in columns)
    return w, up, down
