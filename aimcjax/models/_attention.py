"""Products between activations: attention scores and mixtures. They have no weights and stay digital."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._initial import at_least_single


def attend(
    q: Float[Array, "queries heads head_dim"],
    k: Float[Array, "keys kv_heads head_dim"],
    v: Float[Array, "keys kv_heads head_dim"],
    allowed: Bool[Array, "queries keys"],
) -> Float[Array, "queries width"]:
    r"""Scaled dot-product attention, `softmax(q k^T / sqrt(head_dim)) v`, with masked pairs left out.

    With fewer key than query heads, query head h reads key head `h // (heads / kv_heads)` (grouped queries). Scores
    and softmax are at least float32; a query with no allowed key takes the mean of all values.

    **Returns:** the mixtures of all heads side by side, `width = heads * head_dim`.

    **Reference:** Vaswani et al. (2017), eq. 1; grouped queries: Ainslie et al., arXiv 2305.13245 (2023).
    """
    n_queries, n_heads, head_dim = q.shape
    n_kv_heads = k.shape[1]
    wide = at_least_single(q.dtype)
    grouped = q.reshape(n_queries, n_kv_heads, n_heads // n_kv_heads, head_dim)
    scores = jnp.einsum("tgrd,sgd->grts", grouped, k, preferred_element_type=wide) / head_dim**0.5
    scores = jnp.where(allowed[None, None], scores, jnp.finfo(wide).min)
    shares = jax.nn.softmax(scores, axis=-1).astype(v.dtype)
    return jnp.einsum("grts,sgd->tgrd", shares, v).reshape(n_queries, n_heads * head_dim)
