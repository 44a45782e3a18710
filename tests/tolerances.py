"""Every tolerance of the tests, with its reason. Never loosened to make a test pass."""

from scipy import stats


FLOAT64 = 1e-12  # a few roundings of double precision
PRIMITIVE = 1e-5  # float32, one cell, one converter: some tens of roundings of 6e-8
COMPOSITE = 1e-4  # float32, a tile or a model: sums over hundreds of terms
PUBLISHED = 1e-6  # tables printed with six digits
P_VALUE = 1e-4  # a correct sampler fails one test in ten thousand; keys are fixed, so it fails never or always


def of_mean(n: int) -> float:
    """Bound on |mean| of n standard normals: 4 standard errors (1 in 16,000)."""
    return 4.0 / n**0.5


def of_std(n: int) -> float:
    """Bound on |std - 1| of n standard normals: 4 standard errors of the standard deviation."""
    return 4.0 / (2 * n) ** 0.5


def chi_square(dof: int) -> tuple[float, float]:
    """The central interval of a chi-square variable that misses with `P_VALUE`."""
    return float(stats.chi2.ppf(P_VALUE / 2, dof)), float(stats.chi2.ppf(1 - P_VALUE / 2, dof))


def is_binomial(count: int, n: int, p: float) -> bool:
    """Whether a count is within the central interval of a binomial variable that misses with `P_VALUE`."""
    low, high = stats.binom(n, p).ppf([P_VALUE / 2, 1 - P_VALUE / 2])
    return low <= count <= high
