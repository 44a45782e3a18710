"""Which values a sweep visits: axes crossed, side by side, or sampled."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import qmc


class Axis(NamedTuple):
    """What one parameter does: the `values` of a grid, or the ends of a range, `low` to `high`, that samples spread
    over, evenly in the value or in its logarithm (`log`), in `unit`."""

    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    unit: str = "1"

    @property
    def is_range(self) -> bool:
        """Whether it takes samples, not values."""
        return not self.values


Points = list[dict[str, Any]]  # a value for every path


def crossed(axes: Mapping[str, Sequence[Any]]) -> Points:
    """Every combination of the values of `axes` (by path), the last axis fastest; one point without values if there are
    no axes."""
    points: Points = [{}]
    for path, values in axes.items():
        points = [{**point, path: value} for point in points for value in values]
    return points


def paired(axes: Mapping[str, Sequence[Any]]) -> Points:
    """The first values of all `axes` (by path), then the second ones, and so on.

    **Raises:** `ValueError` for axes of different lengths.
    """
    lengths = {path: len(values) for path, values in axes.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        raise ValueError(f"paired axes have equally many values, but {told}; make them equal, or use design: crossed")
    return [dict(zip(axes, together, strict=True)) for together in zip(*axes.values(), strict=True)]


def sampled(axes: Mapping[str, Axis], n: int, *, sobol: bool, seed: int) -> Points:
    """`n` points in the box of all ranges: independent uniform ones, or a scrambled Sobol sequence, which fills the box
    more evenly (best for powers of two). Axes of values take each equally likely.

    **Reference:** Sobol, USSR Comput. Math. Math. Phys. 7, 86 (1967); scrambling by Owen, J. Complexity 14, 466 (1998),
    both as `scipy.stats.qmc` has them.
    """
    if sobol:
        engine = qmc.Sobol(len(axes), rng=seed)
        unit = engine.random_base2(max(0, (n - 1).bit_length()))[:n]  # a whole power: scipy warns of others
    else:
        unit = np.random.default_rng(seed).random((n, len(axes)))
    return [{path: _at(axis, float(u)) for (path, axis), u in zip(axes.items(), row, strict=True)} for row in unit]


def _at(axis: Axis, u: float) -> Any:
    if not axis.is_range:
        return axis.values[min(int(u * len(axis.values)), len(axis.values) - 1)]
    if axis.log:
        return float(axis.low * (axis.high / axis.low) ** u)
    return float(axis.low + (axis.high - axis.low) * u)
