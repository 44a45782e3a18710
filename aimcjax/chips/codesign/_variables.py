"""What may be chosen of a design, within bounds that are smooth."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._types import Scalar
from ...components import shorten, suggest


VARIABLES = ("bits", "v_max", "refresh_period", "compensation_period")
BOUNDS: Mapping[str, tuple[float, float]] = {
    "bits": (3.0, 10.0),
    "v_max": (0.05, 0.4),
    "refresh_period": (60.0, 3.15e7),
    "compensation_period": (1.0, 3.15e6),
}  # V and s; all assumed


class Choice(eqx.Module):
    """A point of the design space: `bits` of the ADCs of every layer, `v_max`, the read voltage [V];
    `refresh_period`, after which a chip is written again, and `compensation_period`, after which its drift is measured
    again [s]."""

    bits: Float[Array, " layers"]
    v_max: Scalar
    refresh_period: Scalar
    compensation_period: Scalar


class Box(NamedTuple):
    """Bounds of every variable, each a `Choice`."""

    low: Choice
    high: Choice


def make_box(bounds: Mapping[str, tuple[float, float]], n_layers: int) -> Box:
    """The default bounds of all variables, those of bits for `n_layers`, changed by `bounds`.

    **Raises:** `ValueError` for an unknown variable, and for bounds in the wrong order or not above zero.
    """
    for name, pair in bounds.items():
        check_bounds(name, pair)
    found = {**BOUNDS, **bounds}
    return Box(*(_filled({name: pair[side] for name, pair in found.items()}, n_layers) for side in (0, 1)))


def check_bounds(name: str, pair: Sequence[float]) -> None:
    """Raises `ValueError` for bounds (`pair`, low and high, of the variable `name`) that `make_box` refuses."""
    check_variable(name)
    if len(pair) != 2 or not 0 < pair[0] < pair[1] < np.inf:
        raise ValueError(f"bounds of {name}: expected two numbers above 0, the smaller one first, got {tuple(pair)}")
    if name == "bits" and (np.ceil(pair[0]) > np.floor(pair[1]) or pair[0] <= 1 or pair[1] > 32):
        raise ValueError(f"bounds of bits: expected a whole number between them, above 1 and at most 32, got {pair}")


def check_variable(name: Any) -> None:
    """Raises `ValueError` for what is no variable."""
    if name not in VARIABLES:
        raise ValueError(f"unknown variable {shorten(name)}; {suggest(str(name), VARIABLES, always_list=True)}")


def _filled(values: Mapping[str, float], n_layers: int) -> Choice:
    scalars = {name: jnp.asarray(value, float) for name, value in values.items() if name != "bits"}
    return Choice(bits=jnp.full(n_layers, values["bits"], float), **scalars)


def mask_of(variables: Sequence[str], like: Choice) -> Choice:
    """Ones where a variable is free, as arrays: no other set recompiles."""
    ones = {name: jnp.full_like(getattr(like, name), float(name in variables)) for name in VARIABLES}
    return Choice(**ones)


def to_free(choice: Choice, box: Box) -> Choice:
    r"""The unbounded $z$ of a choice inside of its bounds, see `to_choice`; bounds themselves are 1 % inside."""
    part = jax.tree.map(lambda x, a, b: (x - a) / (b - a), *(_in_scale(each) for each in (choice, *box)))
    return jax.tree.map(lambda p: jax.scipy.special.logit(jnp.clip(p, 0.01, 0.99)), part)


def to_choice(z: Choice, box: Box) -> Choice:
    r"""$x = a + (b - a)\,\sigma(z)$, for voltages and periods of their logarithms."""
    low, high = (_in_scale(each) for each in box)
    return _from_scale(jax.tree.map(lambda z, a, b: a + (b - a) * jax.nn.sigmoid(z), z, low, high))


def _in_scale(choice: Choice) -> Choice:
    return Choice(choice.bits, *(jnp.log(getattr(choice, name)) for name in VARIABLES[1:]))


def _from_scale(choice: Choice) -> Choice:
    return Choice(choice.bits, *(jnp.exp(getattr(choice, name)) for name in VARIABLES[1:]))
