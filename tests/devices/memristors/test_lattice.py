"""Forming of filaments: distributions with closed forms, paths by enumeration, trends."""

import itertools

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from scipy import stats

from aimcjax.devices.memristors import FilamentLattice, form, forming_voltage, forming_voltages


CELLS = 1500


def _slope_and_rate(lattice: FilamentLattice) -> tuple[float, float]:
    thermal = 8.617333262145e-5 * float(lattice.temperature)
    slope = float(lattice.alpha) / (float(lattice.spacing) * thermal)
    return slope, float(lattice.nu_0) * np.exp(-float(lattice.e_a) / thermal) / float(lattice.ramp)


def _hazard(v: np.ndarray, slope: float, rate: float) -> np.ndarray:
    return rate * np.expm1(slope * v) / slope


@pytest.mark.parametrize("cols", [1, 20])
@pytest.mark.parametrize("ramp", [1.0, 1e-3])
def test_one_row_forms_at_the_first_vacancy(cols: int, ramp: float) -> None:
    lattice = FilamentLattice(rows=1, cols=cols, ramp=ramp)
    found = np.asarray(forming_voltages(lattice, CELLS, key=jr.key(cols)))
    law = lambda v: -np.expm1(-cols * _hazard(v, *_slope_and_rate(lattice)))
    assert stats.kstest(found, law).pvalue > tolerances.P_VALUE


def test_second_vacancy_of_a_column_sees_twice_the_field() -> None:
    lattice = FilamentLattice(rows=2, cols=1, e_a=0.8, alpha=0.1e-9)  # so that both take about as long
    found = np.asarray(forming_voltages(lattice, CELLS, key=jr.key(1)))
    slope, rate = _slope_and_rate(lattice)
    v = np.linspace(0, 2, 1001)
    first, second = -np.expm1(-2 * _hazard(v, slope / 2, rate)), _hazard(v, slope, rate)
    # After the first at u the second waits: F(v) = sum of dF1(u) (1 - exp(H(u) - H(v))) over u < v
    waited = -np.expm1(np.minimum(second[:-1] + np.diff(second) / 2 - second[:, None], 0.0))
    law = waited @ np.diff(first)
    assert law[-1] > 1 - 1e-6
    assert stats.kstest(found, lambda x: np.interp(x, v, law)).pvalue > tolerances.P_VALUE


def test_independent_columns_form_at_the_weakest() -> None:
    one = forming_voltages(FilamentLattice(rows=3, cols=1, reach=0), 8 * CELLS, key=jr.key(2))
    eight = forming_voltages(FilamentLattice(rows=3, cols=8, reach=0), CELLS, key=jr.key(3))
    assert stats.ks_2samp(np.asarray(one).reshape(CELLS, 8).min(axis=1), np.asarray(eight)).pvalue > tolerances.P_VALUE
    assert stats.ks_2samp(np.asarray(one), np.asarray(eight)).pvalue < tolerances.P_VALUE


def test_thicker_oxides_and_straight_paths_form_later() -> None:
    def mean(**sizes: int) -> float:
        lattice = FilamentLattice(**sizes, e_a=0.8, alpha=0.1e-9)
        return float(jax.jit(forming_voltages, static_argnums=1)(lattice, 150, key=jr.key(4)).mean())

    thin = mean(rows=2, cols=4)
    assert 0 < thin < mean(rows=4, cols=4)
    assert thin < mean(rows=2, cols=4, reach=0)


def _fewest_by_enumeration(empty: np.ndarray, reach: int) -> np.ndarray:
    rows, cols = empty.shape
    fewest = np.full(empty.shape, rows + 1)
    for path in itertools.product(range(cols), repeat=rows):
        if np.all(np.abs(np.diff(path)) <= reach):
            sites = np.arange(rows), np.array(path)
            fewest[sites] = np.minimum(fewest[sites], empty[sites].sum())
    return fewest


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_missing_vacancies_by_enumeration_of_all_paths(reach: int) -> None:
    lattice = FilamentLattice(rows=4, cols=4, reach=reach)
    for seed in range(5):
        occupied = np.random.default_rng(seed).random((4, 4)) < 0.4
        expected = _fewest_by_enumeration(1 - occupied, reach)
        np.testing.assert_array_equal(lattice.missing(jnp.asarray(occupied)), expected)


def test_forming_ends_with_the_first_path(getkey) -> None:
    lattice = FilamentLattice(rows=4, cols=4)
    formation = form(lattice, key=getkey())
    occupied = np.asarray(formation.occupied)
    assert _fewest_by_enumeration(1 - occupied, 1).min() == 0
    assert int(formation.events) == occupied.sum()


def test_vmap_is_loop_and_jit_is_eager(getkey) -> None:
    lattice, keys = FilamentLattice(rows=3, cols=4), jr.split(getkey(), 4)
    batched = jax.vmap(lambda key: forming_voltage(lattice, key=key))(keys)
    looped = [jax.jit(forming_voltage)(lattice, key=key) for key in keys]
    np.testing.assert_allclose(batched, np.asarray(looped), rtol=tolerances.PRIMITIVE)


def test_forward_derivative_with_the_paths_fixed(getkey) -> None:
    key = getkey()
    with jax.enable_x64(True):
        voltage = lambda e_a: forming_voltage(FilamentLattice(rows=3, cols=4, e_a=e_a), key=key)
        _, slope = jax.jvp(voltage, (jnp.asarray(1.3),), (jnp.asarray(1.0),))
        differences = (voltage(jnp.asarray(1.3 + 1e-6)) - voltage(jnp.asarray(1.3 - 1e-6))) / 2e-6
        assert float(slope) == pytest.approx(float(differences), rel=1e-4)


def test_impossible_lattices() -> None:
    with pytest.raises(ValueError, match="rows and cols from 1 and reach from 0, got 0, 4, 1"):
        FilamentLattice(rows=0, cols=4)
