"""Single values of a config: sizes, quantities and lists of numbers, or what is wrong with them."""

from typing import Any

import numpy as np

from ..units import UNITS, parse_quantity


LARGEST_SIZE = 1_000_000


def read_size(value: Any) -> int:
    """`value`, a number of things, above zero."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIZE:
        raise ValueError(f"expected a whole number from 1 to {LARGEST_SIZE}, got {shorten(value)}")
    return value


def read_sizes(value: Any, n: int) -> tuple[int, ...]:
    """So many numbers of things, each above zero."""
    if not isinstance(value, (list, tuple)) or len(value) != n:
        raise ValueError(f"expected {n} whole numbers in brackets, got {shorten(value)}")
    return tuple(read_size(one) for one in value)


def read_switch(value: Any) -> bool:
    """`value`, true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {shorten(value)}")
    return value


def read_name(value: Any) -> str:
    """`value`, one word of a few that the constructor knows."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a name, got {shorten(value)}")
    return value


def read_quantity(
    value: Any, unit: str, *, above: float | None = None, at_most: float | None = None, signed: bool = False
) -> float:
    """A physical quantity (`value`, text with `unit`) in SI, within the limits `above` and `at_most` if there are any;
    not negative if it has a simple unit, unless `signed`."""
    number = _in_float32(parse_quantity(value, unit), value)
    if above is not None and number <= above or at_most is not None and number > at_most:
        limits = " and ".join(f"{word} {x:g}" for word, x in (("above", above), ("at most", at_most)) if x is not None)
        raise ValueError(f"expected a value {limits}, got {shorten(value)}")
    if above is None and not signed and unit in UNITS and unit != "1" and number < 0:
        raise ValueError(f"expected zero or more, got {shorten(value)}")
    return number


def read_numbers(value: Any) -> list[Any]:
    """`value`, a list of plain numbers, or of such lists of one length."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list of numbers, got {shorten(value)}")
    if all(isinstance(item, list) and len(item) == len(value[0]) for item in value):
        return [read_numbers(item) for item in value]
    return [_in_float32(parse_quantity(item, "1"), item) for item in value]


def shorten(value: Any) -> str:
    """`value` as Python writes it, cut before a line becomes unreadable."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _in_float32(number: float, value: Any) -> float:
    limits = np.finfo(np.float32)
    if abs(number) > float(limits.max) or 0 < abs(number) < float(limits.tiny):
        raise ValueError(f"expected a magnitude that single precision can hold, got {shorten(value)}")
    return number
