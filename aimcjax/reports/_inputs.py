"""All inputs of a calculation in a table, with their defaults and where these are from."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..units import UNITS, day, format_quantity, week, year


def input_table(inputs: Mapping[str, Any], sources: Mapping[str, str] | None = None) -> list[list[str]]:
    """A row for each quantity and each count of modules by name: value, default, source; the header first. The source
    is that of the default, or what `sources` says of its path, such as `machine.dies`."""
    rows = [["input", "value", "default", "source"]]
    for part, module in inputs.items():
        for field in dataclasses.fields(module):
            path, value = f"{part}.{field.name}", getattr(module, field.name)
            text, default = _text(value, field), _default(field)
            doc = field.metadata.get("doc", "")
            given = doc if text == default or default == "-" else "given by the config"
            rows.append([path, text, default, (sources or {}).get(path, given or "a count, of the user")])
    return rows


def _default(field: dataclasses.Field) -> str:
    return "-" if field.default is dataclasses.MISSING else _text(field.default, field)


def _text(value: Any, field: dataclasses.Field) -> str:
    if "unit" in field.metadata:
        return readable(float(np.asarray(value)), field.metadata["unit"], digits=6)
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


def readable(value: float, unit: str, *, digits: int = 3) -> str:
    """A quantity as people write it, to so many digits."""
    rounded = float(f"{value:.{digits}g}")
    if unit == "1":
        return f"{rounded:g}"
    if unit == "s" and value >= week:
        return f"{value / year:.3g} years" if value >= year else f"{value / day:.3g} days"
    if unit == "m2":
        return f"{1e6 * rounded:.{digits}g} mm2"
    return format_quantity(rounded, unit) if unit in UNITS else f"{rounded:g} {unit}"
