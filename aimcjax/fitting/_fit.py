"""From data to a device: a good start, least squares in double precision, and intervals."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float
from scipy import stats

from .._types import PRNGKey
from ..components import suggest
from ._data import FORMATS, Data, words_of
from ._drift_models import DRIFT_MODELS
from ._iv_models import IV_MODELS
from ._parameters import Within
from ._problem import FitModel, Problem, read_fixed
from ._pulse_models import PULSE_MODELS
from ._solve import Solution, check_identifiable, covariance, solve


MODELS: Mapping[str, FitModel] = {**IV_MODELS, **PULSE_MODELS, **DRIFT_MODELS}
_CANDIDATES, _STARTS = 512, 4
_ROUND, _ROUNDS = 60, 6  # steps of the solver before the best start is chosen, and how often
_FAR = 3.0  # in transformed space: within 5 % of a bound
_FINEST = 64  # steps of the solver in a sample interval
_STEP_ERROR = 0.1  # of the noise: what the steps of the solver may contribute


@dataclasses.dataclass(frozen=True)
class FitResult:
    """What a fit found.

    `model`, `data`, `problem`: what was fitted to what; `component`: the device; `names`, `values`,
    `standard_errors`, `intervals` (95 %, one row of low and high per parameter), in SI; `correlation` of the
    parameters as the solver sees them (of logarithms, where they are positive); `theta`, `covariance`: the same in
    transformed space; `prediction` of the `observed`; `residual_std`; `rmse`, `r2`, `reduced_chi2` (`None` without a
    known noise), `n` samples; `noise`, the standard deviation of one sample; `substeps` of the simulation.
    """

    model: str
    data: Data
    problem: Problem
    component: Any
    names: tuple[str, ...]
    values: np.ndarray
    standard_errors: np.ndarray
    intervals: np.ndarray
    correlation: np.ndarray
    theta: np.ndarray
    covariance: np.ndarray
    prediction: np.ndarray
    residual_std: float
    rmse: float
    r2: float
    reduced_chi2: float | None
    n: int
    noise: float | None
    converged: bool
    substeps: int

    @property
    def observed(self) -> Float[np.ndarray, " samples"]:
        """What the prediction is compared with: current, weight, or the logarithm of the conductance."""
        return self.problem.observed


def find_model(name: str) -> FitModel:
    """The model called `name`, a key of `MODELS`. **Raises:** `ValueError` for another name."""
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r} to fit; {suggest(name, MODELS, always_list=True)}")
    return MODELS[name]


def make_problem(model: str, data: Data, fixed: Mapping[str, float | str] | None = None) -> Problem:
    """The least-squares problem of `model` and `data`, with the parameters of `fixed` held at their values.

    **Raises:** `ValueError` for an unknown model or parameter, data of another format, too few samples.
    """
    known = find_model(model)
    if data.format != known.format:
        raise ValueError(
            f"{model} is fitted to {words_of(known.format)} ({FORMATS[known.format]}); {data.name} is {data.words}"
        )
    problem = known.problem(data, read_fixed(fixed or {}, known, model))
    n, p = len(problem.observed), len(problem.parameters)
    if p == 0:
        raise ValueError(f"every parameter of {model} is fixed; leave at least one free")
    if n <= p:
        raise ValueError(f"{model} has {p} free parameters, {data.name} only {n} samples; measure more or fix some")
    return problem


def fit(
    model: str,
    data: Data,
    *,
    fixed: Mapping[str, float | str] | None = None,
    noise: float | None = None,
    key: PRNGKey | None = None,
) -> FitResult:
    r"""Fits `model` to `data` by nonlinear least squares through its simulation.

    With residuals r of n samples and p parameters, the covariance is $s^2 (J^T J)^{-1}$, $s^2 = r^T r / (n - p)$;
    intervals are those of Student's t with n - p degrees of freedom. Both hold in transformed space (the logarithm of
    a positive parameter), from which intervals are mapped back; standard errors are $|dp/d\theta|$ times theirs.
    They assume a model that is right and independent noise of one size. Simulations take equal steps, halved until
    they change the prediction by less than a tenth of the noise. An initial state
    that cannot be told from a bound is held there.

    **Arguments:** `model`, a key of `MODELS`; `data`, from `read_csv`; `fixed`, parameters that are known, in SI or as
    text with a unit; `noise`, the known standard deviation of a sample [unit of the fitted quantity], for the reduced
    chi squared; by default that of the data themselves, from second differences; `key` of the search for a start.

    **Raises:** `ValueError` for data of another format, a parameter that the data do not determine, a solver that did
    not converge.

    **Reference:** Seber and Wild, Nonlinear Regression (1989), chapters 2 and 5 (assumed: the usual linearisation).
    """
    if noise is not None and not 0 < noise < np.inf:
        raise ValueError(f"noise is a standard deviation above zero, got {noise:g}; leave it out if it is not known")
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        problem = make_problem(model, data, fixed)
        scale = float(np.std(problem.observed)) or 1.0
        theta = _starts(problem, jr.key(0) if key is None else key)
        substeps = problem.substeps or 1
        while True:
            solution = _solved(problem, theta, scale, substeps)
            edge = _at_bound(problem, solution)
            if edge is not None:
                problem, theta = _without(problem, *edge), jnp.delete(solution.theta, edge[0])[None]
                continue
            finer = 0.0 if problem.substeps is None else _change(problem, solution, scale, substeps)
            limit = _STEP_ERROR * float(solution.squares / len(problem.observed)) ** 0.5
            if not np.isfinite(finer) or finer <= max(limit, 1e-6) or substeps >= _FINEST:
                break
            theta, substeps = solution.theta[None], 4 * substeps
        return _result(model, data, problem, solution, scale, substeps, noise)


def _starts(problem: Problem, key: PRNGKey) -> Float[Array, "starts parameters"]:
    """The first guess, or the best of many guesses around it."""
    centre = problem.start()
    spread = jnp.asarray([p.spread for p in problem.parameters])
    if not np.any(np.asarray(spread) > 0):
        return centre[None]
    many = centre + spread * jr.uniform(key, (_CANDIDATES, len(centre)), minval=-1.0, maxval=1.0)
    many = jnp.concatenate([centre[None], many])

    def squares(theta: Array) -> Array:
        error = problem.predict(problem.values(theta), problem.substeps or 1) - jnp.asarray(problem.observed)
        return jnp.sum(error**2)

    found = jax.jit(jax.vmap(squares))(many)
    order = jnp.argsort(jnp.where(jnp.isfinite(found), found, jnp.inf))
    return many[order[:_STARTS]]


def _solved(problem: Problem, starts: Array, scale: float, substeps: int) -> Solution:
    """The best of the solutions from all `starts`, taken on until it has converged or there is no hope."""
    residuals = _residuals(problem, scale, substeps)
    run = jax.jit(jax.vmap(lambda theta: solve(residuals, theta, max_steps=_ROUND)))
    best = _least(run(starts))
    for _ in range(_ROUNDS):
        if bool(best.converged):
            break
        best = _least(run(jnp.broadcast_to(best.theta, starts.shape)))  # of the same shape: compiled once
    return best


def _least(solutions: Solution) -> Solution:
    k = int(np.argmin(np.where(np.isfinite(solutions.squares), solutions.squares, np.inf)))
    return jax.tree.map(lambda leaf: leaf[k], solutions)


def _at_bound(problem: Problem, solution: Solution) -> tuple[int, float] | None:
    """A parameter between two bounds that the data do not tell from one of them, and that bound."""
    errors = np.sqrt(np.diag(np.asarray(covariance(solution)[0])))
    for k, parameter in enumerate(problem.parameters):
        theta, transform = float(solution.theta[k]), parameter.transform
        if not isinstance(transform, Within) or len(errors) == 1 or abs(theta) < _FAR:
            continue
        if abs(theta) > 2 * _FAR or not errors[k] < 0.5:
            return k, transform.high if theta > 0 else 0.0
    return None


def _without(problem: Problem, k: int, value: float) -> Problem:
    """`problem` with its parameter `k` held at `value`."""
    rest = problem.parameters[:k] + problem.parameters[k + 1 :]
    constants = {**problem.constants, problem.parameters[k].name: value}
    return dataclasses.replace(problem, parameters=rest, constants=constants)


def _residuals(problem: Problem, scale: float, substeps: int) -> Any:
    observed = jnp.asarray(problem.observed)
    return lambda theta: (problem.predict(problem.values(theta), substeps) - observed) / scale


def _change(problem: Problem, solution: Solution, scale: float, substeps: int) -> float:
    """Root mean square of what steps of half the length change."""
    predict = jax.jit(lambda theta, k: _residuals(problem, scale, k)(theta), static_argnums=1)
    change = predict(solution.theta, 2 * substeps) - predict(solution.theta, substeps)
    return float(jnp.sqrt(jnp.mean(change**2)))


def _result(
    model: str, data: Data, problem: Problem, solution: Solution, scale: float, substeps: int, noise: float | None
) -> FitResult:
    names = tuple(p.name for p in problem.parameters)
    n, p = len(problem.observed), len(names)
    if not bool(np.all(np.isfinite(np.asarray(solution.jacobian)))):
        raise ValueError(f"the fit of {model} to {data.name} diverged; check units and polarity of the data")
    check_identifiable(solution, names)
    if not bool(solution.converged):
        raise ValueError(f"the fit of {model} to {data.name} did not converge; fix a parameter that you know (--fix)")
    spread, variance = (np.asarray(each) for each in covariance(solution))
    theta, error = np.asarray(solution.theta), np.sqrt(np.diag(spread))
    values, errors, intervals = _in_units(problem, theta, error, float(stats.t.ppf(0.975, n - p)))
    residual_std = scale * float(variance) ** 0.5
    squares = scale**2 * float(solution.squares)
    if noise is None:
        noise = noise_of(problem.observed)
    total = float(np.sum((problem.observed - problem.observed.mean()) ** 2))
    everything = {**problem.constants, **dict(zip(names, values.tolist(), strict=True)), "noise": residual_std}
    with jax.enable_x64(False):  # as it will be used, and written with the digits of that
        component = problem.component(everything)
    return FitResult(
        model=model, data=data, problem=problem, component=component, names=names, values=values,
        standard_errors=errors, intervals=intervals, correlation=_correlation(spread), theta=theta,
        covariance=spread, prediction=np.asarray(problem.predict(problem.values(solution.theta), substeps)),
        residual_std=residual_std, rmse=(squares / n) ** 0.5, r2=1.0 - squares / total if total > 0 else 0.0,
        reduced_chi2=squares / (n - p) / noise**2 if noise else None, n=n, noise=noise, converged=True,
        substeps=substeps,
    )  # fmt: skip


def _correlation(spread: np.ndarray) -> np.ndarray:
    error = np.sqrt(np.diag(spread))
    known = error > 0  # a perfect fit has no errors
    scaled = spread / np.outer(np.where(known, error, 1.0), np.where(known, error, 1.0))
    return np.where(np.outer(known, known), scaled, np.eye(len(error)))


def _in_units(
    problem: Problem, theta: np.ndarray, error: np.ndarray, t: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, errors, intervals = [], [], []
    for parameter, centre, std in zip(problem.parameters, theta, error, strict=True):
        value, slope = jax.jvp(parameter.transform.value, (jnp.asarray(centre),), (jnp.asarray(1.0),))
        ends = [float(parameter.transform.value(jnp.asarray(centre + side * t * std))) for side in (-1, 1)]
        values.append(float(value))
        errors.append(abs(float(slope)) * std)
        intervals.append(sorted(ends))
    return np.array(values), np.array(errors), np.array(intervals)


def noise_of(y: Float[np.ndarray, " samples"]) -> float | None:
    """Standard deviation of the noise of `y`, from the median of its second differences: a smooth curve and a few
    jumps do not count; `None` where there is none."""
    second = np.diff(y, 2)
    noise = float(np.median(np.abs(second))) / (0.6745 * 6**0.5)
    return noise if len(second) >= 5 and noise > 0 else None
