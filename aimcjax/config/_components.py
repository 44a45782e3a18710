"""Objects from `{type: name, **arguments}` and back: the constructor is the schema, one registry per role."""

import dataclasses
import difflib
import functools
import types
import typing
from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np

from .. import devices, periphery, tiles
from ..units import format_quantity
from ._values import read_numbers, read_quantity, read_size, shorten


# role -> {name: class, or function without arguments that returns a preset}
_REGISTRY: dict[type, dict[str, Callable[..., Any]]] = {
    tiles.AbstractTileDesign: {"tile": tiles.TileDesign, "standard_pcm": lambda: tiles.preset("standard_pcm")},
    tiles.AbstractEncoding: {"differential_pair": tiles.DifferentialPair},
    tiles.AbstractCrossbar: {"ideal_crossbar": tiles.IdealCrossbar, "cubic_ir_drop": tiles.CubicIrDrop},
    devices.AbstractDevice: {
        "pcm": devices.Pcm,
        "pcm_joshi2020": lambda: devices.preset("pcm_joshi2020"),
        "ideal_device": devices.IdealDevice,
        "statistical_device": devices.StatisticalDevice,
        "bistable": devices.Bistable,
        "noiseless_reads": devices.NoiselessReads,
        "discrete_levels": devices.DiscreteLevels,
        "telegraph_noise": devices.TelegraphNoise,
        "nonlinear_device": devices.NonlinearDevice,
        **{name: functools.partial(devices.preset, name) for name in devices.preset_names()},
    },
    devices.AbstractLaw: {
        "constant": devices.Constant,
        "polynomial": devices.Polynomial,
        "clipped_log": devices.ClippedLog,
        "power": devices.Power,
        "saturation": devices.Saturation,
        "piecewise": devices.Piecewise,
    },
    devices.AbstractTimedLaw: {
        "log_time": devices.LogTime,
        "accumulation": devices.Accumulation,
        "polynomial_table": devices.PolynomialTable,
        "saturation_table": devices.SaturationTable,
        "excess": devices.Excess,
    },
    devices.AbstractDistribution: {"normal": devices.Normal, "uniform": devices.Uniform},
    devices.AbstractIV: {"cubic_iv": devices.CubicIV, "log_polynomial_iv": devices.LogPolynomialIV},
    periphery.AbstractDac: {"uniform_dac": periphery.UniformDac, "ideal_dac": periphery.IdealDac},
    periphery.AbstractAdc: {"uniform_adc": periphery.UniformAdc, "ideal_adc": periphery.IdealAdc},
}
_NAMES = {made: name for known in _REGISTRY.values() for name, made in known.items() if isinstance(made, type)}
_WORDS = {
    tiles.AbstractTileDesign: "a tile",
    tiles.AbstractEncoding: "an encoding",
    tiles.AbstractCrossbar: "a crossbar",
    devices.AbstractDevice: "a device",
    devices.AbstractLaw: "a law",
    devices.AbstractTimedLaw: "a law of time",
    devices.AbstractDistribution: "a distribution",
    devices.AbstractIV: "a current-voltage law",
    periphery.AbstractDac: "a DAC",
    periphery.AbstractAdc: "an ADC",
}


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
        return devices.as_law(read_numbers(tree) if isinstance(tree, list) else read_quantity(tree, "1"))
    if not isinstance(tree, dict) or "type" not in tree:
        raise ValueError(f"expected {{type: name, ...}} with a name of {_list(known)}, got {shorten(tree)}")
    name, arguments = tree["type"], {key: value for key, value in tree.items() if key != "type"}
    if not isinstance(name, str) or name not in known:
        raise ValueError(_unknown_type(name, role))
    make = known[name]
    base = None if isinstance(make, type) else make()
    cls: Any = make if isinstance(make, type) else type(base)
    values = {key: _argument(cls, key, _completed(base, key, value)) for key, value in arguments.items()}
    missing = [field.name for field in dataclasses.fields(cls) if _is_required(field) and field.name not in values]
    if base is None and missing:
        raise ValueError(f"{name} needs a value for {', '.join(missing)}")
    component: Any = cls(**values) if base is None else dataclasses.replace(base, **values)
    if role is devices.AbstractDevice and not component.g_min < component.g_max:
        raise ValueError(
            f"g_min must be below g_max, got {describe(component)['g_min']} and {describe(component)['g_max']}"
        )
    return component


def _completed(base: Any, key: Any, value: Any) -> Any:
    """A part of a preset may be changed by a few of its parameters: the others are the preset's."""
    part = getattr(base, str(key), None)
    if isinstance(value, dict) and "type" not in value and type(part) in _NAMES:
        return {**describe(part), **value}
    return value


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


def _argument(cls: type, key: Any, value: Any) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if key not in fields:
        close = difflib.get_close_matches(str(key), fields, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(fields)}"
        raise ValueError(f"{_NAMES[cls]} has no parameter {shorten(key)}; {hint}")
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
        return read_size(value)
    return read_quantity(value, field.metadata["unit"], field.name) if "unit" in field.metadata else read_numbers(value)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _unknown_type(name: Any, role: type) -> str:
    for other, known in _REGISTRY.items():
        if isinstance(name, str) and name in known and other is not role:
            return f"{name!r} is {_WORDS[other]}, this is the place of {_WORDS[role]}: {_list(_REGISTRY[role])}"
    close = difflib.get_close_matches(str(name), _REGISTRY[role], n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"expected {_WORDS[role]}, got {shorten(name)}; {hint}known: {_list(_REGISTRY[role])}"


def _list(known: dict[str, Any]) -> str:
    return ", ".join(known)


def _with_unit(value: Any, unit: str) -> Any:
    if value.ndim:
        return [_with_unit(v, unit) for v in value]
    # Through text: the shortest decimal of a float32, not its float64 digits.
    return float(str(value)) if unit == "1" else format_quantity(value, unit)
