"""What one inference does: how many vectors each analog layer multiplies, and what is left to digital logic.

A read-only walk over the jaxpr finds every product, those of weights on tiles, those of digital weights, and those
between activations, in any model. It follows what depends on the input: a product of two such operands has no weight.
"""

import dataclasses
import math
import pathlib
import re
from collections import Counter
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array

from ._convert import analog_layers, map_layers, rebuilt
from ._forms import AbstractForm, AbstractProduct, Experts
from ._linear import is_analog, matrices_shape
from ._tied import expand_tied


@dataclasses.dataclass(frozen=True)
class Product:
    """Digital products of one place in a model: `where`, the scopes or the function it is in; `shapes` of the operands;
    `of_activations`, whether both depend on the input, so that there is no weight to keep; `macs`, all its
    multiply-accumulates in one inference; `kept`, numbers that must be at hand for it: its weights, once even where a
    loop uses them again, or the smaller of both operands (keys, values) for all of its uses."""

    where: str
    shapes: str
    of_activations: bool
    macs: int
    kept: int = 0


@dataclasses.dataclass(frozen=True)
class Activity:
    """Counts for one inference (one sample): `vectors` through each analog layer, in the order of execution (with a
    stack of experts, through any of them); `analog_macs` and `digital_macs`, multiply-accumulates on tiles and off
    them; `digital_ops`, elementwise operations (norms, softmax, residuals); `products`, the digital ones."""

    vectors: dict[str, int]
    analog_macs: int
    digital_macs: int
    digital_ops: int
    products: tuple[Product, ...] = ()

    @property
    def n_macs(self) -> int:
        """All multiply-accumulates."""
        return self.analog_macs + self.digital_macs

    @property
    def activation_macs(self) -> int:
        """Digital multiply-accumulates of activations by activations, which no conversion can put on tiles."""
        return sum(product.macs for product in self.products if product.of_activations)


