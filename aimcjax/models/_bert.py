"""BERT."""

import dataclasses

import equinox as eqx
import jax.random as jr
from jaxtyping import Array, Int

from .._types import PRNGKey
from ._decoder import Hidden, Tokens
from ._encoder import Embeddings, EncoderBlock, Mask, MaskedLmHead, linear, real_tokens
from ._encoder_model import AbstractEncoder, check_encoder


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertConfig:
    """Sizes and heads of `Bert`; the default sizes are those of BERT base.

    Heads: `masked_lm`, logits of every token, with weights of its own unless `tied`; `pooler`, a layer on the first
    token, and `n_classes` on top of it; `n_token_classes` at every token. `None` is no such head.
    """

    vocab_size: int = 30522
    n_positions: int = 512
    n_types: int = 2
    dim: int = 768
    n_layers: int = 12
    n_heads: int = 12
    hidden: int = 3072
    norm_eps: float = 1e-12
    activation: str = "gelu"
    tied: bool = True
    masked_lm: bool = True
    pooler: bool = False
    n_classes: int | None = None
    n_token_classes: int | None = None

    def __post_init__(self) -> None:
        check_encoder(self)


class Bert(AbstractEncoder):
    """BERT: post-norm encoder blocks over token, position and type embeddings.

    **Arguments:** `config`; `key`, initial weights (normal, 0.02; published: truncated at two standard deviations).

    **Reference:** Devlin et al., NAACL 2019 (arXiv 1810.04805), sections 3 and A.2.
    """

    embeddings: Embeddings
    blocks: list[EncoderBlock]
    pooler: eqx.nn.Linear | None
    masked_lm: MaskedLmHead | None
    classifier: eqx.nn.Linear | None
    token_classifier: eqx.nn.Linear | None
    config: BertConfig = eqx.field(static=True)

    def __init__(self, config: BertConfig, *, key: PRNGKey) -> None:
        c = config
        key_embed, key_pool, key_lm, key_class, key_tokens, *key_blocks = jr.split(key, 5 + c.n_layers)
        norm = {"norm_eps": c.norm_eps}
        self.embeddings = Embeddings(c.vocab_size, c.n_positions, c.n_types, c.dim, **norm, key=key_embed)
        block = lambda k: EncoderBlock(c.dim, c.n_heads, c.hidden, **norm, activation=c.activation, key=k)
        self.blocks = [block(k) for k in key_blocks]
        self.pooler = linear(c.dim, c.dim, key_pool) if c.pooler else None
        lm = lambda: MaskedLmHead(c.dim, c.dim, c.vocab_size, tied=c.tied, **norm, activation=c.activation, key=key_lm)
        self.masked_lm = lm() if c.masked_lm else None
        self.classifier = None if c.n_classes is None else linear(c.dim, c.n_classes, key_class)
        self.token_classifier = None if c.n_token_classes is None else linear(c.dim, c.n_token_classes, key_tokens)
        self.config = c

    def encode(self, tokens: Tokens, types: Int[Array, " tokens"] | None = None, mask: Mask | None = None) -> Hidden:
        """The last hidden state of every token; see `AbstractEncoder.encode`."""
        x, real = self.embeddings(tokens, types), real_tokens(tokens, mask)
        for block in self.blocks:
            x = block(x, real)
        return x
