"""How much a program computes, counted in its equations, and how fast this machine does such work."""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr


_PRODUCTS = ("dot_general", "conv_general_dilated")
_FREE = {
    "reshape",
    "broadcast_in_dim",
    "squeeze",
    "convert_element_type",
    "transpose",
    "stop_gradient",
    "slice",
    "copy",
}
_PER_PROGRAM, _PER_EQUATION = 3.0, 3e-3  # [s] that XLA takes to compile: fitted to four trainings on two CPU cores
_SIDE, _DRAWS, _SECONDS = 512, 200_000, 0.15


class Work(NamedTuple):
    """`products`, floating-point operations of matrix products and convolutions; `elements`, numbers that everything
    else computes; `equations`, which a compiler has to read; `largest`, numbers in the largest array."""

    products: int | float = 0.0
    elements: int | float = 0.0
    equations: int = 0
    largest: float = 0.0

    def times(self, n: int | float) -> "Work":
        """The same program run `n` times."""
        return self._replace(products=self.products * n, elements=self.elements * n)

    def plus(self, other: "Work") -> "Work":
        """Both."""
        return Work(
            self.products + other.products,
            self.elements + other.elements,
            self.equations + other.equations,
            max(self.largest, other.largest),
        )

    def with_gradient(self) -> "Work":
        """As a step of training has it: about three times the work of the forward pass (assumed)."""
        return Work(3 * self.products, 3 * self.elements, 3 * self.equations, self.largest)


class Rates(NamedTuple):
    """What this machine does in a second: `products`, `elements`; see `Work`."""

    products: float
    elements: float

    def seconds(self, work: Work) -> tuple[float, float]:
        """How long `work` takes to run, and before that to compile [s]."""
        run = work.products / self.products + work.elements / self.elements
        return run, _PER_PROGRAM + work.equations * _PER_EQUATION


def work_of(function: Callable[..., Any], *arguments: Any) -> Work:
    """The work of `function(*arguments)`, whose arrays may be shapes alone: nothing is computed."""
    jaxpr, _, _ = eqx.filter_make_jaxpr(function)(*arguments)
    return _count(jaxpr.jaxpr)


def measured_rates() -> Rates:
    """Measured here and now on the default device, in a second: products of 512 x 512 matrices, and a chain of simple
    operations on normal numbers, as noise on conductances is; their equations are counted alike."""
    square, key = jnp.ones((_SIDE, _SIDE), float), jr.key(0)
    product = lambda a: a @ a
    draws = lambda key: jnp.sum(_chain(jr.normal(key, (_DRAWS,), float)))
    return Rates(
        work_of(product, square).products / _seconds(jax.jit(product), square),
        work_of(draws, key).elements / _seconds(jax.jit(draws), key),
    )


def _chain(x: Any) -> Any:
    for factor in (0.5, 0.7, 0.9, 1.1, 1.3):
        x = jnp.clip(factor * x + 0.1, -3.0, 3.0)
    return x


def _seconds(function: Callable[[Any], Any], argument: Any) -> float:
    jax.block_until_ready(function(argument))
    best, began = math.inf, time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        start = time.perf_counter()
        jax.block_until_ready(function(argument))
        best = min(best, time.perf_counter() - start)
    return best


def _count(jaxpr: Any) -> Work:
    total = Work()
    for equation in jaxpr.eqns:
        inner = [_count(getattr(part, "jaxpr", part)) for part in _parts(equation.params)]
        name = equation.primitive.name
        if inner:
            repeats = equation.params["length"] if name == "scan" else 1
            most = max(inner) if name == "cond" else _sum(inner)
            total = total.plus(most.times(repeats))
        elif name in _PRODUCTS:
            total = total.plus(Work(products=_operations(equation), equations=1))
        elif name in _FREE:
            total = total.plus(Work(equations=1))
        else:
            sizes = [math.prod(v.aval.shape) for v in (*equation.invars, *equation.outvars) if hasattr(v.aval, "shape")]
            most = float(max(sizes, default=0))
            total = total.plus(Work(elements=most, equations=1, largest=most))
    return total


def _sum(works: list[Work]) -> Work:
    total = Work()
    for work in works:
        total = total.plus(work)
    return total


def _parts(params: dict[str, Any]) -> list[Any]:
    """The programs inside an equation; not the rules of derivatives, which are functions."""
    flat = [part for value in params.values() for part in (value if isinstance(value, tuple | list) else [value])]
    return [part for part in flat if hasattr(getattr(part, "jaxpr", part), "eqns")]


def _operations(equation: Any) -> float:
    out, (first, second) = math.prod(equation.outvars[0].aval.shape), (v.aval.shape for v in equation.invars[:2])
    if equation.primitive.name == "conv_general_dilated":
        channels = second[equation.params["dimension_numbers"].rhs_spec[0]]
        return 2.0 * out * math.prod(second) / channels
    (contracted, _), _ = equation.params["dimension_numbers"]
    return 2.0 * out * math.prod(first[axis] for axis in contracted)
