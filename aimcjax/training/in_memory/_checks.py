"""What algorithms and rules refuse, in one line each."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jax.core import Tracer

from ...components import shorten, suggest
from ...devices import pulsed


_DEVICES = ("device", "fast", "slow")


def made(algorithm: type, *on: Any, hyper: Mapping[str, Any]) -> Any:
    """The `algorithm` on devices, with these hyper-parameters.

    **Raises:** `ValueError` for a name that it does not have.
    """
    known = [field.name for field in dataclasses.fields(algorithm) if field.name not in _DEVICES]
    for name in hyper:
        if name not in known:
            raise ValueError(f"{algorithm.__name__} has no hyper-parameter {name!r}; {suggest(name, known)}")
    return algorithm(*on, **hyper)


def check_fields(algorithm: Any) -> None:
    """Raises `ValueError` for a device that is none, a count below one, or a value outside of its limits."""
    for field in dataclasses.fields(algorithm):
        name, value = f"{type(algorithm).__name__}.{field.name}", getattr(algorithm, field.name)
        if field.name in _DEVICES and not isinstance(value, pulsed.AbstractPulsedDevice):
            raise ValueError(f"{name} is a pulsed device, as of pulsed.preset, got {shorten(value)}")
        if field.type is int:
            least = 0 if field.name.endswith("bins") else 1
            if not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} is a whole number of at least {least}, got {shorten(value)}")
        elif "unit" in field.metadata and value is not None and not isinstance(value, Tracer):
            _check_value(name, np.asarray(value), field.metadata)


def _check_value(name: str, value: np.ndarray, limits: Mapping[str, Any]) -> None:
    above, at_most = limits["above"], limits["at_most"]
    inside = np.isfinite(value) & (value >= 0 if above is None else value > above)
    if not np.all(inside if at_most is None else inside & (value <= at_most)):
        low = "at least 0" if above is None else f"above {above:g}"
        high = "" if at_most is None else f" and at most {at_most:g}"
        raise ValueError(f"{name} is a finite number {low}{high}, got {value}")


def check_gradient(name: str, gradient: Any, shape: tuple[int, ...]) -> None:
    """Raises `ValueError` for factors, or a gradient matrix, that do not fit the array of a parameter."""
    if hasattr(gradient, "x"):
        x, d = np.shape(gradient.x), np.shape(gradient.d)
        if len(x) != 2 or len(d) != 2 or x[0] != d[0] or (x[1], d[1]) != shape:
            raise ValueError(
                f"{name} is an array of {shape} and needs x[batch, {shape[0]}] and d[batch, {shape[1]}], "
                f"got {x} and {d}"
            )
    elif np.shape(gradient) != shape:
        raise ValueError(f"{name} is an array of {shape}, got a gradient of {np.shape(gradient)}")
