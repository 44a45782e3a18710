"""Which experts a token goes to, and how evenly tokens spread over them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float, Int

from .._types import PRNGKey, Scalar
from ._initial import at_least_single


class Router(eqx.Module):
    """Logits of the experts for each token, `weight @ x`, in at least float32.

    Not an `equinox.nn.Linear` on purpose: routing stays digital, whatever the rules of `convert` say, because noise
    there sends tokens to other experts.
    """

    weight: Float[Array, "n_experts dim"]

    def __init__(self, n_experts: int, dim: int, *, std: float, key: PRNGKey) -> None:
        self.weight = std * jr.normal(key, (n_experts, dim))

    def __call__(self, x: Float[Array, "tokens dim"]) -> Float[Array, "tokens n_experts"]:
        """One row for each token."""
        logits = x @ self.weight.T
        return logits.astype(at_least_single(logits.dtype))


class RoutingStats(eqx.Module):
    """How tokens spread over experts; leading axes are layers and samples, over which the losses take the mean.

    `load`, assignments per token to each expert (sums to top-k, no gradient); `probability`, mean over tokens of the
    softmax of the router's logits.
    """

    load: Float[Array, "*batch n_experts"]
    probability: Float[Array, "*batch n_experts"]


def routing_stats(logits: Float[Array, "tokens n_experts"], expert: Int[Array, "tokens top_k"]) -> RoutingStats:
    """Statistics of one layer and sample: the router's `logits`, and the experts that were chosen."""
    n_tokens, n_experts = logits.shape
    load = jnp.bincount(expert.ravel(), length=n_experts).astype(logits.dtype) / n_tokens
    return RoutingStats(load, jnp.mean(jax.nn.softmax(logits, axis=-1), axis=0))


def load_balancing_loss(stats: RoutingStats) -> Scalar:
    r"""$E \sum_e f_e P_e$ with the load f and the mean probability P of expert e: top-k if perfectly even, more if not.

    **Reference:** Fedus et al., "Switch transformers", JMLR 23 (2022), eq. 4 without its factor, with f counting all k
    choices and the means over all layers taken first, as in the published code of Mixtral.
    """
    load, probability = _pooled(stats)
    return load.shape[0] * jnp.sum(load * probability)


def routing_entropy_loss(stats: RoutingStats) -> Scalar:
    r"""$\sum_e P_e \ln P_e$ of the mean probability P: $-\ln E$ if perfectly even, zero if one expert takes all.

    Give it the statistics of one layer; for several, take the mean of their losses (`vmap`).

    **Reference:** Csordás et al., EMNLP Findings 2023 (arXiv 2310.10837), section 5, on regularisation.
    """
    _, probability = _pooled(stats)
    return jnp.sum(jax.scipy.special.xlogy(probability, probability))


def _pooled(stats: RoutingStats) -> tuple[Float[Array, " n_experts"], Float[Array, " n_experts"]]:
    n_experts = stats.load.shape[-1]
    return stats.load.reshape(-1, n_experts).mean(axis=0), stats.probability.reshape(-1, n_experts).mean(axis=0)


def check_top_k(name: str, n_experts: int, top_k: int) -> None:
    """Raises `ValueError` unless a token can go to `top_k` of `n_experts`."""
    if not 1 <= top_k <= n_experts:
        raise ValueError(f"{name}: a token goes to between one and all experts, got top_k={top_k} of {n_experts}")
