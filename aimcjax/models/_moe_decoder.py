"""What decoders with mixtures of experts have in common."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Bool, Int

from .._types import PRNGKey
from ._cache import LayerCache
from ._decoder import Hidden, Logits, Tokens
from ._grouped_query import GroupedQueryAttention, heads_of
from ._llama import AbstractLlama, rms_norm
from ._routing import RoutingStats


class MoeBlock(eqx.Module):
    """Pre-norm block, as Llama's, with the experts of `config.mixture` in place of the feed-forward part."""

    norm1: eqx.nn.RMSNorm
    attention: GroupedQueryAttention
    norm2: eqx.nn.RMSNorm
    moe: Any

    def __init__(self, config: Any, *, key: PRNGKey) -> None:
        c = config
        key_attention, key_moe = jr.split(key)
        self.norm1, self.norm2 = rms_norm(c.dim, c.norm_eps), rms_norm(c.dim, c.norm_eps)
        self.attention = GroupedQueryAttention(c.dim, **heads_of(c), bias=False, rope=c.rope, key=key_attention)
        self.moe = c.mixture(key=key_moe)

    def __call__(
        self, x: Hidden, cache: LayerCache, positions: Int[Array, " tokens"], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache, RoutingStats]:
        """The next tokens, at `positions`."""
        mixed, cache = self.attention(jax.vmap(self.norm1)(x), cache, positions, visible)
        x = x + mixed
        y, stats = self.moe(jax.vmap(self.norm2)(x))
        return x + y, cache, stats


class AbstractMoeDecoder(AbstractLlama):
    """Llama with a mixture of experts in place of each feed-forward part. A model of this kind is this class under its
    own name, with a `config` that makes its mixtures (`config.mixture(key=key)`)."""

    def __init__(self, config: Any, *, key: PRNGKey) -> None:
        super().__init__(config, block=MoeBlock, key=key)

    def with_routing(self, tokens: Tokens) -> tuple[Logits, RoutingStats]:
        """Logits of one sequence, and how its tokens were routed; the leading axis of the statistics is layers."""
        logits, _, stats = self.step_and_more(tokens, self.init_cache(tokens.shape[0]))
        return logits, jax.tree.map(lambda *leaves: jnp.stack(leaves), *stats)


class WithRouting(eqx.Module):
    """A decoder with experts (`Mixtral`, `SigmaDecoder`) that is called for its logits and for how it routed: what
    `load_balancing_loss` trains on."""

    model: Any

    def __call__(self, tokens: Tokens) -> tuple[Logits, RoutingStats]:
        """See `AbstractMoeDecoder.with_routing`."""
        return self.model.with_routing(tokens)
