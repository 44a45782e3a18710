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
        raise ValueError(f"expected {{type: name, ...}} with a name of {_list(known)}, got {tree!r}")
    name, arguments = tree["type"], {key: value for key, value in tree.items() if key != "type"}
    if name not in known:
        raise ValueError(_unknown_type(name, role))
    make = known[name]
    base = None if isinstance(make, type) else make()
    cls = make if isinstance(make, type) else type(base)
    values = {key: _argument(cls, key, value) for key, value in arguments.items()}
    try:
        return cls(**values) if base is None else dataclasses.replace(base, **values)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None


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
        return _convert(value, typing.get_type_hints(cls)[key], fields[key].metadata)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _convert(value: Any, hint: Any, metadata: Any) -> Any:
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(option for option in hint.__args__ if option is not type(None))
    if hint in _REGISTRY:
        return build(value, hint)
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"expected a whole number above zero, got {value!r}")
        return value
    if "unit" in metadata:
        number = parse_quantity(value, metadata["unit"])
        if not np.isfinite(number):
            raise ValueError(f"expected a finite number, got {value!r}")
        return number
    return _numbers(value)


def _numbers(value: Any) -> Any:
    if isinstance(value, list) and value and all(_is_number(item) for item in value):
        return value
    if _is_number(value):
        return value
    raise ValueError(f"expected a number or a list of numbers, got {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _unknown_type(name: Any, role: type) -> str:
    for other, known in _REGISTRY.items():
        if name in known and other is not role:
            return f"{name!r} is a {_word(other)}, this is the place of a {_word(role)}: {_list(_REGISTRY[role])}"
    close = difflib.get_close_matches(str(name), _REGISTRY[role], n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"unknown {_word(role)} {name!r}; {hint}known: {_list(_REGISTRY[role])}"


def _word(role: type) -> str:
    return {"AbstractTileDesign": "tile"}.get(role.__name__, role.__name__.removeprefix("Abstract").lower())


def _list(known: dict[str, Any]) -> str:
    return ", ".join(known)


def _with_unit(value: Any, unit: str) -> Any:
    if value.ndim:
        return [float(str(v)) for v in value]  # through text: the shortest decimal of a float32, not its float64 digits
    return float(str(value)) if unit == "1" else format_quantity(value, unit)
