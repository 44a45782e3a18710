"""Bidirectional encoder blocks and the heads on top of them, as in BERT and ALBERT."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Bool, Float, Int, Shaped

from .._types import PRNGKey
from ._attention import attend
from ._decoder import Hidden, Logits, Tokens
from ._initial import normal_embedding, normal_linear


STD = 0.02  # of initial weights, as published (Devlin et al.; not truncated here)
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {  # by their names in published configurations
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_new": lambda x: jax.nn.gelu(x, approximate=True),
    "relu": jax.nn.relu,
}
Mask = Shaped[Array, " tokens"]


def linear(n_in: int, n_out: int, key: PRNGKey) -> eqx.nn.Linear:
    """A layer with the initial weights of BERT and a bias."""
    return normal_linear(n_in, n_out, std=STD, bias=True, key=key)


class BidirectionalAttention(eqx.Module):
    """Multi-head self-attention; all tokens attend to all that are not padding."""

    q: eqx.nn.Linear
    k: eqx.nn.Linear
    v: eqx.nn.Linear
    out: eqx.nn.Linear
    n_heads: int = eqx.field(static=True)

    def __init__(self, dim: int, n_heads: int, *, key: PRNGKey) -> None:
        self.q, self.k, self.v, self.out = (linear(dim, dim, k) for k in jr.split(key, 4))
        self.n_heads = n_heads

    def __call__(self, x: Hidden, real: Bool[Array, " tokens"]) -> Hidden:
        """One sample; `real` is false for padding."""
        n_tokens, dim = x.shape
        shape = (n_tokens, self.n_heads, dim // self.n_heads)
        q, k, v = (jax.vmap(layer)(x).reshape(shape) for layer in (self.q, self.k, self.v))
        return jax.vmap(self.out)(attend(q, k, v, jnp.broadcast_to(real[None, :], (n_tokens, n_tokens))))


class EncoderBlock(eqx.Module):
    """Post-norm block: `x = norm1(x + attention(x))`, then `norm2(x + down(activation(up(x))))`."""

    attention: BidirectionalAttention
    norm1: eqx.nn.LayerNorm
    up: eqx.nn.Linear
    down: eqx.nn.Linear
    norm2: eqx.nn.LayerNorm
    activation: str = eqx.field(static=True)

    def __init__(self, dim: int, n_heads: int, hidden: int, *, norm_eps: float, activation: str, key: PRNGKey) -> None:
        key_attention, key_up, key_down = jr.split(key, 3)
        self.attention = BidirectionalAttention(dim, n_heads, key=key_attention)
        self.norm1, self.norm2 = eqx.nn.LayerNorm(dim, eps=norm_eps), eqx.nn.LayerNorm(dim, eps=norm_eps)
        self.up, self.down = linear(dim, hidden, key_up), linear(hidden, dim, key_down)
        self.activation = activation

    def __call__(self, x: Hidden, real: Bool[Array, " tokens"]) -> Hidden:
        """One sample; `real` is false for padding."""
        x = jax.vmap(self.norm1)(x + self.attention(x, real))
        hidden = ACTIVATIONS[self.activation](jax.vmap(self.up)(x))
        return jax.vmap(self.norm2)(x + jax.vmap(self.down)(hidden))


class Embeddings(eqx.Module):
    """Normalised sum of token, position and type embeddings."""

    tokens: eqx.nn.Embedding
    positions: eqx.nn.Embedding
    types: eqx.nn.Embedding
    norm: eqx.nn.LayerNorm

    def __init__(
        self, vocab_size: int, n_positions: int, n_types: int, dim: int, *, norm_eps: float, key: PRNGKey
    ) -> None:
        keys = jr.split(key, 3)
        self.tokens, self.positions, self.types = (
            normal_embedding(n, dim, std=STD, key=k)
            for n, k in zip((vocab_size, n_positions, n_types), keys, strict=True)
        )
        self.norm = eqx.nn.LayerNorm(dim, eps=norm_eps)

    def __call__(self, tokens: Tokens, types: Int[Array, " tokens"] | None) -> Hidden:
        """One sequence; `types` are zero by default.

        **Raises:** `ValueError` for more tokens than positions.
        """
        n_tokens, n_positions = tokens.shape[0], self.positions.weight.shape[0]
        if n_tokens > n_positions:
            raise ValueError(f"the model knows {n_positions} positions, a sequence of {n_tokens} tokens is too long")
        types = jnp.zeros_like(tokens) if types is None else types
        x = self.tokens.weight[tokens] + self.positions.weight[:n_tokens] + self.types.weight[types]
        return jax.vmap(self.norm)(x)


class MaskedLmHead(eqx.Module):
    """Logits of every token: `decoder(norm(activation(transform(x))))`.

    With tied weights `decoder` is `None`: the token embedding is read in its place, digitally, as the table that it is,
    and `bias` added; `untie` gives the head its own weights, for tiles.
    """

    transform: eqx.nn.Linear
    norm: eqx.nn.LayerNorm
    decoder: eqx.nn.Linear | None
    bias: Float[Array, " vocab"] | None
    activation: str = eqx.field(static=True)

    def __init__(
        self, n_in: int, dim: int, vocab_size: int, *, tied: bool, norm_eps: float, activation: str, key: PRNGKey
    ) -> None:
        key_transform, key_decoder = jr.split(key)
        self.transform = linear(n_in, dim, key_transform)
        self.norm = eqx.nn.LayerNorm(dim, eps=norm_eps)
        self.decoder = None if tied else linear(dim, vocab_size, key_decoder)
        self.bias = jnp.zeros(vocab_size) if tied else None
        self.activation = activation

    def __call__(self, x: Hidden, embedding: eqx.nn.Embedding) -> Logits:
        """One sequence; `embedding` of the tokens, used if tied."""
        x = jax.vmap(self.norm)(ACTIVATIONS[self.activation](jax.vmap(self.transform)(x)))
        if self.decoder is not None:
            return jax.vmap(self.decoder)(x)
        logits = x @ embedding.weight.T
        return logits if self.bias is None else logits + self.bias[None, :]


def real_tokens(tokens: Tokens, mask: Mask | None) -> Bool[Array, " tokens"]:
    """`mask`, non-zero for tokens and zero for padding, as booleans; everything is real by default."""
    return jnp.ones(tokens.shape, bool) if mask is None else mask.astype(bool)
