"""What one inference does: how many vectors each analog layer multiplies, and what is left to digital logic.

A read-only walk over the jaxpr finds every product, those of weights on tiles and those between activations alike,
in any model.
"""

import dataclasses
import math
import re
from collections import Counter
from typing import Any

import equinox as eqx
import jax
from jax.extend import core
from jaxtyping import Array, Float

from .. import nn


@dataclasses.dataclass(frozen=True)
class Activity:
    """Counts for one inference (one sample): `vectors` through each analog layer, in the order of execution;
    `analog_macs` and `digital_macs`, multiply-accumulates on tiles and off them; `digital_ops`, elementwise operations
    (norms, softmax, residuals)."""

    vectors: dict[str, int]
    analog_macs: int
    digital_macs: int
    digital_ops: int

    @property
    def n_macs(self) -> int:
        """All multiply-accumulates."""
        return self.analog_macs + self.digital_macs


def count_activity(model: Any, x: Float[Array, "..."]) -> Activity:
    """Traces `model`, from `nn.convert`, on one sample `x` (nothing is computed) and counts."""
    layers = nn.analog_layers(model)
    scopes = {_scope(name): name for name in layers}
    traced = nn.map_layers(model, lambda _, layer: _Probe(layer.weight, layer.bias, layer.name), nn.is_analog)
    counts: Counter[str] = Counter()
    _walk(jax.make_jaxpr(lambda x: traced(x))(x).jaxpr, "", 1, scopes, counts)
    vectors = {name: counts["mvm:" + name] // layers[name].weight.size for name in _ordered(layers, counts)}
    analog = sum(counts["mvm:" + name] for name in layers)
    return Activity(vectors, analog, counts["digital_macs"], counts["digital_ops"])


class _Probe(eqx.Module):
    """A digital stand-in for an analog layer that leaves its name in the jaxpr."""

    weight: Array
    bias: Array | None
    name: str = eqx.field(static=True)

    def __call__(self, x: Array, *, key: Any = None) -> Array:
        del key
        with jax.named_scope(_scope(self.name)):
            y = self.weight @ x
        return y if self.bias is None else y + self.bias


def _scope(name: str) -> str:
    return "mvm:" + name.replace("/", "|")  # scopes are joined with slashes


def _walk(jaxpr: core.Jaxpr, stack: str, repeats: int, scopes: dict[str, str], counts: Counter[str]) -> None:
    eqn: Any
    for eqn in jaxpr.eqns:
        here = f"{stack}/{eqn.source_info.name_stack}"
        inner = [p for value in eqn.params.values() for p in _jaxprs(value)]
        if inner:
            times = repeats * int(eqn.params.get("length", 1)) if eqn.primitive.name == "scan" else repeats
            for sub in inner:
                _walk(sub, here, times, scopes, counts)
        elif eqn.primitive.name == "dot_general":
            (contract, _), _ = eqn.params["dimension_numbers"]
            depth = math.prod(eqn.invars[0].aval.shape[axis] for axis in contract)
            macs = repeats * depth * math.prod(eqn.outvars[0].aval.shape)
            found = re.findall(r"mvm:[^/()]*", here)
            counts["mvm:" + scopes[found[-1]] if found else "digital_macs"] += macs
        elif eqn.primitive.name in _ARITHMETIC:
            counts["digital_ops"] += repeats * max(math.prod(v.aval.shape) for v in (*eqn.invars, *eqn.outvars))


def _jaxprs(value: Any) -> list[core.Jaxpr]:
    if isinstance(value, core.ClosedJaxpr):
        return [value.jaxpr]
    if isinstance(value, core.Jaxpr):
        return [value]
    if isinstance(value, (tuple, list)):
        return [jaxpr for item in value for jaxpr in _jaxprs(item)]
    return []


def _ordered(layers: dict[str, Any], counts: Counter[str]) -> list[str]:
    executed = [
        key.removeprefix("mvm:") for key in counts if key.startswith("mvm:")
    ]  # insertion order is execution order
    return executed + [name for name in layers if name not in executed]


# Primitives that cost an arithmetic unit an operation per element; moving, reshaping and comparing data is not counted.
_ARITHMETIC = frozenset(
    {
        "add",
        "sub",
        "mul",
        "div",
        "max",
        "min",
        "neg",
        "abs",
        "exp",
        "log",
        "tanh",
        "logistic",
        "erf",
        "rsqrt",
        "sqrt",
        "pow",
    }
    | {"integer_pow", "square", "reduce_sum", "reduce_max", "reduce_min"}
)
