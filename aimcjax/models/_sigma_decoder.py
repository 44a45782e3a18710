"""A decoder of sigma mixtures of experts."""

import dataclasses

import equinox as eqx
import jax
import jax.random as jr
from jaxtyping import Array, Bool, Int

from .._types import PRNGKey
from ._cache import KvCache, LayerCache
from ._decoder import AbstractDecoder, Hidden, Logits, Tokens
from ._grouped_query import GroupedQueryAttention, complete_heads, heads_of
from ._initial import check_sizes
from ._llama import llama_cache, llama_parts, llama_step, rms_norm
from ._mixtral import stacked_stats
from ._rope import RopeConfig
from ._routing import RoutingStats, check_top_k
from ._sigma_moe import SigmaMoe


@dataclasses.dataclass(frozen=True, kw_only=True)
class SigmaDecoderConfig:
    """Sizes of `SigmaDecoder`; `head_dim` is `dim / n_heads` if not given; `hidden` is that of each expert; `tied`: the
    head is the token embedding. The defaults are assumed."""

    vocab_size: int
    n_positions: int
    dim: int = 256
    n_layers: int = 4
    n_heads: int = 8
    n_kv_heads: int | None = None
    head_dim: int | None = None
    hidden: int = 128
    n_experts: int = 16
    top_k: int = 4
    norm_eps: float = 1e-5
    rope: RopeConfig = RopeConfig()
    tied: bool = False

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "n_positions", "n_layers", "hidden", "n_experts", "top_k")
        check_top_k("SigmaDecoderConfig", self.n_experts, self.top_k)
        complete_heads(self)


class SigmaBlock(eqx.Module):
    """Pre-norm block, as Mixtral's, with experts that independent sigmoids choose."""

    norm1: eqx.nn.RMSNorm
    attention: GroupedQueryAttention
    norm2: eqx.nn.RMSNorm
    moe: SigmaMoe

    def __init__(self, config: SigmaDecoderConfig, *, key: PRNGKey) -> None:
        c = config
        key_attention, key_moe = jr.split(key)
        self.norm1, self.norm2 = rms_norm(c.dim, c.norm_eps), rms_norm(c.dim, c.norm_eps)
        self.attention = GroupedQueryAttention(c.dim, **heads_of(c), bias=False, rope=c.rope, key=key_attention)
        self.moe = SigmaMoe(c.dim, c.hidden, n_experts=c.n_experts, top_k=c.top_k, n_layers=c.n_layers, key=key_moe)

    def __call__(
        self, x: Hidden, cache: LayerCache, positions: Int[Array, " tokens"], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache, RoutingStats]:
        """The next tokens, at `positions`."""
        mixed, cache = self.attention(jax.vmap(self.norm1)(x), cache, positions, visible)
        x = x + mixed
        y, stats = self.moe(jax.vmap(self.norm2)(x))
        return x + y, cache, stats


class SigmaDecoder(AbstractDecoder):
    """Mixtral with `SigmaMoe` in place of its mixtures: rotary positions and root-mean-square norms, where the paper
    takes relative positions and layer norms.

    **Arguments:** `config`; `key`, initial weights: those of `SigmaMoe`, else as Llama's.

    **Reference:** Csordás et al., EMNLP Findings 2023 (arXiv 2310.10837), for the mixtures.
    """

    embedding: eqx.nn.Embedding
    blocks: list[SigmaBlock]
    norm: eqx.nn.RMSNorm
    head: eqx.nn.Linear | None
    config: SigmaDecoderConfig = eqx.field(static=True)

    def __init__(self, config: SigmaDecoderConfig, *, key: PRNGKey) -> None:
        self.embedding, self.blocks, self.norm, self.head = llama_parts(config, SigmaBlock, key=key)
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
