"""What one inference does: how many vectors each analog layer multiplies, and what is left to digital logic.

A read-only walk over the jaxpr (`_tally`) finds every product, those of weights on tiles, those of digital weights, and
those between activations, in any model. It follows what depends on the input: a product of two such operands has no
weight.
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from ._convert import analog_layers, map_layers, rebuilt
from ._forms import AbstractForm, AbstractProduct, Experts
from ._linear import is_analog, matrices_shape
from ._tally import Tally, bits_of
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
class Step:
    """One use of a `layer` by `vectors` ("" and none for what comes before all layers), and what is done between its
    outputs and the next layer: elementwise operations `ops`, multiply-accumulates `weight_macs` and `activation_macs`.
    `after`: the steps whose results it needs; `joins`: those that its products of activations need too."""

    layer: str
    vectors: int
    ops: int
    weight_macs: int
    activation_macs: int
    after: tuple[int, ...]
    joins: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Activity:
    """Counts for one inference (one sample): `vectors` through each analog layer, in the order of execution (with a
    stack of experts, through any of them); `analog_macs` and `digital_macs`, multiply-accumulates on tiles and off
    them; `digital_ops`, elementwise operations (norms, softmax, residuals); `products`, the digital ones; `steps`, all
    of it once more, in the order of execution and with what waits for what."""

    vectors: dict[str, int]
    analog_macs: int
    digital_macs: int
    digital_ops: int
    products: tuple[Product, ...] = ()
    steps: tuple[Step, ...] = ()

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
    tally = Tally()
    shapes, rest = eqx.partition(traced, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    run = lambda shapes, x: rebuilt(eqx.combine(shapes, rest))(*x)
    jaxpr = jax.make_jaxpr(run)(shapes, arguments).jaxpr
    n_weights = len(jax.tree.leaves(shapes))
    tally.walk(jaxpr, [int(index >= n_weights) for index in range(len(jaxpr.invars))], "", 1)
    return _summed(tally, layers, scopes)


def _summed(tally: Tally, layers: dict[str, Any], scopes: dict[str, str]) -> Activity:
    counts, macs = tally.counts, {name: _macs_of_vector(layer) for name, layer in layers.items()}
    executed = list(dict.fromkeys(scopes[use.scope] for use in tally.uses if use.scope))
    order = executed + [name for name in layers if name not in executed]
    steps = tuple(
        Step(
            scopes.get(use.scope, ""), use.macs // macs[scopes[use.scope]] if use.scope else 0,
            use.ops, use.weight_macs, use.activation_macs, tuple(bits_of(use.after)),
            tuple(other for other in bits_of(use.joins) if other != index),
        )
        for index, use in enumerate(tally.uses)
    )  # fmt: skip
    return Activity(
        {name: counts[_scope(name)] // macs[name] for name in order},
        sum(counts[_scope(name)] for name in layers),
        counts["digital_macs"],
        counts["digital_ops"],
        tuple(Product(*place, macs=n, kept=tally.kept[place]) for place, n in tally.digital.most_common()),
        steps,
    )


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
