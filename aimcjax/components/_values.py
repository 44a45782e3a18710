"""Single values of a config: sizes, quantities and lists of numbers, or what is wrong with them."""

import math
from typing import Any

import numpy as np

from ..units import parse_quantity


LARGEST_SIZE = 1_000_000

# Above the first, at most the second: outside of it an equation divides by zero or leaves float32.
_DIVISORS = ("g_max", "v_max", "i_max", "w_max", "t_0", "t_read", "cols_per_adc", "adc_rate", "digital_ops_per_s",
             "t_scale", "tau_c", "tau_e", "tau_0", "r_p", "g_low", "g_reference")  # fmt: skip
_LIMITS = {**dict.fromkeys(_DIVISORS, (0.0, math.inf)), "bits": (1.0, 32.0), "levels": (1.0, math.inf)}


def read_size(value: Any) -> int:
    """A number of things, above zero."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIZE:
        raise ValueError(f"expected a whole number from 1 to {LARGEST_SIZE}, got {shorten(value)}")
    return value


def read_switch(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {shorten(value)}")
    return value


def read_quantity(value: Any, unit: str, name: str = "", *, signed: bool = False) -> float:
    """A physical quantity in SI: not negative if it has a unit, unless `signed`; within the limits of its `name`."""
    number = _in_float32(parse_quantity(value, unit), value)
    if name in _LIMITS:
        low, high = _LIMITS[name]
        if not low < number <= high:
            at_most = "" if high == math.inf else f" and at most {high:g}"
            raise ValueError(f"expected a value above {low:g}{at_most}, got {shorten(value)}")
    elif unit != "1" and number < 0 and not signed:
        raise ValueError(f"expected zero or more, got {shorten(value)}")
    return number


def read_numbers(value: Any) -> list[Any]:
    """A list of plain numbers, or of such lists of one length."""
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
