"""How reports write quantities and tables."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..units import format_quantity


def readable(value: Any, unit: str) -> str:
    """A quantity in the SI `unit`, to three digits with a prefix."""
    return format_quantity(float(f"{float(value):.3g}"), unit)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, whose cells are Markdown already."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows))
