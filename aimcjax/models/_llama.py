"""Llama."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
from jaxtyping import Array, Bool, Float, Int

from .._types import PRNGKey
from ._cache import KvCache, LayerCache, empty_cache
from ._decoder import AbstractDecoder, Hidden, Logits, Tokens
from ._grouped_query import STD, GroupedQueryAttention, complete_heads, heads_of
from ._initial import check_sizes, normal_embedding, normal_linear
from ._rope import RopeConfig
from ._through import through


@dataclasses.dataclass(frozen=True, kw_only=True)
class LlamaConfig:
    """Sizes of `Llama`; the defaults are those of Llama, 7B. `n_kv_heads` is `n_heads` and `head_dim` is
    `dim / n_heads` if not given; `tied`: the head is the token embedding."""

    vocab_size: int = 32000
    n_positions: int = 2048
    dim: int = 4096
    n_layers: int = 32
    n_heads: int = 32
    n_kv_heads: int | None = None
    head_dim: int | None = None
    hidden: int = 11008
    norm_eps: float = 1e-6
    rope: RopeConfig = RopeConfig()
    attention_bias: bool = False
    mlp_bias: bool = False
    tied: bool = False

    def __post_init__(self) -> None:
        check_sizes(self, "vocab_size", "n_positions", "n_layers", "hidden")
        complete_heads(self)


class SwiGlu(eqx.Module):
    """`down(silu(gate(x)) * up(x))` (Shazeer, arXiv 2002.05202, 2020)."""

    gate: eqx.nn.Linear
    up: eqx.nn.Linear
    down: eqx.nn.Linear

    def __init__(self, dim: int, hidden: int, *, bias: bool, key: PRNGKey) -> None:
        key_gate, key_up, key_down = jr.split(key, 3)
        self.gate = normal_linear(dim, hidden, std=STD, bias=bias, key=key_gate)
        self.up = normal_linear(dim, hidden, std=STD, bias=bias, key=key_up)
        self.down = normal_linear(hidden, dim, std=STD, bias=bias, key=key_down)

    def __call__(self, x: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """One token."""
        return self.down(jax.nn.silu(self.gate(x)) * self.up(x))


class LlamaBlock(eqx.Module):
    """Pre-norm block with root-mean-square norms (Zhang and Sennrich, arXiv 1910.07467, 2019)."""

    norm1: eqx.nn.RMSNorm
    attention: GroupedQueryAttention
    norm2: eqx.nn.RMSNorm
    mlp: SwiGlu

    def __init__(self, config: LlamaConfig, *, key: PRNGKey) -> None:
        key_attention, key_mlp = jr.split(key)
        self.norm1, self.norm2 = rms_norm(config.dim, config.norm_eps), rms_norm(config.dim, config.norm_eps)
        self.attention = GroupedQueryAttention(
            config.dim, **heads_of(config), bias=config.attention_bias, rope=config.rope, key=key_attention
        )
        self.mlp = SwiGlu(config.dim, config.hidden, bias=config.mlp_bias, key=key_mlp)

    def __call__(
        self, x: Hidden, cache: LayerCache, positions: Int[Array, " tokens"], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache, None]:
        """The next tokens, at `positions`."""
        mixed, cache = self.attention(jax.vmap(self.norm1)(x), cache, positions, visible)
        x = x + mixed
        return x + jax.vmap(self.mlp)(jax.vmap(self.norm2)(x)), cache, None


class AbstractLlama(AbstractDecoder):
    """What the decoders of this family share: an embedding, blocks that a `block` makes of config and key, a norm and a
    head (`None` if tied)."""

    embedding: eqx.nn.Embedding
    blocks: list[Any]
    norm: eqx.nn.RMSNorm
    head: eqx.nn.Linear | None
    config: Any = eqx.field(static=True)

    def __init__(self, config: Any, *, block: Callable[..., Any], key: PRNGKey) -> None:
        key_tokens, key_head, *key_blocks = jr.split(key, 2 + config.n_layers)
        head = lambda: normal_linear(config.dim, config.vocab_size, std=STD, bias=False, key=key_head)
        self.embedding = normal_embedding(config.vocab_size, config.dim, std=STD, key=key_tokens)
        self.blocks = [block(config, key=k) for k in key_blocks]
        self.norm = rms_norm(config.dim, config.norm_eps)
        self.head = None if config.tied else head()
        self.config = config

    def init_cache(self, max_len: int) -> KvCache:
        """An empty cache for `max_len` tokens."""
        c = self.config
        return empty_cache(c.n_layers, max_len, c.n_kv_heads, c.head_dim, self.embedding.weight.dtype)

    def step(self, tokens: Tokens, cache: KvCache) -> tuple[Logits, KvCache]:
        """Logits of the next tokens of the sequence in `cache`, and the cache with them."""
        logits, cache, _ = self.step_and_more(tokens, cache)
        return logits, cache

    def step_and_more(self, tokens: Tokens, cache: KvCache) -> tuple[Logits, KvCache, list[Any]]:
        """`step`, and what else the blocks return."""
        positions = cache.positions(tokens.shape[0])
        visible = cache.visible(positions)
        x = self.embedding.weight[tokens]
        x, layers, more = through(self.blocks, x, cache.layers, positions, visible)
        x = jax.vmap(self.norm)(x)
        logits = x @ self.embedding.weight.T if self.head is None else jax.vmap(self.head)(x)
        return logits, KvCache(layers, positions[-1] + 1), more


class Llama(AbstractLlama):
    """Llama, versions 1 to 3: rotary positions, grouped queries, SwiGLU, root-mean-square norms, no biases.

    A tied head reads the embedding array itself and stays digital; `untie` gives it its own weights, for tiles.

    **Arguments:** `config`; `key`, initial weights (normal, 0.02, the default of the published configurations).

    **Reference:** Touvron et al., arXiv 2302.13971 and 2307.09288 (2023).
    """

    def __init__(self, config: LlamaConfig, *, key: PRNGKey) -> None:
        super().__init__(config, block=LlamaBlock, key=key)


def rms_norm(dim: int, eps: float) -> eqx.nn.RMSNorm:
    """A root-mean-square norm without bias; statistics in at least float32."""
    return eqx.nn.RMSNorm(dim, eps=eps, use_bias=False)
