"""Keys and values of the tokens seen so far."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int


class LayerCache(eqx.Module):
    """Keys and values of one attention layer; rows beyond the tokens seen hold nothing of meaning."""

    keys: Float[Array, "max_len kv_heads head_dim"]
    values: Float[Array, "max_len kv_heads head_dim"]

    def extend(self, k: Float[Array, "n g d"], v: Float[Array, "n g d"], start: Int[Array, ""]) -> "LayerCache":
        """With the rows of `n` more tokens written from position `start` on."""
        zero = jnp.zeros((), start.dtype)
        write = lambda old, new: lax.dynamic_update_slice(old, new.astype(old.dtype), (start, zero, zero))
        return LayerCache(write(self.keys, k), write(self.values, v))


class KvCache(eqx.Module):
    """What a decoder remembers of one sequence: `layers`, and `length`, the number of tokens seen."""

    layers: list[LayerCache]
    length: Int[Array, ""]

    @property
    def max_len(self) -> int:
        """How many tokens fit."""
        return self.layers[0].keys.shape[0]

    def positions(self, n_new: int) -> Int[Array, " n_new"]:
        """Positions of the next `n_new` tokens.

        **Raises:** `ValueError` if they do not fit; inside `jit`, where the length is not known, they overwrite the
        last ones.
        """
        if n_new > self.max_len or (not isinstance(self.length, Tracer) and self._full(n_new)):
            raise ValueError(
                f"{n_new} more tokens do not fit into the cache of {self.max_len}, of which {self.length} are used; "
                "make a longer one with `init_cache`"
            )
        return self.length + jnp.arange(n_new, dtype=self.length.dtype)

    def _full(self, n_new: int) -> bool:
        return int(self.length) + n_new > self.max_len

    def visible(self, positions: Int[Array, " n_new"]) -> Bool[Array, "n_new max_len"]:
        """Which rows the tokens at `positions` may attend to: their own and all before."""
        return jnp.arange(self.max_len, dtype=positions.dtype)[None, :] <= positions[:, None]


def empty_cache(n_layers: int, max_len: int, n_kv_heads: int, head_dim: int, dtype: jnp.dtype) -> KvCache:
    """A cache for `max_len` tokens.

    **Raises:** `ValueError` if `max_len` is below one.
    """
    if max_len < 1:
        raise ValueError(f"a cache holds at least one token, got max_len={max_len}")
    blank = lambda: jnp.zeros((max_len, n_kv_heads, head_dim), dtype)
    return KvCache([LayerCache(blank(), blank()) for _ in range(n_layers)], jnp.zeros((), jnp.int32))
