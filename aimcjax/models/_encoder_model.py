"""What all encoders have in common: embeddings in front, heads on top."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ._decoder import Hidden, Tokens
from ._encoder import ACTIVATIONS, Embeddings, Mask, MaskedLmHead
from ._initial import check_divides, check_sizes


class AbstractEncoder(eqx.Module):
    """A bidirectional encoder for one sequence, with the heads that its config asks for; batches are `vmap`."""

    embeddings: eqx.AbstractVar[Embeddings]
    pooler: eqx.AbstractVar[eqx.nn.Linear | None]
    masked_lm: eqx.AbstractVar[MaskedLmHead | None]
    classifier: eqx.AbstractVar[eqx.nn.Linear | None]
    token_classifier: eqx.AbstractVar[eqx.nn.Linear | None]

    @abc.abstractmethod
    def encode(self, tokens: Tokens, types: Int[Array, " tokens"] | None = None, mask: Mask | None = None) -> Hidden:
        """The last hidden state of every token.

        **Arguments:** `tokens`; `types`, which segment each belongs to (default: all the first); `mask`, zero for
        padding (default: no padding).
        """

    def __call__(
        self, tokens: Tokens, types: Int[Array, " tokens"] | None = None, mask: Mask | None = None
    ) -> Float[Array, "tokens outputs"]:
        """Masked-language logits of every token; without that head the logits of the token classifier, and without
        that one the hidden states. Arguments as of `encode`."""
        x = self.encode(tokens, types, mask)
        if self.masked_lm is not None:
            return self.masked_lm(x, self.embeddings.tokens)
        return x if self.token_classifier is None else jax.vmap(self.token_classifier)(x)

    def pool(self, hidden: Hidden) -> Float[Array, " dim"]:
        """The sequence in one vector: a layer and a tanh on its first token.

        **Raises:** `ValueError` if the model has no such head.
        """
        if self.pooler is None:
            raise ValueError("the model has no pooler; build it with `pooler=True` in its config")
        return jnp.tanh(self.pooler(hidden[0]))

    def classify(
        self, tokens: Tokens, types: Int[Array, " tokens"] | None = None, mask: Mask | None = None
    ) -> Float[Array, " classes"]:
        """Logits of the classes of the sequence. Arguments as of `encode`.

        **Raises:** `ValueError` if the model has no such head.
        """
        if self.classifier is None:
            raise ValueError("the model has no classifier; build it with `pooler=True` and `n_classes` in its config")
        return self.classifier(self.pool(self.encode(tokens, types, mask)))


def check_encoder(config: Any) -> None:
    """Raises `ValueError` for sizes, heads and activations that cannot be."""
    check_sizes(config, "vocab_size", "n_positions", "n_types", "n_layers", "hidden")
    check_divides(config, "n_heads", "dim")
    for name in ("n_classes", "n_token_classes"):
        if getattr(config, name) is not None:
            check_sizes(config, name)
    if config.n_classes is not None and not config.pooler:
        raise ValueError(f"{type(config).__name__}: n_classes={config.n_classes} needs pooler=True")
    if config.activation not in ACTIVATIONS:
        raise ValueError(
            f"{type(config).__name__}: activation {config.activation!r} is not one of {', '.join(ACTIVATIONS)}"
        )
