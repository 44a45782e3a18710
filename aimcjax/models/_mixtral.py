"""Mixtral."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax

from .._types import PRNGKey
from ._decoder import Hidden
from ._experts import ExpertLinear
from ._grouped_query import STD, complete_heads
from ._initial import check_sizes
from ._moe_decoder import AbstractMoeDecoder
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

    def mixture(self, *, key: PRNGKey) -> "MixtralMoe":
        """The experts of one block."""
        return MixtralMoe(self.dim, self.hidden, n_experts=self.n_experts, top_k=self.top_k, key=key)


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


class Mixtral(AbstractMoeDecoder):
    """Mixtral: Llama with a mixture of experts in place of each feed-forward part, without a sliding window.

    A tied head reads the embedding array itself and stays digital; `untie` gives it its own weights, for tiles.

    **Arguments:** `config`; `key`, initial weights (normal, 0.02, the default of the published configuration).

    **Reference:** Jiang et al., arXiv 2401.04088 (2024).
    """

    def __init__(self, config: MixtralConfig, *, key: PRNGKey) -> None:
        super().__init__(config, key=key)
