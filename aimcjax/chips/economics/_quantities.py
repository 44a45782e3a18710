"""What the numbers of a description may be: the limits of its fields, and where they lie in it."""

import dataclasses
import types
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from ..._types import physical


def at_least(least: float, default: float, *, unit: str = "1", doc: str = "") -> Any:
    """A `physical` quantity that is `least` or more, other than zero or more."""
    field = physical(default, unit=unit, doc=doc)
    field.metadata = types.MappingProxyType({**field.metadata, "least": least})
    return field


def check_quantities(module: eqx.Module) -> None:
    """Raises `ValueError` for a known quantity that is not finite or outside of the limits of its field: above `above`,
    0 or more (or `at_least`) where there is none, and at most `at_most`. Traced values pass."""
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if "unit" not in field.metadata or not is_known(value):
            continue
        known, (low, high) = np.asarray(value), limits(field)
        above = field.metadata["above"] is not None
        if not np.all(np.isfinite(known) & ((known > low) if above else (known >= low)) & (known <= high)):
            allowed = f"{'above' if above else 'at least'} {low:g}" + (f", at most {high:g}" if high < np.inf else "")
            unit = "" if field.metadata["unit"] == "1" else f" {field.metadata['unit']}"
            raise ValueError(f"{type(module).__name__}: {field.name} must be {allowed}{unit} and finite, got {known!s}")


def check_counts(module: eqx.Module, least: dict[str, int]) -> None:
    """Raises `ValueError` for a field that is not a whole number from its `least` on."""
    for name, low in least.items():
        value = getattr(module, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"{type(module).__name__}: {name} must be a whole number from {low}, got {value!r}")


def limits(field: dataclasses.Field) -> tuple[float, float]:
    """The least and largest value of a quantity, which is not negative."""
    above, at_most = field.metadata["above"], field.metadata["at_most"]
    return field.metadata.get("least", 0.0) if above is None else above, np.inf if at_most is None else at_most


def is_known(value: Any) -> bool:
    """Whether `value` is an array with numbers in it."""
    return isinstance(value, (np.ndarray, jax.Array)) and not isinstance(value, Tracer)


def quantities(tree: Any, path: str = "") -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """Every scalar quantity of modules within modules, or within a `dict` of them: its path (below `path`), its field,
    its value, in the order of `jax.tree.leaves`."""
    if isinstance(tree, dict):
        for name in sorted(tree):
            yield from quantities(tree[name], f"{path}{name}.")
    elif isinstance(tree, eqx.Module):
        for field in dataclasses.fields(tree):
            value = getattr(tree, field.name)
            if "unit" in field.metadata and value is not None:
                yield f"{path}{field.name}", field, value
            else:
                yield from quantities(value, f"{path}{field.name}.")
