"""Known parameters come back within the intervals, which are as wide as theory says."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml
from scipy import stats

from aimcjax import devices
from aimcjax.devices.memristors import LinearIonDrift, StanfordPku, Team, Yakopcic, simulate
from aimcjax.fitting import (
    MODELS,
    Data,
    Free,
    Negative,
    Positive,
    Within,
    check_posterior,
    covariance,
    fit,
    make_problem,
    noise_of,
    posterior,
    preset_tree,
    solve,
)
from aimcjax.reports import goodness_line
from aimcjax.units import uS
from tests.tolerances import FLOAT64, P_VALUE


PULSES = np.repeat([1.0, -1.0, 1.0], [60, 60, 40])
TIMES = np.geomspace(1.0, 1e6, 25)
Function = Callable[..., Any]


def _drift(g_0: float, nu: float, noise: float, rng: np.random.Generator) -> Data:
    g = g_0 * ((TIMES + 20.0) / 20.0) ** -nu * np.exp(noise * rng.standard_normal(len(TIMES)))
    return Data("drift_trace", {"t": TIMES, "g": g})


def _train(size: Function, w: float, noise: float, rng: np.random.Generator, bound: float = np.inf) -> Data:
    weights = []
    for direction in PULSES:
        w = float(np.clip(w + direction * size(w, direction > 0), -bound, bound))
        weights.append(w)
    return Data("pulse_train", {"pulse": PULSES, "w": np.array(weights) + noise * rng.standard_normal(len(PULSES))})


def _soft(w: float, up: bool) -> float:
    return 0.04 * (1 - w / 1.2) if up else 0.05 * (1 + w / 0.9)


def _within(result: Any, truth: dict[str, float]) -> None:
    """Intervals of 99.99 %: of dozens of parameters some lie outside of those of 95 %, and should."""
    t = stats.t.ppf(1 - P_VALUE / 2, result.n - len(result.names))
    for k, (name, parameter) in enumerate(zip(result.names, result.problem.parameters, strict=True)):
        if name in truth:
            with jax.enable_x64(True):
                theta = float(parameter.transform.theta(jnp.asarray(truth[name])))
            assert abs(theta - result.theta[k]) < t * result.covariance[k, k] ** 0.5, (name, truth[name])
            assert result.covariance[k, k] ** 0.5 < 1.0, name  # and known to better than a factor of e
            assert result.intervals[k][0] < result.values[k] < result.intervals[k][1]


def test_drift_is_linear_regression_in_log_log() -> None:
    data = _drift(12 * uS, 0.06, 0.02, np.random.default_rng(0))
    result = fit("pcm_drift", data)
    line = stats.linregress(np.log((TIMES + 20.0) / 20.0), np.log(data.columns["g"]))
    g_0, nu = np.exp(line.intercept), -line.slope
    np.testing.assert_allclose(result.values, [g_0, nu], rtol=1e-8)  # where the solver stops
    np.testing.assert_allclose(result.standard_errors, [g_0 * line.intercept_stderr, line.stderr], rtol=1e-8)
    t = stats.t.ppf(0.975, len(TIMES) - 2)
    np.testing.assert_allclose(result.intervals[1], [nu - t * line.stderr, nu + t * line.stderr], rtol=1e-8)
    expected = np.exp(line.intercept + np.array([-1, 1]) * t * line.intercept_stderr)
    np.testing.assert_allclose(result.intervals[0], expected, rtol=1e-8)
    assert result.r2 == pytest.approx(line.rvalue**2, rel=1e-9)
    assert result.n == 25


@pytest.mark.parametrize("model", ["pcm_drift", "soft_bounds"])
def test_intervals_cover_the_truth_as_often_as_they_say(model: str) -> None:
    rng, repeats = np.random.default_rng(3), 400
    data = _drift(12 * uS, 0.06, 0.0, rng) if model == "pcm_drift" else _train(_soft, 0.0, 0.0, rng)
    truth = {"g_0": 12 * uS, "nu": 0.06, "alpha_up": 0.04, "alpha_down": 0.05, "w_max": 1.2, "w_min": -0.9,
             "w_start": 0.0}  # fmt: skip
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        problem = make_problem(model, data)
        noise = 0.02 * rng.standard_normal((repeats, len(problem.observed)))
        start = problem.start()

        @jax.jit
        @jax.vmap
        def repeat(noise: Any) -> Any:
            observed = jnp.asarray(problem.observed) + noise
            found = solve(lambda theta: problem.predict(problem.values(theta), 1) - observed, start)
            return found.theta, jnp.sqrt(jnp.diag(covariance(found)[0])), found.converged

        theta, error, converged = (np.asarray(each) for each in repeat(jnp.asarray(noise)))
        exact = np.array([float(p.transform.theta(jnp.asarray(truth[p.name]))) for p in problem.parameters])
    assert converged.all()
    t = stats.t.ppf(0.975, len(problem.observed) - len(exact))
    covered = np.sum(np.abs(theta - exact) < t * error, axis=0)
    low, high = stats.binom.ppf([P_VALUE / 2, 1 - P_VALUE / 2], repeats, 0.95)
    assert np.all((covered >= low) & (covered <= high)), covered


def test_noise_scale_and_reduced_chi_squared() -> None:
    data = _train(_soft, 0.0, 0.02, np.random.default_rng(5))
    known = fit("soft_bounds", data, noise=0.02)
    dof = known.n - len(known.names)
    low, high = stats.chi2.ppf([P_VALUE / 2, 1 - P_VALUE / 2], dof) / dof
    assert known.reduced_chi2 is not None
    assert low < known.reduced_chi2 < high
    assert known.residual_std == pytest.approx(0.02 * known.reduced_chi2**0.5, rel=1e-9)
    assert "does not describe" not in goodness_line(known)
    assert "does not describe" in goodness_line(fit("soft_bounds", data, noise=0.002))
    rng = np.random.default_rng(6)
    ramp = np.concatenate([np.linspace(0, 1, 2000), np.linspace(5, 3, 2000)])
    assert noise_of(ramp + 0.1 * rng.standard_normal(4000)) == pytest.approx(0.1, rel=0.08)  # 4 errors of a median
    assert noise_of(np.zeros(10)) is None


def test_conductances_become_weights() -> None:
    data = _train(_soft, 0.0, 0.02, np.random.default_rng(7))
    w = data.columns["w"]
    result = fit("soft_bounds", Data("pulse_train", {"pulse": PULSES, "g": (20 + 10 * w) * uS}))
    span, middle = np.ptp(w) / 2, (w.max() + w.min()) / 2
    _within(result, {"w_max": (1.2 - middle) / span, "w_min": (-0.9 - middle) / span})
    tree = preset_tree(result)
    assert set(tree["valid"]) == {"pulse", "g"}
    assert tree["fit"]["weight_plus_1"].endswith("uS")


def test_what_the_data_do_not_determine_is_named() -> None:
    t = np.linspace(0.0, 1.0, 100)
    resistor = Data("iv_sweep", {"t": t, "v": np.sin(6.28 * t), "i": np.sin(6.28 * t) / 1000})
    with pytest.raises(ValueError, match=r"do not determine .*mobility"):
        fit("linear_ion_drift", resistor, fixed={"r_on": 1000.0, "r_off": 1000.0})


def test_a_fixed_parameter_stays() -> None:
    data = _drift(12 * uS, 0.06, 0.02, np.random.default_rng(0))
    result = fit("pcm_drift", data, fixed={"nu": 0.06, "t_0": "20 s"})
    assert result.names == ("g_0",)
    assert float(result.component.nu_mean.value) == pytest.approx(0.06)
    mean = np.exp(np.mean(np.log(data.columns["g"]) + 0.06 * np.log((TIMES + 20.0) / 20.0)))
    assert result.values[0] == pytest.approx(mean, rel=1e-8)


@pytest.mark.parametrize("transform", [Free(), Positive(), Negative(), Within(3.0)])
def test_transforms_have_inverses_and_limits(transform: Any) -> None:
    with jax.enable_x64(True):
        theta = jnp.linspace(-3.0, 3.0, 13)
        value = transform.value(theta)
        np.testing.assert_allclose(transform.theta(value), theta, rtol=1e-10, atol=1e-10)
        low, high = {Free: (-4, 4), Positive: (0, 21), Negative: (-21, 0), Within: (0, 3)}[type(transform)]
        assert bool(jnp.all((value > low) & (value < high)))
        assert float(Within(3.0).value(jnp.asarray(0.0))) == pytest.approx(1.5, rel=FLOAT64)


def test_models_say_what_they_need() -> None:
    formats = {model.format for model in MODELS.values()}
    assert formats == {"iv_sweep", "pulse_train", "drift_trace"}
    with pytest.raises(ValueError, match="did you mean 'yakopcic'"):
        fit("yakopcich", _drift(1 * uS, 0.1, 0.0, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="soft_bounds is fitted to a pulse train"):
        fit("soft_bounds", _drift(1 * uS, 0.1, 0.0, np.random.default_rng(0)))


def test_a_perfect_fit_is_a_fit() -> None:
    result = fit("pcm_drift", _drift(12 * uS, 0.06, 0.0, np.random.default_rng(0)))
    np.testing.assert_allclose(result.values, [12 * uS, 0.06], rtol=1e-8)
    assert np.all(np.isfinite(result.correlation))
    assert result.rmse < 1e-9


@pytest.mark.parametrize("model", MODELS)
def test_every_device_is_read_back_from_its_preset(model: str, tmp_path: Path) -> None:
    t, v = _sweep((1.0,), 1e-3, 100)
    data = {
        "iv_sweep": lambda: Data("iv_sweep", {"t": t, "v": v, "i": v / (1000 + 500 * np.sin(np.arange(100)))}),
        "pulse_train": lambda: _train(_soft, 0.0, 0.0, np.random.default_rng(0)),
        "drift_trace": lambda: _drift(12 * uS, 0.06, 0.0, np.random.default_rng(0)),
    }[MODELS[model].format]()
    problem = make_problem(model, data)
    component = problem.component({**problem.constants, **{p.name: p.value for p in problem.parameters}})
    path = tmp_path / "guess.yaml"
    path.write_text(yaml.safe_dump({"device": devices.describe(component), "source": "a guess"}))
    back = devices.preset(path)
    assert jax.tree.structure(back) == jax.tree.structure(component)
    for ours, read in zip(jax.tree.leaves(component), jax.tree.leaves(back), strict=True):
        np.testing.assert_allclose(ours, read, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["linear_step", "exponential_step", "neurosim"])
def test_pulse_models_recover_their_parameters(model: str) -> None:
    bounds = {"w_max": 1.0, "w_min": -1.0}
    laws = {
        "linear_step": lambda w, up: 0.03 * (1 - 0.7 * w) if up else 0.04 * (1 + 0.5 * w),
        "exponential_step": lambda w, up: (
            0.05 * max(1 - 0.3 * np.exp(1.5 * w / 2), 0) if up else 0.06 * max(1 - 0.4 * np.exp(-2.5 * w / 2), 0)
        ),
        "neurosim": lambda w, up: _neurosim(w, up, 0.5, 0.8, 60),
    }
    truths = {
        "linear_step": {"alpha_up": 0.03, "alpha_down": 0.04, "gamma_up": 0.7, "gamma_down": 0.5},
        "exponential_step": {"a_up": 0.3, "a_down": 0.4, "gamma_up": 1.5, "gamma_down": 2.5},
        "neurosim": {"label_up": _label(0.5), "label_down": _label(0.8)},
    }
    fixed = bounds if model != "neurosim" else {"n_pulses": 60.0}
    data = _train(laws[model], -0.8, 0.002, np.random.default_rng(9), 1.0)
    _within(fit(model, data, fixed=fixed), truths[model])


def _neurosim(w: float, up: bool, a_up: float, a_down: float, n: int) -> float:
    """One pulse on the published curves of a range from -1 to 1, of which the next point is taken."""
    a = a_up if up else a_down
    b = 2.0 / (1 - np.exp(-1 / a))
    x = (w + 1.0) if up else (1.0 - w)
    return (b - x) * (1 - np.exp(-1 / (a * n)))


def _label(a: float) -> float:
    """The label as the distance of the normalised curve from the diagonal in units of 0.07, by brute force."""
    x = np.linspace(0, 1, 1_000_001)
    return float(np.max((1 - np.exp(-x / a)) / (1 - np.exp(-1 / a)) - x) / (0.07 * 2**0.5))


def _sweep(amplitudes: tuple[float, ...], period: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    t = np.linspace(0.0, period * len(amplitudes), n)
    k = np.minimum((t / period).astype(int), len(amplitudes) - 1)
    phase = t / period - k
    triangle = np.where(phase < 0.25, 4 * phase, np.where(phase < 0.75, 2 - 4 * phase, 4 * phase - 4))
    return t, np.array(amplitudes)[k] * triangle


SWEEPS = {
    "linear_ion_drift": (
        LinearIonDrift, {"mobility": 1e-13, "r_on": 100.0, "r_off": 2000.0, "x_start": 0.1}, {}, (1.0,), 1.0,
    ),
    "team": (
        Team, {"k_off": 1e-5, "k_on": -2e-4, "i_off": 1e-4, "i_on": -3e-5, "r_on": 1e3},
        {"alpha_off": 2.0, "alpha_on": 2.0, "r_off": 1e4}, (0.6, 0.8, 1.0), 1e-3,
    ),
    "yakopcic": (
        Yakopcic, {"a_1": 3.7e-7, "a_2": 4.35e-7, "b": 0.7, "a_p": 0.005, "a_n": 0.08, "v_p": 1.5, "v_n": 0.5,
                   "x_start": 0.1},
        {"alpha_p": 1.2, "alpha_n": 3.0, "x_p": 0.2, "x_n": 0.5}, (4.0,), 8.0,
    ),
    "stanford_pku": (
        StanfordPku, {"i_0": 1e-3, "g_0": 0.25e-9, "v_0": 0.25, "velocity_0": 10.0, "gamma_0": 16.0},
        {"gap_min": 1e-9}, (1.4, 1.5), 1e-4,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("model", SWEEPS)
def test_memristors_recover_their_parameters(model: str) -> None:
    make, truth, fixed, amplitudes, period = SWEEPS[model]
    t, v = _sweep(amplitudes, period, 400)
    with jax.enable_x64(True):
        i = np.asarray(simulate(make(**truth, **fixed), t, v, rtol=1e-8, atol=1e-10).i)
    i = i + 0.002 * np.abs(i).max() * np.random.default_rng(2).standard_normal(len(i))
    data = Data("iv_sweep", {"t": t, "v": v, "i": i})
    _within(fit(model, data, fixed=fixed), truth)
    if model == "team":  # it never gets to r_off, so that twice the distance at half the speed looks the same
        with pytest.raises(ValueError, match="do not determine k_off, k_on, r_off"):
            fit(model, data, fixed={name: value for name, value in fixed.items() if name != "r_off"})


def test_posterior_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpyro", None)
    monkeypatch.setitem(sys.modules, "numpyro.infer", None)
    with pytest.raises(ValueError, match=r"needs numpyro: pip install 'aimcjax\[bayes\]'"):
        check_posterior()


@pytest.mark.slow
def test_posterior_of_a_straight_line_is_students_t() -> None:
    pytest.importorskip("numpyro")
    result = fit("pcm_drift", _drift(12 * uS, 0.06, 0.02, np.random.default_rng(0)))
    chain = posterior(result, n_samples=2000, n_warmup=500)
    dof = result.n - 2
    t = stats.t(dof, loc=result.values[1], scale=result.standard_errors[1])
    # 4000 samples that count as 1000 at the least: 4 standard errors of a mean, a deviation and a quantile.
    assert chain.mean[1] == pytest.approx(t.mean(), abs=4 * t.std() / 1000**0.5)
    assert chain.std[1] == pytest.approx(t.std(), rel=4 / 2000**0.5)
    np.testing.assert_allclose(chain.intervals[1], t.ppf([0.025, 0.975]), atol=4 * 2.7 * t.std() / 1000**0.5)
    assert chain.divergences == 0
    assert np.mean(chain.samples["noise"]) == pytest.approx(result.residual_std * np.sqrt(dof / (dof - 1.5)), rel=0.05)
    assert preset_tree(result, chain)["fit"]["posterior"]["samples"] == 4000
