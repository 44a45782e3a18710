"""ALBERT."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Int

from .._types import PRNGKey
from ..nn import reused
from ._decoder import Hidden, Tokens
from ._encoder import Embeddings, EncoderBlock, Mask, MaskedLmHead, linear, real_tokens
from ._encoder_model import AbstractEncoder, check_encoder
from ._initial import check_sizes


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlbertConfig:
    """Sizes and heads of `Albert`; the default sizes are those of ALBERT base, version 2. `embedding_dim` is the width
    of the embeddings, `dim` that of the block; heads as in `BertConfig`."""

    vocab_size: int = 30000
    n_positions: int = 512
    n_types: int = 2
    embedding_dim: int = 128
    dim: int = 768
    n_layers: int = 12
    n_heads: int = 12
    hidden: int = 3072
    norm_eps: float = 1e-12
    activation: str = "gelu_new"
    tied: bool = True
    masked_lm: bool = True
    pooler: bool = False
    n_classes: int | None = None
    n_token_classes: int | None = None

    def __post_init__(self) -> None:
        check_sizes(self, "embedding_dim")
        check_encoder(self)


class Albert(AbstractEncoder):
    """ALBERT: one encoder block, used `n_layers` times.

    The block is one object, so `convert` gives it one set of tiles that `program` programs once; every use reads the
    same cells, with read noise of its own.

    **Arguments:** `config`; `key`, initial weights (normal, 0.02).

    **Reference:** Lan et al., ICLR 2020 (arXiv 1909.11942), section 3.1; all parameters shared, one group.
    """

    embeddings: Embeddings
    widen: eqx.nn.Linear
    block: EncoderBlock
    pooler: eqx.nn.Linear | None
    masked_lm: MaskedLmHead | None
    classifier: eqx.nn.Linear | None
    token_classifier: eqx.nn.Linear | None
    config: AlbertConfig = eqx.field(static=True)

    def __init__(self, config: AlbertConfig, *, key: PRNGKey) -> None:
        c = config
        key_embed, key_widen, key_block, key_pool, key_lm, key_class, key_tokens = jr.split(key, 7)
        norm = {"norm_eps": c.norm_eps}
        self.embeddings = Embeddings(c.vocab_size, c.n_positions, c.n_types, c.embedding_dim, **norm, key=key_embed)
        self.widen = linear(c.embedding_dim, c.dim, key_widen)
        self.block = EncoderBlock(c.dim, c.n_heads, c.hidden, **norm, activation=c.activation, key=key_block)
        self.pooler = linear(c.dim, c.dim, key_pool) if c.pooler else None
        lm = lambda: MaskedLmHead(
            c.dim, c.embedding_dim, c.vocab_size, tied=c.tied, **norm, activation=c.activation, key=key_lm
        )
        self.masked_lm = lm() if c.masked_lm else None
        self.classifier = None if c.n_classes is None else linear(c.dim, c.n_classes, key_class)
        self.token_classifier = None if c.n_token_classes is None else linear(c.dim, c.n_token_classes, key_tokens)
        self.config = c

    def encode(self, tokens: Tokens, types: Int[Array, " tokens"] | None = None, mask: Mask | None = None) -> Hidden:
        """The last hidden state of every token; see `AbstractEncoder.encode`."""
        x, real = jax.vmap(self.widen)(self.embeddings(tokens, types)), real_tokens(tokens, mask)
        use = lambda x, i: (reused(self.block, i)(x, real), None)
        return lax.scan(use, x, jnp.arange(self.config.n_layers))[0]
