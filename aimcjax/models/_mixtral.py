"""Mixtral."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Bool, Int

from .._types import PRNGKey
from ._cache import KvCache, LayerCache
from ._decoder import AbstractDecoder, Hidden, Logits, Tokens
from ._experts import ExpertLinear
from ._grouped_query import STD, GroupedQueryAttention, complete_heads, heads_of
from ._initial import check_sizes
from ._llama import llama_cache, llama_parts, llama_step, rms_norm
from ._rope import RopeConfig
from ._routing import Router, RoutingStats, check_top_k, routing_stats
from ._sigma_moe import mix


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixtralConfig:
    """Sizes of `Mixtral`; the defaults are those of Mixtral 8x7B. `head_dim` is `dim / n_heads` if not given; `hidden`
    is that of each expert; `tied`: the head is the token embedding."""

    vocab_size: int = 32000
    n_positions: int = 32768
    dim: int = 4096
    n_layers: int = 32
    n_heads: int = 32
    n_kv_heads: int | None = 8
    head_dim: int | None = None
    hidden: int = 14336
    n_experts: int = 8
    top_k: int = 2
    norm_eps: float = 1e-5
    rope: RopeConfig = RopeConfig(theta=1e6)
    tied: bool = False

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "n_positions", "n_layers", "hidden", "n_experts", "top_k")
        check_top_k("MixtralConfig", self.n_experts, self.top_k)
        complete_heads(self)


class MixtralMoe(eqx.Module):
    r"""$y = \sum_{e \in \mathrm{topk}} p_e\, D_e (\mathrm{silu}(G_e x) \odot U_e x)$; p is the softmax over the
    logits of the `top_k` chosen experts.

    **Reference:** Jiang et al., arXiv 2401.04088 (2024), section 2.1.
    """

    router: Router
    gate: ExpertLinear
    up: ExpertLinear
    down: ExpertLinear
    top_k: int = eqx.field(static=True)

    def __init__(self, dim: int, hidden: int, *, n_experts: int, top_k: int, key: PRNGKey) -> None:
        check_top_k("MixtralMoe", n_experts, top_k)
        key_router, key_gate, key_up, key_down = jr.split(key, 4)
        self.router = Router(n_experts, dim, std=STD, key=key_router)
        self.gate = ExpertLinear(n_experts, dim, hidden, std=STD, key=key_gate)
        self.up = ExpertLinear(n_experts, dim, hidden, std=STD, key=key_up)
        self.down = ExpertLinear(n_experts, hidden, dim, std=STD, key=key_down)
        self.top_k = top_k

    def __call__(self, x: Hidden) -> tuple[Hidden, RoutingStats]:
        """The tokens of one sample, and how they were routed."""
        logits = self.router(x)
        best, expert = lax.top_k(logits, self.top_k)
        rows, owner = jnp.repeat(x, self.top_k, axis=0), expert.ravel()
        y = self.down(jax.nn.silu(self.gate(rows, owner)) * self.up(rows, owner), owner)
        return mix(y, jax.nn.softmax(best, axis=-1)), routing_stats(logits, expert)


class MixtralBlock(eqx.Module):
    """Pre-norm block, as Llama's, with experts."""

    norm1: eqx.nn.RMSNorm
    attention: GroupedQueryAttention
    norm2: eqx.nn.RMSNorm
    moe: MixtralMoe

    def __init__(self, config: MixtralConfig, *, key: PRNGKey) -> None:
        c = config
        key_attention, key_moe = jr.split(key)
        self.norm1, self.norm2 = rms_norm(c.dim, c.norm_eps), rms_norm(c.dim, c.norm_eps)
        self.attention = GroupedQueryAttention(c.dim, **heads_of(c), bias=False, rope=c.rope, key=key_attention)
        self.moe = MixtralMoe(c.dim, c.hidden, n_experts=c.n_experts, top_k=c.top_k, key=key_moe)

    def __call__(
        self, x: Hidden, cache: LayerCache, positions: Int[Array, " tokens"], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache, RoutingStats]:
        """The next tokens, at `positions`."""
        mixed, cache = self.attention(jax.vmap(self.norm1)(x), cache, positions, visible)
        x = x + mixed
        y, stats = self.moe(jax.vmap(self.norm2)(x))
        return x + y, cache, stats


class Mixtral(AbstractDecoder):
    """Mixtral: Llama with a mixture of experts in place of each feed-forward part, without a sliding window.

    A tied head reads the embedding array itself and stays digital; `untie` gives it its own weights, for tiles.

    **Arguments:** `config`; `key`, initial weights (normal, 0.02, the default of the published configuration).

    **Reference:** Jiang et al., arXiv 2401.04088 (2024).
    """

    embedding: eqx.nn.Embedding
    blocks: list[MixtralBlock]
    norm: eqx.nn.RMSNorm
    head: eqx.nn.Linear | None
    config: MixtralConfig = eqx.field(static=True)

    def __init__(self, config: MixtralConfig, *, key: PRNGKey) -> None:
        self.embedding, self.blocks, self.norm, self.head = llama_parts(config, MixtralBlock, key=key)
        self.config = config

    def init_cache(self, max_len: int) -> KvCache:
        """An empty cache for `max_len` tokens."""
        return llama_cache(self, max_len)

    def step(self, tokens: Tokens, cache: KvCache) -> tuple[Logits, KvCache]:
        """Logits of the next tokens of the sequence in `cache`, and the cache with them."""
        logits, cache, _ = llama_step(self, tokens, cache)
        return logits, cache

    def with_routing(self, tokens: Tokens) -> tuple[Logits, RoutingStats]:
        """Logits of one sequence, and how its tokens were routed; the leading axis of the statistics is layers."""
        logits, _, stats = llama_step(self, tokens, self.init_cache(tokens.shape[0]))
        return logits, stacked_stats(stats)


def stacked_stats(stats: list[RoutingStats]) -> RoutingStats:
    """Those of all layers as one, along a leading axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *stats)


class WithRouting(eqx.Module):
    """A decoder with experts (`Mixtral`, `SigmaDecoder`) that is called for its logits and for how it routed: what
    `load_balancing_loss` trains on."""

    model: Any

    def __call__(self, tokens: Tokens) -> tuple[Logits, RoutingStats]:
        """See `Mixtral.with_routing`."""
        return self.model.with_routing(tokens)
