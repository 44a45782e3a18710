"""What constructors and conversions refuse, in one line."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from ..components import shorten


def whole(default: int) -> Any:
    """A static field of a whole number; NumPy's count as such."""
    return eqx.field(static=True, default=default, converter=_as_int)


def check_bits(bits: int, most: int = 16) -> None:
    """Raises `ValueError` for a number of bits that no converter has; it is a shape, hence a whole number."""
    if not isinstance(bits, int) or isinstance(bits, bool) or not 2 <= bits <= most:
        raise ValueError(f"bits is a whole number from 2 to {most}, got {bits!r}; it sets how many parts there are")


def check_part(name: str, part: Any, kind: type, words: str) -> None:
    """Raises `ValueError` where `part` is not of the kind that `words` say."""
    if not isinstance(part, kind):
        raise ValueError(f"{name} must be {words}, got {shorten(part)}")


def check_deviations(converter: Any) -> None:
    """Raises `ValueError` for a concrete standard deviation below zero or NaN; no check while tracing."""
    for field in dataclasses.fields(converter):
        if field.name.startswith("sigma") or field.name in ("spread", "std"):
            value = getattr(converter, field.name)
            if is_known(value) and not np.all(np.asarray(value) >= 0):
                raise ValueError(f"{field.name} is a standard deviation, 0 or more, got {np.asarray(value)}")


def check_count(mismatch: Any, n: int) -> None:
    """Raises `ValueError` for the `mismatch` of another number of converters than `n`; of one, it holds for all."""
    made = mismatch.shape[0]
    if made not in (1, n):
        raise ValueError(f"{made} fabricated converters cannot serve {n} lines; `fabricate(converter, {n}, key=key)`")


def is_known(value: Any) -> bool:
    """Whether `value` is an array with numbers in it."""
    return isinstance(value, (np.ndarray, jax.Array)) and not isinstance(value, Tracer)


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, np.integer) else value
