"""Vision transformer: weights in linear layers only; norms, softmax and residuals are digital."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Float

from .._types import PRNGKey
from ..nn import over_stack


Tokens = Float[Array, "tokens dim"]


class Attention(eqx.Module):
    """Multi-head self-attention (Vaswani et al., 2017); the projections have weights, the products between activations
    have none and stay digital."""

    qkv: eqx.nn.Linear
    out: eqx.nn.Linear
    n_heads: int = eqx.field(static=True)

    def __init__(self, dim: int, n_heads: int, *, key: PRNGKey) -> None:
        if dim % n_heads:
            raise ValueError(f"the width {dim} must be a multiple of the number of heads {n_heads}")
        key_qkv, key_out = jr.split(key)
        self.qkv = eqx.nn.Linear(dim, 3 * dim, key=key_qkv)
        self.out = eqx.nn.Linear(dim, dim, key=key_out)
        self.n_heads = n_heads

    def __call__(self, x: Tokens) -> Tokens:
        """All tokens attend to all."""
        n_tokens, dim = x.shape
        qkv = over_stack(self.qkv, x).reshape(n_tokens, 3, self.n_heads, dim // self.n_heads)
        q, k, v = qkv[:, 0], qkv[:, 1], qkv[:, 2]
        scores = jnp.einsum("thd,shd->hts", q, k) / (dim // self.n_heads) ** 0.5
        mixed = jnp.einsum("hts,shd->thd", jax.nn.softmax(scores, axis=-1), v)
        return over_stack(self.out, mixed.reshape(n_tokens, dim))


class FeedForward(eqx.Module):
    """Two linear layers with a rectifier: `down(relu(up(x)))`."""

    up: eqx.nn.Linear
    down: eqx.nn.Linear

    def __init__(self, dim: int, hidden: int, *, key: PRNGKey) -> None:
        key_up, key_down = jr.split(key)
        self.up = eqx.nn.Linear(dim, hidden, key=key_up)
        self.down = eqx.nn.Linear(hidden, dim, key=key_down)

    def __call__(self, x: Tokens) -> Tokens:
        """All tokens, each by itself."""
        return over_stack(self.down, jax.nn.relu(over_stack(self.up, x)))


class Block(eqx.Module):
    """Pre-norm transformer block: `x + attention(norm(x))`, then `x + mlp(norm(x))`."""

    norm1: eqx.nn.LayerNorm
    attention: Attention
    norm2: eqx.nn.LayerNorm
    mlp: FeedForward

    def __init__(self, dim: int, n_heads: int, mlp_ratio: int, *, key: PRNGKey) -> None:
        key_attention, key_mlp = jr.split(key)
        self.norm1, self.norm2 = eqx.nn.LayerNorm(dim), eqx.nn.LayerNorm(dim)
        self.attention = Attention(dim, n_heads, key=key_attention)
        self.mlp = FeedForward(dim, mlp_ratio * dim, key=key_mlp)

    def __call__(self, x: Tokens) -> Tokens:
        """One sample."""
        x = x + self.attention(jax.vmap(self.norm1)(x))
        return x + self.mlp(jax.vmap(self.norm2)(x))


class VisionTransformer(eqx.Module):
    """Patches, learned positions, pre-norm blocks, mean over tokens, linear head (Dosovitskiy et al., ICLR 2021, with
    mean pooling instead of a class token).

    **Arguments:** `image_size` and `patch_size` in pixels (square); `n_classes`; `dim`, `depth`, `n_heads`,
    `mlp_ratio`; `key`.
    """

    embed: eqx.nn.Linear
    positions: Tokens
    blocks: list[Block]
    norm: eqx.nn.LayerNorm
    head: eqx.nn.Linear
    patch_size: int = eqx.field(static=True)

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        n_classes: int,
        *,
        dim: int,
        depth: int,
        n_heads: int,
        mlp_ratio: int,
        key: PRNGKey,
    ) -> None:
        if min(image_size, patch_size, n_classes, dim, depth, n_heads, mlp_ratio) < 1:
            sizes = f"{image_size}, {patch_size}, {n_classes}, {dim}, {depth}, {n_heads}, {mlp_ratio}"
            raise ValueError(f"VisionTransformer: sizes are at least one, got {sizes}")
        if image_size % patch_size:
            raise ValueError(f"an image of {image_size} pixels does not divide into patches of {patch_size}")
        key_embed, key_positions, key_head, *key_blocks = jr.split(key, 3 + depth)
        n_tokens = (image_size // patch_size) ** 2
        self.embed = eqx.nn.Linear(patch_size**2, dim, key=key_embed)
        self.positions = 0.02 * jr.normal(key_positions, (n_tokens, dim))
        self.blocks = [Block(dim, n_heads, mlp_ratio, key=k) for k in key_blocks]
        self.norm = eqx.nn.LayerNorm(dim)
        self.head = eqx.nn.Linear(dim, n_classes, key=key_head)
        self.patch_size = patch_size

    def __call__(self, image: Float[Array, "height width"]) -> Float[Array, " classes"]:
        """Logits for one image."""
        n, p = image.shape[0] // self.patch_size, self.patch_size
        patches = image.reshape(n, p, n, p).transpose(0, 2, 1, 3).reshape(n * n, p * p)
        x = over_stack(self.embed, patches) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(jnp.mean(x, axis=0)))
