"""Sigma mixture of experts: a feed-forward layer in parts, chosen by independent sigmoids."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .._types import PRNGKey
from ._experts import ExpertLinear
from ._routing import Router, RoutingStats, check_top_k, routing_stats


class SigmaMoe(eqx.Module):
    r"""$y = \sum_{e \in \mathrm{topk}(s)} s_e V_e\, \mathrm{relu}(K_e x)$ with $s = \sigma(W x)$, not renormalised.

    **Arguments:** `dim`, of the tokens; `hidden`, of each expert; `n_experts`; `top_k`; `n_layers` of the whole
    network, which its initial weights depend on; `expert_dropout`, the probability with which training leaves an expert
    out for a token, in [0, 1); `key`.

    Initial weights are normal: `up` with $\sqrt{2 / (n_\mathrm{layers}\, dim)}$, `down` with
    $\sqrt{2 / (n_\mathrm{layers}\, hidden\, n_\mathrm{experts})}$, the router as `up` with rows of equal norm.

    **Raises:** `ValueError` for sizes that cannot be.

    **Reference:** Csordás et al., EMNLP Findings 2023 (arXiv 2310.10837), section 5.
    """

    router: Router
    up: ExpertLinear
    down: ExpertLinear
    top_k: int = eqx.field(static=True)
    expert_dropout: float = eqx.field(static=True)

    def __init__(
        self,
        dim: int,
        hidden: int,
        *,
        n_experts: int,
        top_k: int,
        n_layers: int = 1,
        expert_dropout: float = 0.0,
        key: PRNGKey,
    ) -> None:
        check_top_k("SigmaMoe", n_experts, top_k)
        if min(dim, hidden, n_layers) < 1:
            raise ValueError(f"SigmaMoe: dim, hidden and n_layers are at least one, got {dim}, {hidden}, {n_layers}")
        if not 0 <= expert_dropout < 1:
            raise ValueError(f"SigmaMoe: expert_dropout must lie in [0, 1), got {expert_dropout}")
        key_router, key_up, key_down = jr.split(key, 3)
        std = (2 / (n_layers * dim)) ** 0.5
        router = Router(n_experts, dim, std=std, key=key_router)
        rows = router.weight / jnp.linalg.norm(router.weight, axis=1, keepdims=True)
        self.router = eqx.tree_at(lambda it: it.weight, router, rows * (std * dim**0.5))
        self.up = ExpertLinear(n_experts, dim, hidden, std=std, key=key_up)
        self.down = ExpertLinear(n_experts, hidden, dim, std=(2 / (n_layers * hidden * n_experts)) ** 0.5, key=key_down)
        self.top_k, self.expert_dropout = top_k, expert_dropout

    def __call__(
        self, x: Float[Array, "tokens dim"], *, key: PRNGKey | None = None
    ) -> tuple[Float[Array, "tokens dim"], RoutingStats]:
        """The tokens of one sample, and how they were routed; `key` drops experts, in training."""
        logits = self.router(x)
        scores = jax.nn.sigmoid(logits)
        if key is not None and self.expert_dropout > 0:
            kept = jr.bernoulli(key, 1 - self.expert_dropout, scores.shape)
            scores = jnp.where(kept, scores, 0.0)
        gate, expert = lax.top_k(scores, self.top_k)
        hidden = self.up(jnp.repeat(x, self.top_k, axis=0), expert.ravel())
        y = self.down(jax.nn.relu(hidden), expert.ravel())
        return mix(y, gate), routing_stats(logits, expert)


def mix(y: Float[Array, "rows dim"], gate: Float[Array, "tokens top_k"]) -> Float[Array, "tokens dim"]:
    """The sum over the `top_k` rows of each token, weighted with `gate`."""
    weighted = y.reshape(*gate.shape, -1).astype(gate.dtype) * gate[..., None]
    return jnp.sum(weighted, axis=1).astype(y.dtype)
