"""Published parameter sets by name."""

from collections.abc import Mapping
from typing import Any


def look_up(sets: Mapping[str, Any], name: str, model: type) -> Any:
    """`sets[name]`, or a `ValueError` that lists the names which `model` knows."""
    if name not in sets:
        raise ValueError(f"unknown preset {name!r} of {model.__name__}; known: {', '.join(sorted(sets))}")
    return sets[name]
