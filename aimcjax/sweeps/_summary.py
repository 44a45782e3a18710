"""Statistics over chips."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats


class Summary(NamedTuple):
    """Mean, sample standard deviation and 95 % confidence interval of the mean over chips."""

    mean: float
    std: float
    low: float
    high: float
    n_chips: int


def summarize(values: Float[np.ndarray, " chips"]) -> Summary:
    """Statistics of one quantity over chips: the interval is Student's, $\\bar x \\pm t_{0.975,\\,n-1}\\, s/\\sqrt n$.

    **Raises:** `ValueError` for fewer than two chips, from which no spread can be estimated.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"an interval needs at least two chips, got {n}")
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(stats.t.ppf(0.975, n - 1)) * std / n**0.5
    return Summary(mean, std, mean - half, mean + half, n)
