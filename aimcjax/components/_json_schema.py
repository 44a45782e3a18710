"""The schema of components for editors: what every role takes, as definitions of JSON Schema."""

import dataclasses
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..units import UNITS
from ._registry import Registry, Role
from ._values import LARGEST_SIZE


_NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"
_PROBES = {"number": (0.05,), "array": ([0.01, 0.08],), "string": ("0.05", "some.yaml")}

Schema = dict[str, Any]


def quantity_schema(unit: str) -> Schema:
    """A quantity in `unit` as `parse_quantity` reads it: a number with its unit, or the number alone for `"1"`."""
    spellings = "|".join(re.escape(name) for name in UNITS.get(unit, {unit: 1.0}))
    text: Schema = {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*({spellings})\s*$"}
    plain: Schema = {"type": "number"} if unit == "1" else {"const": 0}
    return {"title": "number" if unit == "1" else f"quantity in {unit}", "anyOf": [plain, text]}


def role_name(role: type, family: str = "component") -> str:
    """What a `role` is called among the definitions of a `family` of them."""
    return f"{family}.{role.__name__}"


def unit_name(unit: str) -> str:
    """What a quantity is called among the definitions."""
    return f"quantity.{re.sub(r'[^A-Za-z0-9]+', '_', unit)}"


def component_schemas(
    registry: Registry, *, family: str = "component", sourced: bool = False, untyped: frozenset[type] = frozenset()
) -> dict[str, Schema]:
    """Definitions of all roles of a registry and of their units, by name, which begins with their `family`. Values may
    be `{value: ..., source: ...}` if `sourced`; roles in `untyped` may be files, and need no `type`."""
    writer = _Writer(registry, family, sourced, untyped)
    roles = {role_name(role, family): writer.role(role, known) for role, known in registry.roles.items()}
    return {**roles, **{unit_name(unit): quantity_schema(unit) for unit in sorted(writer.units)}}


class _Writer:
    def __init__(self, registry: Registry, family: str, sourced: bool, untyped: frozenset[type]) -> None:
        self.registry, self.family, self.sourced, self.untyped = registry, family, sourced, untyped
        self.units = {"1"}

    def role(self, role: type, known: Role) -> Schema:
        named = [self._component(name, make) for name, make in known.types.items()]
        options: list[Schema] = [{"enum": list(known.types)}, {"oneOf": named}]
        if known.shorthand is not None:
            options += [{"type": kind} for kind in _taken(known)]
        if role in self.untyped:
            options += [{"type": "string"}, {"type": "object", "not": {"required": ["type"]}}]
        return {"title": known.words, "anyOf": options}

    def _component(self, name: str, make: Any) -> Schema:
        base = None if isinstance(make, type) else make()
        cls = make if base is None else type(base)
        fields = [field for field in dataclasses.fields(cls) if field.init]
        hints = typing.get_type_hints(cls)
        properties = {field.name: self._field(field, hints[field.name], base) for field in fields}
        required = [field.name for field in fields if base is None and _is_required(field)]
        words = (cls.__doc__ or "").strip().partition("\n\n")[0]
        return {
            "type": "object", "title": name, "description": " ".join(words.split()),
            "properties": {"type": {"const": name}, **properties},
            "required": ["type", *required], "additionalProperties": False,
        }  # fmt: skip

    def _field(self, field: Any, hint: Any, base: Any) -> Schema:
        schema: Schema = dict(self._value(field, hint))
        part = getattr(base, field.name, None)
        if dataclasses.is_dataclass(part):  # a part of a preset may be changed by a few of its parameters
            schema = {"anyOf": [schema, {"type": "object", "not": {"required": ["type"]}}]}
        if self.sourced:
            pair = {"value": schema, "source": {"type": "string", "minLength": 3}}
            with_source = {"type": "object", "properties": pair, "required": ["value", "source"]}
            schema = {"anyOf": [schema, {**with_source, "additionalProperties": False}]}
        if field.metadata.get("doc"):
            unit = field.metadata.get("unit", "1")
            schema["description"] = f"{'' if unit == '1' else f'[{unit}] '}{field.metadata['doc']}"
        if isinstance(field.default, bool | int | float | str) and (base is None) and np.isreal(field.default or 0):
            schema["default"] = _in_si(field)
        return schema

    def _value(self, field: Any, hint: Any) -> Schema:
        if isinstance(hint, types.UnionType):
            inner = next(option for option in hint.__args__ if option is not type(None))
            return {"anyOf": [{"type": "null"}, self._value(field, inner)]}
        if hint in self.registry.roles:
            return {"$ref": f"#/$defs/{role_name(hint, self.family)}"}
        if hint is bool:
            return {"type": "boolean"}
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE}
        if typing.get_origin(hint) is tuple and set(typing.get_args(hint)) == {int}:
            n = len(typing.get_args(hint))
            return {"type": "array", "items": size, "minItems": n, "maxItems": n}
        if hint is str:
            return {"type": "string", "minLength": 1}
        if hint is int:
            return size
        if "unit" in field.metadata:
            self.units.add(field.metadata["unit"])
            return {"$ref": f"#/$defs/{unit_name(field.metadata['unit'])}"}
        return {"type": "array", "minItems": 1}


def _taken(known: Role) -> Iterator[str]:
    """What a shorthand reads, found by trying."""
    assert known.shorthand is not None
    for kind, probes in _PROBES.items():
        for probe in probes:
            try:
                taken = known.shorthand(probe) is not NotImplemented
            except ValueError as error:  # a file that is not there was looked for
                taken = "no " in str(error)
            if taken:
                yield kind
                break


def _in_si(field: Any) -> Any:
    unit = field.metadata.get("unit", "1")
    return field.default if unit == "1" or isinstance(field.default, str | bool) else f"{field.default:g} {unit}"


def _is_required(field: Any) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
