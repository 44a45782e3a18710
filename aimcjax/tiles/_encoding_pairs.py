"""Several pairs a weight, of different significance."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from .._types import Scalar, physical
from ..devices import AbstractDevice
from ._encoding import AbstractEncoding, check_scale, column_scale, scaled


class SignificancePairs(AbstractEncoding):
    r"""Pairs of cells whose currents enter the line with factors $f_k$, filled one after the other:

    $$g_k^\pm = g_{min} + (g_{max} - g_{min})\,\mathrm{clip}\Big(\frac{\pm w F / w_{max} - L_k}{f_k},\, 0,\, 1\Big),
      \qquad L_k = \sum_{j<k} f_j,\; F = \sum_j f_j$$
    and $w = \mathrm{gain}\sum_k f_k (g_k^+ - g_k^-)$, $\mathrm{gain} = w_{max} / (F (g_{max} - g_{min}))$.

    **Arguments:** `significance` $f_k$, one a pair, positive, in the order in which the pairs are filled (small ones
    first, as published); `w_max` as in `DifferentialPair`.

    **Raises:** `ValueError` for significances that are not one or more positive numbers.

    **Reference:** Mackin et al., Nat. Commun. 13:3765 (2022), weights of four conductances; the order of filling as
    in AIHWKit (`NPairConductanceConverter`, factors 1 and 3 in its example).
    """

    name: ClassVar[str] = "significance_pairs"
    ranges: ClassVar[tuple[float, ...]] = (1.0,)
    significance: Float[Array, " pairs"] = eqx.field(
        default=(1.0, 3.0), converter=lambda f: jnp.asarray(f, dtype=float)
    )
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)

    def __check_init__(self) -> None:
        check_scale(self.w_max)
        check_significance(self.significance)

    @property
    def polarity(self) -> Any:
        """Plus and minus the significance of every pair."""
        return pair_polarity(self.significance)

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`."""
        x, w_max = column_scale(w, self.w_max)
        f, span = self.significance, device.g_max - device.g_min
        ends = jnp.cumsum(f)
        total = ends[-1]
        missing = ends[:, None, None, None] - jnp.stack([x, -x])[None] * total
        filled = jnp.maximum(1.0 - missing / f[:, None, None, None], 0.0)
        # The last pair is not cut at full, which would halve the gradient of the largest weight: it ends there.
        filled = jnp.concatenate([jnp.minimum(filled[:-1], 1.0), filled[-1:]])
        g_target = device.g_min + span * filled.reshape(-1, *w.shape)
        return g_target, w_max / (span * total)

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """See the class: the sum is on the line already."""
        del v_sum, device
        return scaled(gain, i[0])


class TablePairs(AbstractEncoding):
    r"""Pairs of cells whose conductances are any function of the weight, piecewise linear between equidistant knots:

    $$g_k^\pm = g_{min} + (g_{max} - g_{min})\,\tau_k(\max(\pm w / w_{max}, 0)), \qquad
      w = \mathrm{gain}\sum_k f_k (g_k^+ - g_k^-)$$
    A table with $\sum_k f_k (\tau_k(u) - \tau_k(0)) = u \sum_k f_k$ is exact; one that is not trades exactness today
    for accuracy after drift (`optimize_table`).

    **Arguments:** `table` $\tau$, shape `pairs knots`, fractions of the range from zero weight to full weight;
    `significance` $f_k$; `w_max` as in `DifferentialPair`.

    **Reference:** Mackin et al., Nat. Commun. 13:3765 (2022); AIHWKit's `CustomPairConductanceConverter`.
    """

    name: ClassVar[str] = "table_pairs"
    ranges: ClassVar[tuple[float, ...]] = (1.0,)
    table: Float[Array, "pairs knots"] = eqx.field(
        default=((0.0, 1.0),), converter=lambda table: jnp.asarray(table, dtype=float)
    )
    significance: Float[Array, " pairs"] = eqx.field(default=(1.0,), converter=lambda f: jnp.asarray(f, dtype=float))
    w_max: Scalar | None = physical(None, doc="column-wise: Rasch 2023", above=0.0)

    def __check_init__(self) -> None:
        check_scale(self.w_max)
        check_significance(self.significance)
        if self.table.ndim != 2 or self.table.shape[0] != self.significance.shape[0] or self.table.shape[1] < 2:
            raise ValueError(
                f"a table has one row a pair and at least two knots, got table {self.table.shape} for "
                f"{self.significance.shape[0]} significances"
            )

    @property
    def polarity(self) -> Any:
        """Plus and minus the significance of every pair."""
        return pair_polarity(self.significance)

    def encode(
        self, w: Float[Array, "rows cols"], device: AbstractDevice
    ) -> tuple[Float[Array, "pair rows lines"], Float[Array, " cols"]]:
        """See `AbstractEncoding.encode`; tables are held to the range of the cells."""
        x, w_max = column_scale(w, self.w_max)
        span, steps = device.g_max - device.g_min, self.table.shape[1] - 1
        at = jnp.stack([x, -x]).clip(0.0) * steps
        knot = jnp.minimum(at.astype(jnp.int32), steps - 1)
        share = at - knot.astype(at.dtype)
        table = _within(self.table)
        filled = table[:, knot] * (1.0 - share)[None] + table[:, knot + 1] * share[None]
        g_target = device.g_min + span * filled.reshape(-1, *w.shape)
        return g_target, w_max / (span * jnp.sum(self.significance))

    def decode(
        self, i: Float[Array, "groups lines"], v_sum: Scalar, gain: Float[Array, " cols"], device: AbstractDevice
    ) -> Float[Array, " cols"]:
        """See the class: the sum is on the line already."""
        del v_sum, device
        return scaled(gain, i[0])


def check_significance(significance: Any, name: str = "significance") -> None:
    """Raises `ValueError` if known factors are not one or more positive numbers."""
    shape = getattr(significance, "shape", None)
    if shape is not None and (len(shape) != 1 or shape[0] < 1):
        raise ValueError(f"{name} is one number or more, one for each, got an array of shape {shape}")
    if isinstance(significance, Tracer) or not eqx.is_array(significance):
        return
    if not np.all((np.asarray(significance) > 0) & np.isfinite(np.asarray(significance))):
        raise ValueError(f"{name} has numbers above 0, got {np.asarray(significance).tolist()}")


def _within(table: Float[Array, "pairs knots"]) -> Float[Array, "pairs knots"]:
    # Not `clip`, which halves the gradient of knots at either end of the range.
    return jnp.where(table > 1.0, 1.0, jnp.where(table < 0.0, 0.0, table))


def pair_polarity(significance: Float[Array, " pairs"]) -> Float[Array, " cells"]:
    """`f_1, -f_1, f_2, -f_2, ...`"""
    return jnp.stack([significance, -significance], axis=1).reshape(-1)
