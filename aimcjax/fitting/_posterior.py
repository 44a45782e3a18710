"""Posterior distributions of the parameters by Hamiltonian Monte Carlo: no linearisation, no symmetric intervals."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array

from .._types import PRNGKey
from ._fit import FitResult


_PRIOR = 30.0  # standard errors of the least-squares fit
_PRIOR_NOISE = 3.0  # natural logarithms
_R_HAT = 1.05


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Samples of the posterior: `samples` of every parameter and of `noise` (of one reading, in the unit of what was
    fitted), in SI; `mean`, `std`, `intervals` (95 %, equal tails) of the parameters in the order of `names`;
    `r_hat`, the largest; `divergences`, how many transitions failed."""

    names: tuple[str, ...]
    samples: dict[str, np.ndarray]
    mean: np.ndarray
    std: np.ndarray
    intervals: np.ndarray
    r_hat: float
    divergences: int


def posterior(
    result: FitResult,
    *,
    key: PRNGKey | None = None,
    n_samples: int = 1000,
    n_warmup: int = 500,
    n_chains: int = 2,
) -> Posterior:
    r"""Samples $p(\theta, \sigma \mid y)$ with the No-U-Turn sampler, from the least-squares solution.

    Likelihood $y_k \sim \mathcal N(f_k(\theta), \sigma^2)$. Priors, in transformed space (the logarithm of a positive
    parameter): $\theta = \hat\theta + L z$, $z \sim \mathcal N(0, 30^2)$ with $L L^T$ the covariance of the fit, so
    flat over any interval that the data leave open; $\ln \sigma \sim \mathcal N(\ln s, 3^2)$, all but flat.

    **Arguments:** `result` of `fit`; `key`; `n_samples` of every one of `n_chains` chains, after `n_warmup`.

    **Raises:** `ValueError` without numpyro, or when the chains do not agree (R-hat above 1.05).

    **Reference:** Hoffman and Gelman, JMLR 15:1593 (2014); priors are assumed.
    """
    mcmc_class, kernel_class = _numpyro()
    key = jr.key(0) if key is None else key
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        kernel = kernel_class(potential_fn=_potential(result), forward_mode_differentiation=True)
        mcmc = mcmc_class(
            kernel, num_warmup=n_warmup, num_samples=n_samples, num_chains=n_chains, chain_method="vectorized",
            progress_bar=False,
        )  # fmt: skip
        start = 0.1 * jr.normal(jr.fold_in(key, 1), (n_chains, len(result.names) + 1))
        mcmc.run(key, init_params=start if n_chains > 1 else start[0], extra_fields=("diverging",))
        z = np.asarray(mcmc.get_samples(group_by_chain=True))
        return _summary(result, z, int(np.sum(mcmc.get_extra_fields()["diverging"])))


def check_posterior() -> None:
    """Raises `ValueError` without numpyro; called before any work is done."""
    _numpyro()


def _numpyro() -> tuple[Any, Any]:
    try:
        from numpyro.infer import MCMC, NUTS
    except ImportError:
        raise ValueError("--posterior needs numpyro: pip install 'aimcjax[bayes]'") from None
    return MCMC, NUTS


def _potential(result: FitResult) -> Any:
    """Minus the logarithm of prior times likelihood, of z and a standardised logarithm of the noise."""
    factor, centre = jnp.linalg.cholesky(jnp.asarray(result.covariance)), jnp.asarray(result.theta)
    observed, n = jnp.asarray(result.observed), result.n
    scale = math.sqrt(0.5 / n)  # of the logarithm of the noise

    def potential(z: Array) -> Array:
        theta, log_ratio = centre + factor @ z[:-1], scale * z[-1]
        error = result.problem.predict(result.problem.values(theta), result.substeps) - observed
        misfit = 0.5 * jnp.sum((error / result.residual_std) ** 2) * jnp.exp(-2 * log_ratio) + n * log_ratio
        prior = 0.5 * jnp.sum((z[:-1] / _PRIOR) ** 2) + 0.5 * (log_ratio / _PRIOR_NOISE) ** 2
        value = misfit + prior
        return jnp.where(jnp.isfinite(value), value, 1e30)

    return potential


def _summary(result: FitResult, z: np.ndarray, divergences: int) -> Posterior:
    r_hat = max(_r_hat(z[..., k]) for k in range(z.shape[-1]))
    if not r_hat < _R_HAT:
        raise ValueError(
            f"the chains of the posterior do not agree (R-hat {r_hat:.3g}); take more samples, or fix some"
        )
    flat = z.reshape(-1, z.shape[-1])
    theta = result.theta + flat[:, :-1] @ np.linalg.cholesky(result.covariance).T
    draws = {
        p.name: np.asarray(p.transform.value(jnp.asarray(theta[:, k]))) for k, p in enumerate(result.problem.parameters)
    }
    columns = np.stack([draws[name] for name in result.names], axis=1)
    noise = result.residual_std * np.exp(math.sqrt(0.5 / result.n) * flat[:, -1])
    return Posterior(
        names=result.names,
        samples={**draws, "noise": noise},
        mean=columns.mean(axis=0),
        std=columns.std(axis=0, ddof=1),
        intervals=np.quantile(columns, [0.025, 0.975], axis=0).T,
        r_hat=r_hat,
        divergences=divergences,
    )


def _r_hat(chains: np.ndarray) -> float:
    """Split R-hat of Gelman et al., Bayesian Data Analysis (2013), section 11.4."""
    half = chains.shape[1] // 2
    parts = np.concatenate([chains[:, :half], chains[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean()
    between = half * parts.mean(axis=1).var(ddof=1)
    return float(np.sqrt((half - 1) / half + between / (half * within)))