def count_activity(model: Any, x: Any) -> Activity:
    """Traces `model`, from `nn.convert`, on one sample `x` (nothing is computed) and counts; a tuple `x` is several
    arguments. Weights and sample may be shapes (`jax.ShapeDtypeStruct`).

    A `scan` counts as often as it is long, a `cond` as its most expensive branch; a `while` loop counts nothing and
    raises `ValueError` if there are products in it."""
    model = expand_tied(model)
    layers = analog_layers(model)
    scopes = {_scope(name): name for name in layers}
    traced = map_layers(model, lambda _, layer: _Probe.of(layer), is_analog)
    arguments = x if isinstance(x, tuple) else (x,)
    tally = _Tally(scopes)
    shapes, rest = eqx.partition(traced, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    run = lambda shapes, x: rebuilt(eqx.combine(shapes, rest))(*x)
    jaxpr = jax.make_jaxpr(run)(shapes, arguments).jaxpr
    n_weights = len(jax.tree.leaves(shapes))
    tally.walk(jaxpr, [index >= n_weights for index in range(len(jaxpr.invars))], "", 1)
    counts = tally.counts
    vectors = {name: counts["mvm:" + name] // _macs_of_vector(layers[name]) for name in _ordered(layers, counts)}
    analog = sum(counts["mvm:" + name] for name in layers)
    return Activity(vectors, analog, counts["digital_macs"], counts["digital_ops"], tally.digital_products())


def _macs_of_vector(layer: Any) -> int:
    shape = matrices_shape(layer)
    chosen = isinstance(layer.form, Experts)  # a row meets one expert, a patch all groups
    return math.prod(shape[1:] if chosen else shape)


class _Probe(eqx.Module):
    """A digital stand-in for an analog layer that leaves its name in the jaxpr."""

    bias: Any
    name: str = eqx.field(static=True)
    form: AbstractForm = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    dtype: Any = eqx.field(static=True)

    @classmethod
    def of(cls, layer: Any) -> "_Probe":
        dtype = layer.scale.dtype if hasattr(layer, "scale") else layer.weight.dtype
        return cls(layer.bias, layer.name, layer.form, matrices_shape(layer), dtype)

    def __call__(self, x: Array, *args: Any, key: Any = None, **kwargs: Any) -> Array:
        del key
        product = _NamedProduct(jnp.zeros(self.shape, self.dtype), _scope(self.name))
        return self.form(product, self.bias, x, *args, **kwargs)

    def __matmul__(self, x: Array) -> Array:
        return self(x)


@dataclasses.dataclass(frozen=True)
class _NamedProduct(AbstractProduct):
    matrices: Array
    scope: str

    def one(self, x: Array) -> Array:
        with jax.named_scope(self.scope):
            return self.matrices @ x

    def many(self, xs: Array) -> Array:
        with jax.named_scope(self.scope):
            return jnp.einsum("...vi,...oi->...vo", xs, self.matrices)

    def chosen(self, xs: Array, which: Array) -> Array:
        with jax.named_scope(self.scope):
            return jnp.einsum("ri,roi->ro", xs, self.matrices[which])


def _scope(name: str) -> str:
    return "mvm:" + name.replace("/", "|")  # scopes are joined with slashes


class _Tally:
    """Counts of a walk: analog products by layer, digital ones by place, elementwise operations."""

    def __init__(self, scopes: dict[str, str]) -> None:
        self.scopes = scopes
        self.counts: Counter[str] = Counter()
        self.digital: Counter[tuple[str, str, bool]] = Counter()
        self.kept: Counter[tuple[str, str, bool]] = Counter()

    def digital_products(self) -> tuple[Product, ...]:
        """The largest first."""
        return tuple(Product(*place, macs=macs, kept=self.kept[place]) for place, macs in self.digital.most_common())

    def walk(self, jaxpr: core.Jaxpr, inputs: list[bool], stack: str, repeats: int) -> list[bool]:
        """Counts `jaxpr` and says which outputs depend on the sample, given which of its inputs do."""
        live = {v for v, depends in zip(jaxpr.invars, inputs, strict=True) if depends}
        eqn: Any
        for eqn in jaxpr.eqns:
            flags = [isinstance(v, core.Var) and v in live for v in eqn.invars]
            here = f"{stack}/{eqn.source_info.name_stack}"
            outputs = self._count(eqn, flags, here, repeats)
            live |= {v for v, depends in zip(eqn.outvars, outputs, strict=True) if depends}
        return [isinstance(v, core.Var) and v in live for v in jaxpr.outvars]

    def _count(self, eqn: Any, flags: list[bool], here: str, repeats: int) -> list[bool]:
        inner = [jaxpr for value in eqn.params.values() for jaxpr in _jaxprs(value)]
        n_out, name = len(eqn.outvars), eqn.primitive.name
        if name == "cond":
            branches = [self._apart() for _ in inner]
            outputs = [b.walk(sub, flags[1:], here, repeats) for b, sub in zip(branches, inner, strict=True)]
            self._add(max(branches, key=lambda branch: branch.counts.total()))
            return [flags[0] or any(column) for column in zip(*outputs, strict=True)]
        if name == "while":
            _refuse_products([self._apart() for _ in inner], inner, here)
            return [any(flags)] * n_out
        if name == "scan":
            return self._scan(eqn, inner[0], flags, here, repeats)
        if inner:
            fit = [flags if len(flags) == len(sub.invars) else [any(flags)] * len(sub.invars) for sub in inner]
            outputs = [self.walk(sub, given, here, repeats) for sub, given in zip(inner, fit, strict=True)]
            return outputs[0] if len(outputs[0]) == n_out else [any(flags)] * n_out
        if name in _PRODUCTS:
            self._product(eqn, flags[:2], here, repeats)
        elif name in _ARITHMETIC and not _is_index(eqn.outvars[0].aval):
            self.counts["digital_ops"] += repeats * max(math.prod(v.aval.shape) for v in (*eqn.invars, *eqn.outvars))
        return [any(flags)] * n_out

    def _scan(self, eqn: Any, body: core.Jaxpr, flags: list[bool], here: str, repeats: int) -> list[bool]:
        first, n_carry = eqn.params["num_consts"], eqn.params["num_carry"]
        while True:  # what is carried depends on the sample as soon as any step makes it so
            outputs = self._apart().walk(body, flags, here, 1)
            carried = [a or b for a, b in zip(flags[first : first + n_carry], outputs[:n_carry], strict=True)]
            settled = [*flags[:first], *carried, *flags[first + n_carry :]]
            if settled == flags:
                return self.walk(body, flags, here, repeats * int(eqn.params["length"]))
            flags = settled

    def _product(self, eqn: Any, live: list[bool], here: str, repeats: int) -> None:
        macs, of_activations = repeats * _PRODUCTS[eqn.primitive.name](eqn), all(live)
        found = re.findall(r"mvm:[^/()]*", here)
        if found:
            self.counts["mvm:" + self.scopes[found[-1]]] += macs
            return
        self.counts["digital_macs"] += macs
        shapes = " x ".join(str(tuple(v.aval.shape)) for v in eqn.invars[:2])
        place, sizes = (_place(eqn, here), shapes, of_activations), [math.prod(v.aval.shape) for v in eqn.invars[:2]]
        self.digital[place] += macs
        self.kept[place] += (
            repeats * min(sizes)
            if of_activations
            else sum(size for size, depends in zip(sizes, live, strict=True) if not depends)
        )

    def _apart(self) -> "_Tally":
        return _Tally(self.scopes)

    def _add(self, other: "_Tally") -> None:
        self.counts.update(other.counts)
        self.digital.update(other.digital)
        self.kept.update(other.kept)


_NOT_THE_USERS = {"jax", "equinox", "flax", "jaxtyping"}


def _place(eqn: Any, stack: str) -> str:
    """The line of the user's code that asked for a product, else the scopes that it is in."""
    for frame in getattr(eqn.source_info.traceback, "frames", ()):
        parts = pathlib.PurePath(frame.file_name).parts
        ours = parts[-3:-1] == ("aimcjax", "nn")
        if not ours and not _NOT_THE_USERS & set(parts) and not frame.file_name.startswith("<"):
            return f"{frame.function_name}, {parts[-1]}:{frame.line_num}"
    return stack.strip("/")


def _refuse_products(tallies: list[_Tally], inner: list[core.Jaxpr], stack: str) -> None:
    for tally, sub in zip(tallies, inner, strict=True):
        tally.walk(sub, [True] * len(sub.invars), stack, 1)
    products = [kind for tally in tallies for kind in tally.counts if kind != "digital_ops"]
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
_ARITHMETIC = frozenset({
    "add", "sub", "mul", "div", "max", "min", "neg", "abs", "exp", "log", "tanh", "logistic", "erf", "rsqrt", "sqrt",
    "pow", "integer_pow", "square", "reduce_sum", "reduce_max", "reduce_min",
})  # fmt: skip
