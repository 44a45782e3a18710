"""A vision transformer of which some matrices, or LoRA factors beside them, are arrays that learn."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ... import nn
from ..._types import PRNGKey, Scalar
from ...config import InMemoryLoraConfig
from ...models import VisionTransformer
from ...training import cross_entropy, in_memory


class InMemoryLinear(eqx.Module):
    """In the place of a linear layer: its matrix is an array `w[n_in, n_out]`, times a digital `scale`; x is a vector
    or a stack of them."""

    w: Any
    bias: Float[Array, " n_out"]
    scale: float = eqx.field(static=True)

    def __call__(self, x: Float[Array, "*tokens n_in"]) -> Float[Array, "*tokens n_out"]:
        """The layer."""
        y = self.scale * in_memory.linear(self.w, x)
        return y + jnp.broadcast_to(self.bias, y.shape)


class InMemoryFactors(eqx.Module):
    """In the place of a linear layer: the layer as it is, and the factors of LoRA as two arrays beside it."""

    base: eqx.nn.Linear
    a: Any
    b: Any
    strength: float = eqx.field(static=True)

    def __call__(self, x: Float[Array, "*tokens n_in"]) -> Float[Array, "*tokens n_out"]:
        """The layer."""
        y = self.base(x) if x.ndim == 1 else jax.vmap(self.base)(x)
        return y + self.strength * in_memory.linear(self.b, in_memory.linear(self.a, x))


@nn.over_stack.register(InMemoryLinear)
@nn.over_stack.register(InMemoryFactors)
def _(layer: InMemoryLinear | InMemoryFactors, x: Float[Array, "tokens n_in"]) -> Float[Array, "tokens n_out"]:
    # One update takes the factors of all tokens, which `vmap` would add up.
    return layer(x)


class Trainees(NamedTuple):
    """What learns: matrices `w[n_in, n_out]` in units of the arrays, by name; `scales` from there to weights; `uses`,
    how many vectors of one image each multiplies; `put`, the transformer with such arrays in the place of layers."""

    params: dict[str, Array]
    scales: dict[str, float]
    uses: dict[str, int]
    put: Callable[[VisionTransformer, dict[str, Any]], VisionTransformer]


def factors(config: InMemoryLoraConfig, model: VisionTransformer, key: PRNGKey) -> Trainees:
    """The factors A and B of LoRA at the layers of the config."""
    section = config.lora
    found = nn.adapters_of(nn.adapt(model, section.layers, rank=section.rank, alpha=section.alpha, key=key))
    named = {path: (f"{path}.a", f"{path}.b") for path in found}
    params = {name: f.T for path, lora in found.items() for name, f in zip(named[path], lora.pairs[0], strict=True)}

    def beside(params: dict[str, Any], path: str, layer: eqx.nn.Linear) -> Any:
        if path not in named:
            return layer
        a, b = (params[name] for name in named[path])
        return InMemoryFactors(layer, a, b, section.alpha / section.rank)

    uses = {name: _uses(model, path) for path in found for name in named[path]}
    return Trainees(params, dict.fromkeys(params, 1.0), uses, _putting(beside))


def matrices(config: InMemoryLoraConfig, model: VisionTransformer) -> Trainees:
    """All matrices; their biases stay as they are."""
    linears: dict[str, eqx.nn.Linear] = {}
    nn.map_layers(model, lambda path, layer: linears.setdefault(path, layer), _is_linear)
    scales = {path: float(jnp.max(jnp.abs(linear.weight))) / config.omega for path, linear in linears.items()}
    params = {path: linear.weight.T / scales[path] for path, linear in linears.items()}

    def instead(params: dict[str, Any], path: str, layer: eqx.nn.Linear) -> InMemoryLinear:
        assert layer.bias is not None  # as everywhere in this transformer
        return InMemoryLinear(params[path], layer.bias, scales[path])

    return Trainees(params, scales, {path: _uses(model, path) for path in linears}, _putting(instead))


def gradients(
    model: VisionTransformer, trainees: Trainees, params: dict[str, Array], x: Array, y: Array, *, key: PRNGKey
) -> tuple[Scalar, dict[str, in_memory.Outer]]:
    """The loss of a batch and the factors for the arrays: a rate is one of the weights, whatever the scales."""

    def loss(params: Any, _: Any, x: Array, y: Array, *, key: PRNGKey) -> Scalar:
        del key
        return cross_entropy(trainees.put(model, params)(x)[None], y[None])

    value, outers, _ = in_memory.outer_factors(loss, params, {}, x, y, key=key, uses=trainees.uses)
    return value, {
        name: in_memory.Outer(outer.x, outer.d / trainees.scales[name] ** 2) for name, outer in outers.items()
    }


def _putting(one: Callable[[dict[str, Any], str, eqx.nn.Linear], Any]) -> Callable:
    return lambda model, params: nn.map_layers(model, lambda path, layer: one(params, path, layer), _is_linear)


def _is_linear(node: Any) -> bool:
    return isinstance(node, eqx.nn.Linear)


def _uses(model: VisionTransformer, path: str) -> int:
    """The head sees the mean over the tokens, every other layer all of them."""
    return 1 if path == "head" else model.positions.shape[0]
