"""Text, token by token: one compiled program of a fixed number of steps."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from .. import nn
from .._types import PRNGKey, Scalar
from ._cache import KvCache
from ._decoder import AbstractDecoder, Tokens


def generate(
    model: AbstractDecoder,
    prompt: Tokens,
    n_new: int,
    *,
    key: PRNGKey | None = None,
    temperature: float | Float[Array, ""] | None = None,
    top_k: int | None = None,
) -> Int[Array, " n_new"]:
    """Continues one sequence; batches are `vmap`.

    **Arguments:** `model`; `prompt`, at least one token; `n_new`, how many tokens to add (none stops earlier);
    `temperature`, of the softmax that tokens are drawn from: `None` takes the most probable one always; `top_k`,
    draws among that many most probable tokens only; `key`, draws tokens and, in an analog model, binds fresh read
    noise at every step.

    **Returns:** the new tokens, without the prompt.

    **Raises:** `ValueError` for sizes that cannot be, for tokens that the model does not know, for `top_k` without
    `temperature` and `temperature` without `key`.
    """
    if prompt.ndim != 1 or not jnp.issubdtype(prompt.dtype, jnp.integer):
        raise ValueError(f"a prompt is one row of whole numbers, got {prompt.dtype}{list(prompt.shape)}; vmap batches")
    if prompt.shape[0] < 1 or n_new < 1:
        raise ValueError(f"generation needs a prompt and new tokens, got {prompt.shape[0]} and n_new={n_new}")
    if not isinstance(prompt, Tracer) and (jnp.min(prompt) < 0 or jnp.max(prompt) >= model.config.vocab_size):
        raise ValueError(f"tokens lie between 0 and {model.config.vocab_size - 1}, got {prompt.tolist()}")
    if temperature is None and top_k is not None:
        raise ValueError(f"top_k={top_k} needs a temperature; without one the most probable token is taken")
    if temperature is not None and key is None:
        raise ValueError("drawing tokens at a temperature needs a key=")
    if temperature is not None and not isinstance(temperature, Tracer) and not temperature > 0:
        raise ValueError(f"the temperature must be above zero, got {temperature}; for greedy generation pass None")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k must be at least one, got {top_k}")
    if temperature is not None:
        temperature = jnp.asarray(temperature, jnp.float32)
    return _generate(model, prompt, n_new, key, temperature, top_k)


@eqx.filter_jit
def _generate(
    model: AbstractDecoder,
    prompt: Tokens,
    n_new: int,
    key: PRNGKey | None,
    temperature: Scalar | None,
    top_k: int | None,
) -> Int[Array, " n_new"]:
    keys = None if key is None else jr.split(key, n_new)

    def one(tokens: Tokens, cache: KvCache, key: PRNGKey | None) -> tuple[Int[Array, ""], KvCache]:
        key_read, key_token = (None, None) if key is None else jr.split(key)
        bound = model if key_read is None else nn.bind(model, key_read)
        logits, cache = bound.step(tokens, cache)
        return _choose(logits[-1], key_token, temperature, top_k).astype(prompt.dtype), cache

    def step(carry: tuple[Int[Array, ""], KvCache], key: PRNGKey | None) -> tuple[tuple, Int[Array, ""]]:
        token, cache = one(carry[0][None], carry[1], key)
        return (token, cache), token

    first = one(prompt, model.init_cache(prompt.shape[0] + n_new - 1), None if keys is None else keys[0])
    _, rest = lax.scan(step, first, None if keys is None else keys[1:], length=n_new - 1)
    return jnp.concatenate([first[0][None], rest])


def _choose(
    logits: Float[Array, " vocab"], key: PRNGKey | None, temperature: Scalar | None, top_k: int | None
) -> Int[Array, ""]:
    if temperature is None or key is None:
        return jnp.argmax(logits)
    logits = logits.astype(jnp.float32) / temperature
    if top_k is None:
        return jr.categorical(key, logits)
    best, tokens = lax.top_k(logits, min(top_k, logits.shape[0]))
    return tokens[jr.categorical(key, best)]
