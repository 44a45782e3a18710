"""GPT-2."""

import dataclasses

import equinox as eqx
import jax
import jax.random as jr
from jaxtyping import Array, Bool, Float, Int

from .._types import PRNGKey
from ._attention import attend
from ._cache import KvCache, LayerCache, empty_cache
from ._decoder import AbstractDecoder, Hidden, Logits, Tokens
from ._initial import check_divides, check_sizes, normal_embedding, normal_linear
from ._through import through


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gpt2Config:
    """Sizes of `Gpt2`; the defaults are the published small model's. `hidden` of the feed-forward part is
    `4 * dim` if not given; `tied`: the head is the token embedding."""

    vocab_size: int = 50257
    n_positions: int = 1024
    dim: int = 768
    n_layers: int = 12
    n_heads: int = 12
    hidden: int | None = None
    norm_eps: float = 1e-5
    tied: bool = True

    def __post_init__(self) -> None:
        if self.hidden is None:
            object.__setattr__(self, "hidden", 4 * self.dim)
        check_sizes(self, "vocab_size", "n_positions", "n_layers", "hidden")
        check_divides(self, "n_heads", "dim")


class Gpt2Attention(eqx.Module):
    """Causal self-attention; queries, keys and values come from one matrix, as published."""

    qkv: eqx.nn.Linear
    out: eqx.nn.Linear
    n_heads: int = eqx.field(static=True)

    def __init__(self, config: Gpt2Config, *, key: PRNGKey) -> None:
        key_qkv, key_out = jr.split(key)
        self.qkv = normal_linear(config.dim, 3 * config.dim, std=0.02, bias=True, key=key_qkv)
        self.out = normal_linear(config.dim, config.dim, std=_residual_std(config), bias=True, key=key_out)
        self.n_heads = config.n_heads

    def __call__(
        self, x: Hidden, cache: LayerCache, start: Int[Array, ""], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache]:
        """The next tokens, from position `start` on."""
        n_tokens, dim = x.shape
        qkv = jax.vmap(self.qkv)(x).reshape(n_tokens, 3, self.n_heads, dim // self.n_heads)
        cache = cache.extend(qkv[:, 1], qkv[:, 2], start)
        return jax.vmap(self.out)(attend(qkv[:, 0], cache.keys, cache.values, visible)), cache


class Gpt2FeedForward(eqx.Module):
    """`down(gelu(up(x)))`, with the tanh form of the GELU, as published."""

    up: eqx.nn.Linear
    down: eqx.nn.Linear

    def __init__(self, config: Gpt2Config, *, key: PRNGKey) -> None:
        key_up, key_down = jr.split(key)
        assert config.hidden is not None
        self.up = normal_linear(config.dim, config.hidden, std=0.02, bias=True, key=key_up)
        self.down = normal_linear(config.hidden, config.dim, std=_residual_std(config), bias=True, key=key_down)

    def __call__(self, x: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """One token."""
        return self.down(jax.nn.gelu(self.up(x), approximate=True))


class Gpt2Block(eqx.Module):
    """Pre-norm block."""

    norm1: eqx.nn.LayerNorm
    attention: Gpt2Attention
    norm2: eqx.nn.LayerNorm
    mlp: Gpt2FeedForward

    def __init__(self, config: Gpt2Config, *, key: PRNGKey) -> None:
        key_attention, key_mlp = jr.split(key)
        self.norm1 = eqx.nn.LayerNorm(config.dim, eps=config.norm_eps)
        self.norm2 = eqx.nn.LayerNorm(config.dim, eps=config.norm_eps)
        self.attention = Gpt2Attention(config, key=key_attention)
        self.mlp = Gpt2FeedForward(config, key=key_mlp)

    def __call__(
        self, x: Hidden, cache: LayerCache, start: Int[Array, ""], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache, None]:
        """The next tokens, from position `start` on."""
        mixed, cache = self.attention(jax.vmap(self.norm1)(x), cache, start, visible)
        x = x + mixed
        return x + jax.vmap(self.mlp)(jax.vmap(self.norm2)(x)), cache, None


class Gpt2(AbstractDecoder):
    """GPT-2: learned positions, pre-norm blocks, a head tied to the token embedding.

    The tied head reads the embedding array itself and stays digital, as the embedding does: it is a table that is
    looked up, and training needs both uses in one array. `untie` gives the head its own weights, for tiles.

    **Arguments:** `config`; `key`, initial weights: normal, 0.02, and 0.02 / sqrt(2 n_layers) for those that write to
    the residual stream; biases zero.

    **Reference:** Radford et al., "Language models are unsupervised multitask learners" (2019), section 2.3; 0.02
    from the published code.
    """

    embedding: eqx.nn.Embedding
    positions: eqx.nn.Embedding
    blocks: list[Gpt2Block]
    norm: eqx.nn.LayerNorm
    head: eqx.nn.Linear | None
    config: Gpt2Config = eqx.field(static=True)

    def __init__(self, config: Gpt2Config, *, key: PRNGKey) -> None:
        key_tokens, key_positions, key_head, *key_blocks = jr.split(key, 3 + config.n_layers)
        self.embedding = normal_embedding(config.vocab_size, config.dim, std=0.02, key=key_tokens)
        self.positions = normal_embedding(config.n_positions, config.dim, std=0.02, key=key_positions)
        self.blocks = [Gpt2Block(config, key=k) for k in key_blocks]
        self.norm = eqx.nn.LayerNorm(config.dim, eps=config.norm_eps)
        head = lambda: normal_linear(config.dim, config.vocab_size, std=0.02, bias=False, key=key_head)
        self.head = None if config.tied else head()
        self.config = config

    def init_cache(self, max_len: int) -> KvCache:
        """An empty cache for `max_len` tokens, at most `n_positions`."""
        c = self.config
        if max_len > c.n_positions:
            raise ValueError(f"the model knows {c.n_positions} positions, a sequence of {max_len} tokens is too long")
        return empty_cache(c.n_layers, max_len, c.n_heads, c.dim // c.n_heads, self.embedding.weight.dtype)

    def step(self, tokens: Tokens, cache: KvCache) -> tuple[Logits, KvCache]:
        """Logits of the next tokens of the sequence in `cache`, and the cache with them."""
        positions = cache.positions(tokens.shape[0])
        visible = cache.visible(positions)
        x = self.embedding.weight[tokens] + self.positions.weight[positions]
        x, layers, _ = through(self.blocks, x, cache.layers, cache.length, visible)
        x = jax.vmap(self.norm)(x)
        logits = x @ self.embedding.weight.T if self.head is None else jax.vmap(self.head)(x)
        return logits, KvCache(layers, positions[-1] + 1)


def _residual_std(config: Gpt2Config) -> float:
    return 0.02 / (2 * config.n_layers) ** 0.5
