"""PCM statistics against the published fits: formulas to six digits, samples by their moments.

Numbers: Joshi et al., Nat. Commun. 11:2473 (2020) and Nandakumar et al., ICECS (2019), evaluated in float64.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax import devices


G_MAX = 25e-6
N = 200_000
# g / g_max: sigma_prog [uS], mean and deviation of nu, Q_s, relative 1/f noise at 1 s, 1 h, 1 day, 1 year
GOLDEN = {
    0.05: (0.358797, 0.0708339, 0.0315467, 0.0616811, (0.2584, 0.2939, 0.3138, 0.3477)),
    0.10: (0.448249, 0.0600901, 0.0228823, 0.0393082, (0.1647, 0.1873, 0.2000, 0.2216)),
    0.25: (0.681411, 0.049, 0.0114287, 0.0216681, (0.0908, 0.1032, 0.1102, 0.1221)),
    0.50: (0.952705, 0.049, 0.008, 0.0138087, (0.0579, 0.0658, 0.0702, 0.0778)),
    1.00: (1.055380, 0.049, 0.008, 0.0088, (0.0369, 0.0419, 0.0448, 0.0496)),
}
TIMES = (1.0, 3600.0, 86400.0, 31557600.0)


@pytest.fixture(scope="module")
def pcm64():
    with jax.enable_x64(True):
        yield devices.Pcm()


@pytest.mark.parametrize("x", GOLDEN)
def test_laws_match_the_published_fits(x: float, pcm64) -> None:
    sigma, nu_mean, nu_std, q, _ = GOLDEN[x]
    with jax.enable_x64(True):
        at = jnp.asarray(x)
        np.testing.assert_allclose(float(pcm64.programming(at)) * 25, sigma, atol=tolerances.PUBLISHED)
        np.testing.assert_allclose(float(pcm64.nu_mean(at)), nu_mean, atol=tolerances.PUBLISHED)
        np.testing.assert_allclose(float(pcm64.nu_std(at)), nu_std, atol=tolerances.PUBLISHED)
        np.testing.assert_allclose(float(pcm64.accumulated(at)), q, atol=tolerances.PUBLISHED)


@pytest.mark.parametrize("x", GOLDEN)
@pytest.mark.parametrize("index", range(4))
def test_relative_accumulated_noise(x: float, index: int, pcm64) -> None:
    # One cell with a unit variate, one with none: their difference is the noise, whatever the drift.
    with jax.enable_x64(True):
        cells = devices.PcmCells(g=jnp.full(2, x * G_MAX), nu=jnp.full(2, 0.06), xi=jnp.asarray([1.0, 0.0]))
        noisy, plain = np.asarray(pcm64.drift(cells, TIMES[index]))
    np.testing.assert_allclose(noisy / plain - 1, GOLDEN[x][4][index], atol=5.1e-5)  # four printed digits


@pytest.mark.parametrize("t", TIMES)
def test_drift_and_accumulated_noise_are_the_published_formulas(t: float, pcm64) -> None:
    x, nu, xi = np.asarray([0.05, 0.3, 0.9]), np.asarray([0.09, 0.049, 0.06]), np.asarray([-1.0, 0.5, 2.0])
    with jax.enable_x64(True):
        cells = devices.PcmCells(g=jnp.asarray(x * G_MAX), nu=jnp.asarray(nu), xi=jnp.asarray(xi))
        ours = np.asarray(pcm64.drift(cells, t))
    drifted = x * G_MAX * ((t + 20.0) / 20.0) ** -nu
    q = np.minimum(0.0088 / x**0.65, 0.2) * np.sqrt(np.log((t + 20.0 + 250e-9) / (2 * 250e-9)))
    np.testing.assert_allclose(ours, drifted * (1 + q * xi), rtol=tolerances.PUBLISHED)


def test_second_fit_of_the_same_data(pcm64) -> None:
    # CrossSim fits the figure by -0.00178767 G^2 + 0.07585724 G + 0.28638599 uS (G in uS); the two differ by < 0.03 uS.
    with jax.enable_x64(True):
        g = np.linspace(0.5, 25, 50)
        ours = np.asarray(pcm64.programming(jnp.asarray(g / 25))) * 25
    np.testing.assert_allclose(ours, -0.00178767 * g**2 + 0.07585724 * g + 0.28638599, atol=0.03)


def _program(x: float, key, device=None):
    return (device or devices.Pcm()).program(jnp.full(N, x * G_MAX), key=key)


@pytest.mark.parametrize("x", [0.25, 0.5, 1.0])  # far from zero, where clipping would change the moments
def test_programming_moments(x: float, getkey) -> None:
    z = (np.asarray(_program(x, getkey()).g, np.float64) * 1e6 - 25 * x) / GOLDEN[x][0]
    assert abs(z.mean()) < 0.01
    assert abs(z.std() - 1) < 0.01
    assert stats.kstest(z, "norm").pvalue > tolerances.P_VALUE


@pytest.mark.parametrize("x", [0.05, 0.10, 0.25, 0.5, 1.0])  # at 0.05 one exponent in eighty is folded
def test_drift_exponent_moments(x: float, getkey) -> None:
    nu = np.asarray(_program(x, getkey()).nu, np.float64)
    _, mean, std, _, _ = GOLDEN[x]
    folded = stats.foldnorm(mean / std, scale=std)
    np.testing.assert_allclose(nu.mean(), folded.mean(), rtol=0.01)
    np.testing.assert_allclose(nu.std(), folded.std(), rtol=0.01)
    assert stats.kstest(nu, folded.cdf).pvalue > tolerances.P_VALUE


def test_the_three_draws_are_independent(getkey) -> None:
    cells = _program(0.5, getkey())
    draws = np.stack([np.asarray(leaf, np.float64) for leaf in (cells.g, cells.nu, cells.xi)])
    correlations = np.corrcoef(draws)[np.triu_indices(3, 1)]
    assert np.all(np.abs(correlations) < tolerances.of_mean(N))


@pytest.mark.parametrize(
    ("x", "expected"), [(0.5, (0.7758, 0.6650, 0.5002)), (0.1, (0.7365, 0.6153, 0.4464))], ids=["half", "tenth"]
)
def test_mean_drift_factors(x: float, expected: tuple[float, ...], getkey) -> None:
    # E[(t'/20)^-nu], log-normal closed form at one hour, one day, one year.
    device = devices.Pcm(accumulated=0.0)
    cells = _program(x, getkey(), device)
    for t, factor in zip(TIMES[1:], expected, strict=True):
        np.testing.assert_allclose(np.mean(np.asarray(device.drift(cells, t) / cells.g, np.float64)), factor, rtol=0.01)


def test_read_noise_is_fresh_and_accumulated_noise_is_not(getkey) -> None:
    device, cells = devices.Pcm(), _program(0.5, getkey())
    first, again = device.drift(cells, 3600.0), device.drift(cells, 3600.0)
    np.testing.assert_array_equal(np.asarray(first), np.asarray(again))
    reads = [np.asarray(device.read(cells, 3600.0, key=getkey()) - first, np.float64) for _ in range(2)]
    assert abs(np.corrcoef(*reads)[0, 1]) < tolerances.of_mean(N)
    z = reads[0] / np.asarray(device.read_std(cells, 3600.0))
    assert abs(z.std() - 1) < tolerances.of_std(N)


def test_read_noise_of_the_standard_crossbar(getkey) -> None:
    # Rasch 2023: sigma_y = 0.0175 sqrt(sum |w| x^2) with w = g / g_max, so 0.0175 sqrt(g / g_max) a cell.
    device = devices.Pcm()
    cells = devices.PcmCells(g=jnp.asarray([6.25e-6, 25e-6]), nu=jnp.full(2, 0.06), xi=jnp.zeros(2))
    for t in (0.0, 86400.0):  # of the conductance as it is then
        expected = np.asarray([0.00875, 0.0175]) * ((t + 20.0) / 20.0) ** -0.03
        np.testing.assert_allclose(np.asarray(device.read_std(cells, t)) / G_MAX, expected, rtol=tolerances.PRIMITIVE)


def test_conductance_is_never_negative(getkey) -> None:
    cells = devices.Pcm().program(jnp.zeros(N), key=getkey())
    assert float(cells.g.min()) >= 0.0
    assert float(devices.Pcm().drift(cells, 3600.0).min()) >= 0.0


def test_programming_noise_scales_with_the_range(getkey) -> None:
    key = getkey()
    narrow = devices.Pcm().program(jnp.full(1000, 12.5e-6), key=key)
    wide = devices.Pcm(g_max=50e-6).program(jnp.full(1000, 25e-6), key=key)
    np.testing.assert_allclose(np.asarray(wide.g), 2 * np.asarray(narrow.g), rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("parameter", ["t_0", "g_max", "t_read"])
def test_gradients_match_finite_differences(parameter: str) -> None:
    with jax.enable_x64(True):
        key = jax.random.key(0)
        device = devices.Pcm()

        def mean_after_a_day(value):
            changed = eqx.tree_at(lambda d: getattr(d, parameter), device, value)
            cells = changed.program(jnp.linspace(2e-6, 24e-6, 64), key=key)
            return jnp.mean(changed.drift(cells, 86400.0)) * 1e6

        value = getattr(device, parameter)
        h = 1e-6 * value
        difference = (mean_after_a_day(value + h) - mean_after_a_day(value - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(mean_after_a_day)(value)), float(difference), rtol=1e-5)


def test_gradient_of_the_drift_exponent_mean() -> None:
    with jax.enable_x64(True):

        def mean_after_a_day(nu_mean):
            device = devices.Pcm(nu_mean=devices.Constant(nu_mean))
            cells = device.program(jnp.linspace(2e-6, 24e-6, 64), key=jax.random.key(0))
            return jnp.mean(device.drift(cells, 86400.0)) * 1e6

        h, nu = 1e-6, jnp.asarray(0.06)
        difference = (mean_after_a_day(nu + h) - mean_after_a_day(nu - h)) / (2 * h)
        np.testing.assert_allclose(float(jax.grad(mean_after_a_day)(nu)), float(difference), rtol=1e-6)
