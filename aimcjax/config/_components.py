"""Objects from `{type: name, **arguments}` and back: the constructor is the schema, one registry per role."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np

from .. import devices, periphery, tiles
from ..units import format_quantity, parse_quantity


# role -> {name: class, or function without arguments that returns a preset}
_REGISTRY: dict[type, dict[str, Callable[..., Any]]] = {
    tiles.AbstractTileDesign: {"tile": tiles.TileDesign, "standard_pcm": lambda: tiles.preset("standard_pcm")},
    tiles.AbstractEncoding: {"differential_pair": tiles.DifferentialPair},
    tiles.AbstractCrossbar: {"ideal_crossbar": tiles.IdealCrossbar, "cubic_ir_drop": tiles.CubicIrDrop},
    devices.AbstractDevice: {
        "pcm": devices.Pcm,
        "pcm_joshi2020": lambda: devices.preset("pcm_joshi2020"),
        "ideal_device": devices.IdealDevice,
    },
    devices.AbstractLaw: {
        "constant": devices.Constant,
        "polynomial": devices.Polynomial,
        "clipped_log": devices.ClippedLog,
        "power": devices.Power,
    },
    periphery.AbstractDac: {"uniform_dac": periphery.UniformDac, "ideal_dac": periphery.IdealDac},
    periphery.AbstractAdc: {"uniform_adc": periphery.UniformAdc, "ideal_adc": periphery.IdealAdc},
}
_NAMES = {made: name for known in _REGISTRY.values() for name, made in known.items() if isinstance(made, type)}

# Limits (exclusive, inclusive) of quantities by name: outside them an equation divides by zero or overflows float32.
_POSITIVE = dict.fromkeys(("g_max", "v_max", "i_max", "w_max", "t_0", "t_read"), (0.0, math.inf))
_LIMITS = {**_POSITIVE, "bits": (1.0, 32.0)}
_LARGEST_SIZE = 1_000_000


def build(tree: Any, role: type) -> Any:
    """An object of the role from its config.

    **Raises:** `ValueError` naming the key, what was expected and what was given.
    """
    if isinstance(tree, role):
        return tree
    known = _REGISTRY[role]
    if isinstance(tree, str):
        tree = {"type": tree}
    if role is devices.AbstractLaw and not isinstance(tree, dict):
        return devices.as_law(_numbers(tree))
    if not isinstance(tree, dict) or "type" not in tree:
        raise ValueError(f"expected {{type: name, ...}} with a name of {_list(known)}, got {shorten(tree)}")
    name, arguments = tree["type"], {key: value for key, value in tree.items() if key != "type"}
    if not isinstance(name, str) or name not in known:
        raise ValueError(_unknown_type(name, role))
    make = known[name]
    base = None if isinstance(make, type) else make()
    cls = make if isinstance(make, type) else type(base)
    values = {key: _argument(cls, key, value) for key, value in arguments.items()}
    missing = [field.name for field in dataclasses.fields(cls) if base is None and _is_required(field)]
    missing = [key for key in missing if key not in values]
    if missing:
        raise ValueError(f"{name} needs a value for {', '.join(missing)}")
    component = cls(**values) if base is None else dataclasses.replace(base, **values)
    if isinstance(component, devices.AbstractDevice) and not component.g_min < component.g_max:
        raise ValueError(f"g_min must be below g_max, got {describe(component)['g_min']} and {describe(component)['g_max']}")
    return component


def describe(component: Any) -> dict[str, Any]:
    """The config of an object, every parameter written out: `build(describe(x))` is `x` again."""
    tree: dict[str, Any] = {"type": _NAMES[type(component)]}
    for field in dataclasses.fields(component):
        value = getattr(component, field.name)
        if type(value) in _NAMES:
            tree[field.name] = describe(value)
        elif eqx.is_array(value):
            if np.all(np.isfinite(value)):  # an infinite limit is no limit, and the default
                tree[field.name] = _with_unit(np.asarray(value)[()], field.metadata.get("unit", "1"))
        elif value is not None:
            tree[field.name] = value
    return tree


def _argument(cls: type, key: str, value: Any) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if key not in fields:
        close = difflib.get_close_matches(str(key), fields, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(fields)}"
        raise ValueError(f"{_NAMES[cls]} has no parameter {key!r}; {hint}")
    try:
        return _convert(value, typing.get_type_hints(cls)[key], fields[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _convert(value: Any, hint: Any, field: dataclasses.Field) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(option for option in hint.__args__ if option is not type(None))
    if hint in _REGISTRY:
        return build(value, hint)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_SIZE:
            raise ValueError(f"expected a whole number from 1 to {_LARGEST_SIZE}, got {shorten(value)}")
        return value
    if "unit" in field.metadata:
        return _within_limits(parse_quantity(value, field.metadata["unit"]), value, field)
    if not isinstance(value, list):
        raise ValueError(f"expected a list of numbers, got {shorten(value)}")
    return _numbers(value)


def _within_limits(number: float, value: Any, field: dataclasses.Field) -> float:
    dimensionless = field.metadata["unit"] == "1"
    if field.name in _LIMITS:
        low, high = _LIMITS[field.name]
        if not low < number <= high:
            what = f"above {low:g}" if high == math.inf else f"above {low:g} and at most {high:g}"
            raise ValueError(f"expected a value {what}, got {shorten(value)}")
    elif not dimensionless and number < 0:
        raise ValueError(f"expected zero or more, got {shorten(value)}")
    return _in_float32(number, value)


def _numbers(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in items):
        raise ValueError(f"expected a number or a list of numbers, got {shorten(value)}")
    numbers = [_in_float32(parse_quantity(item, "1"), item) for item in items]
    return numbers if isinstance(value, list) else numbers[0]


def _in_float32(number: float, value: Any) -> float:
    limits = np.finfo(np.float32)
    if abs(number) > limits.max or 0 < abs(number) < limits.tiny:
        raise ValueError(f"expected a magnitude that single precision can hold, got {shorten(value)}")
    return number


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _unknown_type(name: Any, role: type) -> str:
    for other, known in _REGISTRY.items():
        if isinstance(name, str) and name in known and other is not role:
            return f"{name!r} is {_word(other)}, this is the place of {_word(role)}: {_list(_REGISTRY[role])}"
    close = difflib.get_close_matches(str(name), _REGISTRY[role], n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"expected {_word(role)}, got {shorten(name)}; {hint}known: {_list(_REGISTRY[role])}"


def _word(role: type) -> str:
    return _WORDS[role]


def shorten(value: Any) -> str:
    """`value` as Python writes it, cut where a line would become unreadable."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _list(known: dict[str, Any]) -> str:
    return ", ".join(known)


def _with_unit(value: Any, unit: str) -> Any:
    if value.ndim:
        return [float(str(v)) for v in value]  # through text: the shortest decimal of a float32, not its float64 digits
    return float(str(value)) if unit == "1" else format_quantity(value, unit)
