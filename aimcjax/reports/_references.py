"""Which published models a design is made of, from the docstrings of its parts."""

import dataclasses
from typing import Any

import equinox as eqx

from ..devices import reference_of


def references(design: Any) -> list[str]:
    """A line for every part of `design` (device, converters, crossbar, ..., and their parts) that cites a source."""
    lines = []
    for name, part in _parts("tile", design):
        found = reference_of(type(part))
        if found is not None:
            lines.append(f"{name}: `{type(part).__name__}`. {found}")
    return lines


def _parts(name: str, part: Any) -> list[tuple[str, Any]]:
    found = [(name, part)]
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if isinstance(value, eqx.Module):
            found += _parts(field.name, value)
    return found
