"""Parameters of populations: laws of the factors, one key per name."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import special, stats

from aimcjax.devices.memristors import Gauss, LogNormal, StanfordPku, Vteam, Weibull, simulate, vary


CELLS = 4000


def _population(key: jax.Array, **spread) -> Vteam:
    return jax.vmap(lambda key: vary(Vteam(), key=key, **spread))(jr.split(key, CELLS))


def _factors(law, key: jax.Array) -> np.ndarray:
    return np.asarray(_population(key, v_off=law).v_off, np.float64) / 0.02


@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_a_number_is_a_log_normal_of_mean_one(spread: float, getkey) -> None:
    found = np.asarray(_population(getkey(), r_on=spread).r_on, np.float64) / 50
    sigma = np.log1p(spread**2) ** 0.5
    assert stats.kstest(found, stats.lognorm(sigma, scale=np.exp(-(sigma**2) / 2)).cdf).pvalue > tolerances.P_VALUE
    assert stats.lognorm(sigma, scale=np.exp(-(sigma**2) / 2)).std() == pytest.approx(spread)


def test_gauss(getkey) -> None:
    assert stats.kstest(_factors(Gauss(0.05), getkey()), stats.norm(1, 0.05).cdf).pvalue > tolerances.P_VALUE


def test_weibull(getkey) -> None:
    law = stats.weibull_min(8.0, scale=1 / special.gamma(1 + 1 / 8.0))
    assert stats.kstest(_factors(Weibull(8.0), getkey()), law.cdf).pvalue > tolerances.P_VALUE
    assert law.mean() == pytest.approx(1.0)


def test_one_more_parameter_changes_no_other(getkey) -> None:
    key = getkey()
    few, more = vary(Vteam(), key=key, r_on=0.2), vary(Vteam(), key=key, v_on=Gauss(0.1), r_on=0.2)
    assert float(few.r_on) == float(more.r_on) != 50
    assert float(few.v_on) == float(Vteam().v_on) != float(more.v_on)


def test_parameters_of_one_cell_are_independent(getkey) -> None:
    cells = _population(getkey(), r_on=0.2, r_off=0.2)
    assert abs(np.corrcoef(cells.r_on, cells.r_off)[0, 1]) < tolerances.of_mean(CELLS)


def test_no_spread_is_the_model_with_finite_gradients(getkey) -> None:
    key = getkey()
    assert float(vary(Vteam(), key=key, r_on=0.0).r_on) == 50
    slope = jax.grad(lambda s: vary(Vteam(), key=key, r_on=LogNormal(s)).r_on)(jnp.asarray(0.0))
    assert bool(jnp.isfinite(slope))


def test_a_population_switches_at_different_times(getkey) -> None:
    t = jnp.linspace(0.0, 2e-7, 3)

    def gap(key: jax.Array) -> jax.Array:
        model = vary(StanfordPku(), key=key, e_a=0.03, g_0=0.05)
        return simulate(model, t, jnp.full_like(t, 1.5), substeps=64).x[-1]

    gaps = np.asarray(jax.vmap(gap)(jr.split(getkey(), 16)))
    assert len(np.unique(gaps)) > 8
    assert np.all((gaps >= 0.2e-9 * (1 - 1e-6)) & (gaps <= 1.7e-9 * (1 + 1e-6)))


def test_refusals(getkey) -> None:
    key = getkey()
    with pytest.raises(ValueError, match="Vteam has no array parameter 'r_onn' to vary; did you mean 'r_on'"):
        vary(Vteam(), key=key, r_onn=0.1)
    with pytest.raises(ValueError, match="no array parameter 'window' to vary"):
        vary(Vteam(), key=key, window=0.1)
    with pytest.raises(ValueError, match="spread of r_on must be zero or positive, got -0.1"):
        vary(Vteam(), key=key, r_on=-0.1)
