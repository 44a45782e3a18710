"""A vision transformer of which some matrices, or LoRA factors beside them, are arrays that learn."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import nn
from .._types import PRNGKey, Scalar
from ..config import InMemoryLoraConfig
from ..models import VisionTransformer
from ..training import cross_entropy, in_memory


Layer = Callable[[str, eqx.nn.Linear, Array], Array]


class Trainees(NamedTuple):
    """What learns: matrices `w[n_in, n_out]` in units of the arrays, by name; `scales` from there to weights; how a
    layer of the transformer multiplies with them."""

    params: dict[str, Array]
    scales: dict[str, float]
    layer: Callable[[dict[str, Any]], Layer]


def logits(model: VisionTransformer, layer: Layer, image: Float[Array, "height width"]) -> Float[Array, " classes"]:
    """`model(image)`, every linear layer taken by `layer(path, linear, x)` on all tokens at once; the head, which has
    but one vector, on a stack filled up with zeros."""
    p = model.patch_size
    n = image.shape[0] // p
    patches = image.reshape(n, p, n, p).transpose(0, 2, 1, 3).reshape(n * n, p * p)
    x = layer("embed", model.embed, patches) + model.positions
    for i, block in enumerate(model.blocks):
        path, attention = f"blocks/{i}", block.attention
        qkv = layer(f"{path}/attention/qkv", attention.qkv, jax.vmap(block.norm1)(x))
        q, k, v = qkv.reshape(len(x), 3, attention.n_heads, -1).transpose(1, 0, 2, 3)
        scores = jnp.einsum("thd,shd->hts", q, k) / q.shape[-1] ** 0.5
        mixed = jnp.einsum("hts,shd->thd", jax.nn.softmax(scores, axis=-1), v).reshape(x.shape)
        x = x + layer(f"{path}/attention/out", attention.out, mixed)
        hidden = jax.nn.relu(layer(f"{path}/mlp/up", block.mlp.up, jax.vmap(block.norm2)(x)))
        x = x + layer(f"{path}/mlp/down", block.mlp.down, hidden)
    pooled = model.norm(jnp.mean(x, axis=0))[None]
    return layer("head", model.head, jnp.concatenate([pooled, jnp.zeros_like(x[1:])]))[0]


def plain(path: str, linear: eqx.nn.Linear, x: Float[Array, "tokens n_in"]) -> Float[Array, "tokens n_out"]:
    """A layer that is not trained."""
    del path
    return jax.vmap(linear)(x)


def factors(config: InMemoryLoraConfig, model: VisionTransformer, key: PRNGKey) -> Trainees:
    """The factors A and B of LoRA at the layers of the config."""
    section = config.lora
    adapted = nn.adapt(model, section.layers, rank=section.rank, alpha=section.alpha, key=key)
    found = nn.adapters_of(adapted)
    params = {
        f"{path}.{name}": f.T for path, lora in found.items() for name, f in zip("ab", lora.pairs[0], strict=True)
    }
    strength = section.alpha / section.rank

    def with_factors(params: dict[str, Any]) -> Layer:
        def layer(path: str, linear: eqx.nn.Linear, x: Array) -> Array:
            y = plain(path, linear, x)
            if path not in found:
                return y
            return y + strength * in_memory.linear(params[f"{path}.b"], in_memory.linear(params[f"{path}.a"], x))

        return layer

    return Trainees(params, dict.fromkeys(params, 1.0), with_factors)


def matrices(config: InMemoryLoraConfig, model: VisionTransformer) -> Trainees:
    """All matrices; their biases stay as they are."""
    linears = {"embed": model.embed, "head": model.head}
    for i, block in enumerate(model.blocks):
        linears |= {f"blocks/{i}/attention/qkv": block.attention.qkv, f"blocks/{i}/attention/out": block.attention.out}
        linears |= {f"blocks/{i}/mlp/up": block.mlp.up, f"blocks/{i}/mlp/down": block.mlp.down}
    scales = {path: float(jnp.max(jnp.abs(linear.weight))) / config.omega for path, linear in linears.items()}

    def with_matrices(params: dict[str, Any]) -> Layer:
        def layer(path: str, linear: eqx.nn.Linear, x: Array) -> Array:
            assert linear.bias is not None  # as everywhere in this transformer
            return scales[path] * in_memory.linear(params[path], x) + linear.bias[None]

        return layer

    return Trainees({path: linear.weight.T / scales[path] for path, linear in linears.items()}, scales, with_matrices)


def gradients(
    model: VisionTransformer, trainees: Trainees, params: dict[str, Array], x: Array, y: Array, *, key: PRNGKey
) -> tuple[Scalar, dict[str, in_memory.Outer]]:
    """The loss of a batch and the factors for the arrays: a rate is one of the weights, whatever the scales."""

    def loss(params: Any, _: Any, x: Array, y: Array, *, key: PRNGKey) -> Scalar:
        del key
        return cross_entropy(logits(model, trainees.layer(params), x)[None], y[None])

    uses = model.positions.shape[0]
    value, outers, _ = in_memory.outer_factors(loss, params, {}, x, y, key=key, uses=uses)
    return value, {
        name: in_memory.Outer(outer.x, outer.d / trainees.scales[name] ** 2) for name, outer in outers.items()
    }
