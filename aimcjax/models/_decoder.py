"""What all decoders have in common."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, Int

from ._cache import KvCache


Tokens = Int[Array, " tokens"]
Hidden = Float[Array, "tokens dim"]
Logits = Float[Array, "tokens vocab"]


class AbstractDecoder(eqx.Module):
    """A causal language model for one sequence; batches are `vmap`.

    `step` is the one way through the network: a whole sequence into an empty cache, or a few tokens more.
    """

    config: eqx.AbstractVar[Any]

    @abc.abstractmethod
    def init_cache(self, max_len: int) -> KvCache:
        """An empty cache for `max_len` tokens."""

    @abc.abstractmethod
    def step(self, tokens: Tokens, cache: KvCache) -> tuple[Logits, KvCache]:
        """Logits of the next tokens of the sequence in `cache`, and the cache with them."""

    def __call__(self, tokens: Tokens) -> Logits:
        """Logits of one sequence: row i predicts token i + 1."""
        return self.step(tokens, self.init_cache(tokens.shape[0]))[0]
