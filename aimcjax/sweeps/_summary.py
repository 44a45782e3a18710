"""Statistics over chips."""

from typing import NamedTuple

import numpy as np
import xarray as xr
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
    """Statistics of the `values` of one quantity over chips: the interval is Student's,
    $\\bar x \\pm t_{0.975,\\,n-1}\\, s/\\sqrt n$.

    **Raises:** `ValueError` for fewer than two chips, from which no spread can be estimated.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"an interval needs at least two chips, got {n}")
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(half_width(np.asarray(values)))
    return Summary(mean, std, mean - half, mean + half, n)


def half_width(values: Float[np.ndarray, "chips *cell"], level: float = 0.95) -> Float[np.ndarray, "*cell"]:
    """Half of Student's interval of the mean of `values` over chips (or seeds), the first axis, that covers it with the
    probability `level`; infinite for a single chip."""
    n = len(values)
    if n < 2:
        return np.full(np.shape(values)[1:], np.inf)
    return np.asarray(stats.t.ppf(0.5 + level / 2, n - 1) * np.std(values, axis=0, ddof=1) / n**0.5)


def statistics(values: xr.DataArray, *, quantiles: tuple[float, ...] = (0.05, 0.5, 0.95), seed: int = 0) -> xr.Dataset:
    """Statistics of the `values` of a metric over their dimension `chip`; `seed`, of the bootstrap.

    **Returns:** `mean`, `std` (one less than n in the denominator), `quantile` over `quantiles`, `n_chips`, and two
    95 % intervals of the mean: `low`, `high` (Student's) and `boot_low`, `boot_high` (bootstrap, 2,000 resamples,
    percentiles: for means of few distinct values, where Student's reaches beyond what is possible).

    **Reference:** Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
    """
    data = values.transpose("chip", ...)
    array, dims = np.asarray(data.values, np.float64), data.dims[1:]
    half = half_width(array)
    mean = array.mean(axis=0)
    low, high = bootstrap(array, seed=seed)
    std = array.std(axis=0, ddof=1) if len(array) > 1 else np.full(mean.shape, np.nan)
    found = {"mean": mean, "std": std, "low": mean - half, "high": mean + half, "boot_low": low, "boot_high": high}
    coords = {name: coord for name, coord in data.coords.items() if "chip" not in coord.dims}
    variables: dict[str, tuple[tuple, np.ndarray]] = {name: (dims, array) for name, array in found.items()}
    variables["quantile"] = (("q", *dims), np.quantile(array, quantiles, axis=0))
    attributes = {**values.attrs, "n_chips": len(array)}
    return xr.Dataset(variables, coords={**coords, "q": list(quantiles)}, attrs=attributes)


def bootstrap(
    values: Float[np.ndarray, "chips *cell"], *, level: float = 0.95, n: int = 2000, seed: int = 0
) -> tuple[Float[np.ndarray, "*cell"], Float[np.ndarray, "*cell"]]:
    """The percentile bootstrap interval of the mean of `values` over chips, the first axis, drawn together for all
    cells: `level`, what it should cover; `n`, resamples; `seed`, of the draws.

    **Reference:** see `statistics`."""
    random = np.random.default_rng(seed)
    weights = random.multinomial(len(values), np.full(len(values), 1.0 / len(values)), size=n) / len(values)
    means = np.tensordot(weights, values, axes=1)
    return np.quantile(means, 0.5 - level / 2, axis=0), np.quantile(means, 0.5 + level / 2, axis=0)


def convergence(values: xr.DataArray) -> xr.Dataset:
    """How the estimate of `values`, a metric with the dimension `chip`, settles as chips come in: `mean` and
    `half_width` of the 95 % interval of the first n, over `n_chips` = 2, 3, 4, 6, 8, 12, ..., all."""
    data = values.transpose("chip", ...)
    array, dims = np.asarray(data.values, np.float64), data.dims[1:]
    sizes = sorted({n for k in range(1, 40) for n in (2**k, 3 * 2 ** (k - 1)) if n < len(array)} | {len(array)})
    coords = {name: coord for name, coord in data.coords.items() if "chip" not in coord.dims}
    return xr.Dataset(
        {
            "mean": (("n_chips", *dims), np.stack([array[:n].mean(axis=0) for n in sizes])),
            "half_width": (("n_chips", *dims), np.stack([half_width(array[:n]) for n in sizes])),
        },
        coords={**coords, "n_chips": sizes},
        attrs=values.attrs,
    )


def paired_difference(one: xr.DataArray, other: xr.DataArray) -> xr.Dataset:
    """Statistics of `one - other`, chip by chip: chips of one sweep have common random numbers, which makes their
    difference sharper than the two means.

    **Raises:** `ValueError` if they are not of the same chips.
    """
    if one.sizes.get("chip") != other.sizes.get("chip") or not np.array_equal(one["chip"], other["chip"]):
        raise ValueError(
            f"a paired difference is of the same chips, got {one.sizes.get('chip')} and {other.sizes.get('chip')}"
        )
    return statistics(one.reset_coords(drop=True) - other.reset_coords(drop=True))
