"""What the solver is asked: free parameters, what was observed, and what a model predicts for it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._types import Scalar
from ..components import suggest
from ..units import UNITS, parse_quantity
from ._data import Data
from ._parameters import Parameter


Values = Mapping[str, Scalar]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One fit to be made.

    `parameters` are free, `constants` stay; `predict(values, substeps)` is what the model says to `observed`, where
    `values` holds both; `component(values)` is the device; `quantity` and `unit` say what is compared. `substeps` is
    how many steps of the solver a sample interval has at first, `None` where the prediction is exact. `notes` go
    into the preset as they are.
    """

    parameters: tuple[Parameter, ...]
    constants: Mapping[str, float]
    predict: Callable[[Values, int], Float[Array, " samples"]]
    observed: Float[np.ndarray, " samples"]
    component: Callable[[Mapping[str, float]], Any]
    quantity: str
    unit: str
    substeps: int | None = None
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def values(self, theta: Float[Array, " parameters"]) -> dict[str, Scalar]:
        """All parameters and constants by name at `theta`."""
        free = {p.name: p.transform.value(theta[k]) for k, p in enumerate(self.parameters)}
        return {**{name: jnp.asarray(value, theta.dtype) for name, value in self.constants.items()}, **free}

    def start(self) -> Float[Array, " parameters"]:
        """The first guess, transformed."""
        return jnp.stack([p.transform.theta(jnp.asarray(p.value)) for p in self.parameters])


@dataclasses.dataclass(frozen=True)
class FitModel:
    """A model that can be fitted: which `format` of data it needs, and the `problem` that it makes of them."""

    format: str
    problem: Callable[[Data, Mapping[str, float]], Problem]
    units: Mapping[str, str]  # of everything that can be fixed


def hold(parameters: list[Parameter], constants: Mapping[str, float], fixed: Mapping[str, float]) -> Any:
    """Those of the `parameters` that stay free, and the constants with what the user `fixed`."""
    for parameter in parameters:
        value = fixed.get(parameter.name)
        if value is not None and not np.isfinite(parameter.transform.theta(jnp.asarray(value))):
            raise ValueError(f"{parameter.name} cannot be {value:g} {parameter.unit}: it is outside of its range")
    free = tuple(p for p in parameters if p.name not in fixed)
    return free, {**constants, **fixed}


def read_fixed(fixed: Mapping[str, float | str], model: FitModel, name: str) -> dict[str, float]:
    """`fixed` in SI: numbers as they are, text such as `"20 s"` by the unit of the parameter."""
    values = {}
    for key, value in fixed.items():
        base = key.partition("[")[0]
        if base not in model.units:
            raise ValueError(f"{name} has no parameter {key!r} to fix; {suggest(key, model.units)}")
        unit = model.units[base]
        try:
            values[key] = _read(value, unit)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
    return values


def _read(value: float | str, unit: str) -> float:
    if not isinstance(value, str):
        return float(value)
    if unit in UNITS:
        return parse_quantity(value, unit)
    number = value.strip().removesuffix(unit)
    try:
        return float(number)
    except ValueError:
        raise ValueError(f"expected a number in {unit}, got {value!r}") from None
