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
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array, Shaped

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


def count_activity(model: Any, x: Shaped[Array, "..."]) -> Activity:
    """Traces `model`, from `nn.convert`, on one sample `x` (nothing is computed) and counts.

    A `scan` counts as often as it is long, a `cond` as its most expensive branch; a `while` loop counts nothing and
    raises `ValueError` if there are products in it."""
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
        if eqn.primitive.name == "cond":
            counts.update(max((_counted(branch, here, repeats, scopes) for branch in inner), key=Counter.total))
        elif eqn.primitive.name == "while":
            _refuse_products(inner, here, scopes)
        elif inner:
            times = repeats * int(eqn.params.get("length", 1)) if eqn.primitive.name == "scan" else repeats
            for sub in inner:
                counts.update(_counted(sub, here, times, scopes))
        elif eqn.primitive.name in _PRODUCTS:
            found = re.findall(r"mvm:[^/()]*", here)
            kind = "mvm:" + scopes[found[-1]] if found else "digital_macs"
            counts[kind] += repeats * _PRODUCTS[eqn.primitive.name](eqn)
        elif eqn.primitive.name in _ARITHMETIC and not _is_index(eqn.outvars[0].aval):
            counts["digital_ops"] += repeats * max(math.prod(v.aval.shape) for v in (*eqn.invars, *eqn.outvars))


def _counted(jaxpr: core.Jaxpr, stack: str, repeats: int, scopes: dict[str, str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    _walk(jaxpr, stack, repeats, scopes, counts)
    return counts


def _refuse_products(inner: list[core.Jaxpr], stack: str, scopes: dict[str, str]) -> None:
    products = [kind for sub in inner for kind in _counted(sub, stack, 1, scopes) if kind != "digital_ops"]
    if products:
        where = products[0].removeprefix("mvm:")
        raise ValueError(
            f"cannot count the products ({where}) of a while loop, whose number of steps is not known beforehand; "
            "use scan, or fori_loop with fixed bounds"
        )


def _dot_macs(eqn: Any) -> int:
    (contract, _), _ = eqn.params["dimension_numbers"]
    return math.prod(eqn.invars[0].aval.shape[axis] for axis in contract) * math.prod(eqn.outvars[0].aval.shape)


def _conv_macs(eqn: Any) -> int:
    _, n_in, *window = (eqn.invars[1].aval.shape[axis] for axis in eqn.params["dimension_numbers"].rhs_spec)
    return n_in * math.prod(window) * math.prod(eqn.outvars[0].aval.shape)  # n_in is per group already


def _ragged_macs(eqn: Any) -> int:
    rows, n_in = eqn.invars[0].aval.shape
    return rows * n_in * eqn.invars[1].aval.shape[-1]  # every row meets one group


_PRODUCTS = {
    "dot_general": _dot_macs,
    "conv_general_dilated": _conv_macs,
    "ragged_dot": _ragged_macs,
    "ragged_dot_general": _ragged_macs,
}


def _is_index(aval: Any) -> bool:
    return not jnp.issubdtype(aval.dtype, jnp.inexact)


def _jaxprs(value: Any) -> list[core.Jaxpr]:
    if isinstance(value, core.ClosedJaxpr):
        return [value.jaxpr]
    if isinstance(value, core.Jaxpr):
        return [value]
    if isinstance(value, (tuple, list)):
        return [jaxpr for item in value for jaxpr in _jaxprs(item)]
    return []


def _ordered(layers: dict[str, Any], counts: Counter[str]) -> list[str]:
    executed = [key.removeprefix("mvm:") for key in counts if key.startswith("mvm:")]  # in the order of execution
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
