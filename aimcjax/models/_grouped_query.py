"""Attention of the Llama family: grouped queries, rotary positions, a cache."""

from typing import Any

import equinox as eqx
import jax
import jax.random as jr
from jaxtyping import Array, Bool, Int

from .._types import PRNGKey
from ._attention import attend
from ._cache import LayerCache
from ._decoder import Hidden
from ._initial import check_divides, check_sizes, normal_linear
from ._rope import RopeConfig, rotate


STD = 0.02  # of initial weights: the default of the published configurations


class GroupedQueryAttention(eqx.Module):
    """Causal self-attention in which groups of query heads share a key and a value head.

    **Arguments:** `dim`, of the tokens; `n_heads`, `n_kv_heads`, `head_dim`; `bias`, whether the four projections
    have one; `rope`; `key`, initial weights (normal, 0.02).

    **Reference:** Ainslie et al., arXiv 2305.13245 (2023); Su et al., arXiv 2104.09864 (2021).
    """

    q: eqx.nn.Linear
    k: eqx.nn.Linear
    v: eqx.nn.Linear
    out: eqx.nn.Linear
    head_dim: int = eqx.field(static=True)
    rope: RopeConfig = eqx.field(static=True)

    def __init__(
        self, dim: int, *, n_heads: int, n_kv_heads: int, head_dim: int, bias: bool, rope: RopeConfig, key: PRNGKey
    ) -> None:
        key_q, key_k, key_v, key_out = jr.split(key, 4)
        project = lambda n_out, k: normal_linear(dim, n_out, std=STD, bias=bias, key=k)
        self.q = project(n_heads * head_dim, key_q)
        self.k = project(n_kv_heads * head_dim, key_k)
        self.v = project(n_kv_heads * head_dim, key_v)
        self.out = normal_linear(n_heads * head_dim, dim, std=STD, bias=bias, key=key_out)
        self.head_dim, self.rope = head_dim, rope

    def __call__(
        self, x: Hidden, cache: LayerCache, positions: Int[Array, " tokens"], visible: Bool[Array, "tokens max_len"]
    ) -> tuple[Hidden, LayerCache]:
        """The next tokens, at `positions`."""
        q, k, v = (jax.vmap(layer)(x).reshape(x.shape[0], -1, self.head_dim) for layer in (self.q, self.k, self.v))
        cache = cache.extend(rotate(k, positions, self.rope), v, positions[0])
        mixed = attend(rotate(q, positions, self.rope), cache.keys, cache.values, visible)
        return jax.vmap(self.out)(mixed), cache


def complete_heads(config: Any) -> None:
    """Fills in `n_kv_heads` (`n_heads`) and `head_dim` (`dim / n_heads`) of a config under construction, if not given,
    and checks them."""
    if config.n_kv_heads is None:
        object.__setattr__(config, "n_kv_heads", config.n_heads)
    if config.head_dim is None:
        check_divides(config, "n_heads", "dim")
        object.__setattr__(config, "head_dim", config.dim // config.n_heads)
    check_divides(config, "n_kv_heads", "n_heads")
    check_sizes(config, "dim", "head_dim")
    head_dim = heads_of(config)["head_dim"]
    if head_dim % 2:
        raise ValueError(f"{type(config).__name__}: rotary positions need an even head_dim, got {head_dim}")


def heads_of(config: Any) -> dict[str, int]:
    """The numbers of heads of a complete config, by the names of `GroupedQueryAttention`."""
    return {"n_heads": config.n_heads, "n_kv_heads": config.n_kv_heads, "head_dim": config.head_dim}
