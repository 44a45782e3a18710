"""A decoder of sigma mixtures of experts."""

import dataclasses

from .._types import PRNGKey
from ._grouped_query import complete_heads
from ._initial import check_sizes
from ._moe_decoder import AbstractMoeDecoder
from ._rope import RopeConfig
from ._routing import check_top_k
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

    def mixture(self, *, key: PRNGKey) -> SigmaMoe:
        """The experts of one block."""
        c = self
        return SigmaMoe(c.dim, c.hidden, n_experts=c.n_experts, top_k=c.top_k, n_layers=c.n_layers, key=key)


class SigmaDecoder(AbstractMoeDecoder):
    """Mixtral with `SigmaMoe` in place of its mixtures: rotary positions and root-mean-square norms, where the paper
    takes relative positions and layer norms.

    **Arguments:** `config`; `key`, initial weights: those of `SigmaMoe`, else as Llama's.

    **Reference:** Csordás et al., EMNLP Findings 2023 (arXiv 2310.10837), for the mixtures.
    """

    def __init__(self, config: SigmaDecoderConfig, *, key: PRNGKey) -> None:
        super().__init__(config, key=key)
