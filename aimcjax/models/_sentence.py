"""Sentences of any length in rows of one length."""

import equinox as eqx
from jaxtyping import Array, Float, Int

from ._encoder_model import AbstractEncoder


class SentenceClassifier(eqx.Module):
    """An encoder with a classifier, called with tokens alone: number 0 is padding and is not attended to.

    **Arguments:** `encoder`, with a pooler and `n_classes` in its config.
    """

    encoder: AbstractEncoder

    def __check_init__(self) -> None:
        if self.encoder.classifier is None:
            raise ValueError("a sentence classifier needs an encoder with `pooler=True` and `n_classes` in its config")

    def __call__(self, tokens: Int[Array, " tokens"]) -> Float[Array, " classes"]:
        """Logits of the classes of one sentence."""
        return self.encoder.classify(tokens, mask=tokens != 0)
