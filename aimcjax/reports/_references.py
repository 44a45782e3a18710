"""Which published models a design is made of, from the docstrings of its parts."""

import dataclasses
import inspect
import re
from typing import Any

import equinox as eqx


def references(design: Any) -> list[str]:
    """A line for every part of `design` (device, converters, crossbar, ..., and their parts) that cites a source."""
    lines = []
    for name, part in _parts("tile", design):
        found = re.search(r"\*\*Reference:\*\*(.*?)(?:\n\s*\n|\*\*|\Z)", inspect.getdoc(type(part)) or "", re.DOTALL)
        if found:
            lines.append(f"{name}: `{type(part).__name__}`. {' '.join(found.group(1).split())}")
    return lines


def _parts(name: str, part: Any) -> list[tuple[str, Any]]:
    found = [(name, part)]
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if isinstance(value, eqx.Module):
            found += _parts(field.name, value)
    return found
