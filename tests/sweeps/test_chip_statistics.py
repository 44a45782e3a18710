"""Statistics over chips against scipy."""

import numpy as np
import pytest
import tolerances
import xarray as xr
from scipy import stats

from aimcjax import sweeps


def _metric(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=("chip", "time"), coords={"time": [20.0, 3600.0]}, name="accuracy")


VALUES = np.random.default_rng(0).gamma(2.0, size=(40, 2))


def test_statistics_are_scipys() -> None:
    found = sweeps.statistics(_metric(VALUES))
    for i in range(2):
        column = VALUES[:, i]
        low, high = stats.t.interval(0.95, 39, loc=column.mean(), scale=stats.sem(column))
        expected = {"mean": column.mean(), "std": column.std(ddof=1), "low": low, "high": high}
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][i], value, rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(found["quantile"][:, i], np.quantile(column, [0.05, 0.5, 0.95]))
        how = {"n_resamples": 20_000, "method": "percentile", "rng": np.random.default_rng(1)}
        interval = stats.bootstrap((column,), np.mean, **how).confidence_interval
        # Ends from n resamples: sqrt(0.025 * 0.975 / n) over a density of 0.058 / s, 6 % and 2 % of s.
        s = stats.sem(column)
        np.testing.assert_allclose(found["boot_low"][i], interval.low, atol=4 * 0.063 * s)
        np.testing.assert_allclose(found["boot_high"][i], interval.high, atol=4 * 0.063 * s)
    assert found.attrs["n_chips"] == 40


def test_a_bootstrap_stays_where_values_are() -> None:
    low, high = sweeps.bootstrap(np.asarray([[1.0], [1.0], [0.9], [1.0]]))
    assert 0.9 <= low[0] < high[0] <= 1.0
    assert sweeps.bootstrap(np.ones((5, 1)))[0][0] == 1.0
    wider = sweeps.bootstrap(VALUES, level=0.99)
    narrow = sweeps.bootstrap(VALUES, level=0.5)
    assert np.all(wider[0] < narrow[0])
    assert np.all(narrow[1] < wider[1])


def test_convergence_is_the_interval_of_the_first_chips() -> None:
    found = sweeps.convergence(_metric(VALUES))
    assert found["n_chips"].values.tolist() == [2, 3, 4, 6, 8, 12, 16, 24, 32, 40]
    for k, n in enumerate(found["n_chips"].values):
        half = stats.t.ppf(0.975, n - 1) * stats.sem(VALUES[:n])
        np.testing.assert_allclose(found["half_width"][k], half, rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(found["mean"][k], VALUES[:n].mean(0), rtol=tolerances.FLOAT64)


def test_paired_differences_are_of_chips() -> None:
    shift = 0.01 * np.random.default_rng(2).normal(size=VALUES.shape) - 0.005
    one, other = _metric(VALUES + shift), _metric(VALUES)
    found = sweeps.paired_difference(one, other)
    test = stats.ttest_rel(VALUES + shift, VALUES).confidence_interval()
    np.testing.assert_allclose(found["low"], test.low, rtol=1e-9)
    np.testing.assert_allclose(found["high"], test.high, rtol=1e-9)
    np.testing.assert_allclose(found["mean"], shift.mean(0), rtol=1e-9)
    with pytest.raises(ValueError, match="of the same chips, got 40 and 39"):
        sweeps.paired_difference(one, other.isel(chip=slice(0, 39)))


def test_one_chip_has_no_interval() -> None:
    found = sweeps.statistics(_metric(VALUES[:1]))
    assert np.all(np.isinf(found["high"]))
    assert np.all(np.isnan(found["std"]))
