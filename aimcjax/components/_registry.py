"""Objects from `{type: name, **arguments}` and back: the constructor is the schema, one table of names per role."""

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import numpy as np

from ..units import format_quantity
from ._suggest import suggest
from ._values import read_name, read_numbers, read_quantity, read_size, read_sizes, read_switch, shorten


@dataclasses.dataclass(frozen=True)
class Role:
    """One place in a design, and what can take it.

    `words` say what it is, with an article; `types` are classes, or functions without arguments that return a preset,
    by name; `shorthand` reads what is not a mapping (a number for a law), or returns `NotImplemented`; `check` raises
    `ValueError` for values that do not go together.
    """

    words: str
    types: Mapping[str, Callable[..., Any]]
    shorthand: Callable[[Any], Any] | None = None
    check: Callable[[Any], None] | None = None


class Registry:
    """The components that can be named in a config, by role (an abstract class)."""

    def __init__(self, roles: Mapping[type, Role]) -> None:
        self.roles = roles
        self._names = {made: name for role in roles.values() for name, made in role.types.items() if _is_class(made)}

    def build(self, tree: Any, role: type) -> Any:
        """An object of the role from its config `{type: name, **arguments}`, a name alone, or a shorthand.

        **Raises:** `ValueError` naming the key, what was expected and what was given.
        """
        if isinstance(tree, role):
            return tree
        known = self.roles[role]
        if known.shorthand is not None and not isinstance(tree, dict) and not _is_name(tree, known):
            meant = known.shorthand(tree)
            if meant is not NotImplemented:
                return meant
        if isinstance(tree, str):
            tree = {"type": tree}
        if not isinstance(tree, dict) or "type" not in tree:
            names = ", ".join(known.types)
            raise ValueError(f"expected {{type: name, ...}}, got {shorten(tree)}; names: {names}")
        name, arguments = tree["type"], {key: value for key, value in tree.items() if key != "type"}
        if not isinstance(name, str) or name not in known.types:
            raise ValueError(self._unknown_type(name, role))
        component = self._make(name, known.types[name], arguments)
        if known.check is not None:
            known.check(component)
        return component

    def describe(self, component: Any) -> dict[str, Any]:
        """The config of an object, every parameter written out: `build(describe(x))` is `x` again."""
        tree: dict[str, Any] = {"type": self._names[type(component)]}
        for field in dataclasses.fields(component):
            value = getattr(component, field.name)
            if type(value) in self._names:
                tree[field.name] = self.describe(value)
            elif eqx.is_array(value):
                if np.all(np.isfinite(value)):  # an infinite limit is no limit, and the default
                    tree[field.name] = _with_unit(np.asarray(value)[()], field.metadata.get("unit", "1"))
            elif value is not None or field.default is not None:  # `None` is written where it is not the default
                tree[field.name] = value
        return tree

    def _make(self, name: str, make: Callable[..., Any], arguments: dict[Any, Any]) -> Any:
        base = None if _is_class(make) else make()
        cls: Any = make if base is None else type(base)
        values = {key: self._argument(cls, key, self._completed(base, key, value)) for key, value in arguments.items()}
        missing = [field.name for field in dataclasses.fields(cls) if _is_required(field) and field.name not in values]
        if base is None and missing:
            raise ValueError(f"{name} needs a value for {', '.join(missing)}")
        return cls(**values) if base is None else dataclasses.replace(base, **values)

    def _completed(self, base: Any, key: Any, value: Any) -> Any:
        """A part of a preset may be changed by a few of its parameters: the others are the preset's."""
        part = getattr(base, str(key), None)
        if isinstance(value, dict) and "type" not in value and type(part) in self._names:
            return {**self.describe(part), **value}
        return value

    def _argument(self, cls: type, key: Any, value: Any) -> Any:
        fields = {field.name: field for field in dataclasses.fields(cls)}
        if key not in fields:
            raise ValueError(f"{self._names[cls]} has no parameter {shorten(key)}; {suggest(str(key), fields)}")
        try:
            return self._convert(value, typing.get_type_hints(cls)[key], fields[key])
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None

    def _convert(self, value: Any, hint: Any, field: dataclasses.Field) -> Any:
        if isinstance(hint, types.UnionType):
            if value is None:
                return None
            hint = next(option for option in hint.__args__ if option is not type(None))
        if hint in self.roles:
            return self.build(value, hint)
        if hint is bool:
            return read_switch(value)
        if typing.get_origin(hint) is tuple and set(typing.get_args(hint)) == {int}:
            return read_sizes(value, len(typing.get_args(hint)))
        if hint is str:
            return read_name(value)
        if hint is int:
            return read_size(value)
        if "unit" in field.metadata:
            return read_quantity(value, **limits_of(field))
        return read_numbers(value)

    def _unknown_type(self, name: Any, role: type) -> str:
        known = self.roles[role]
        for other in self.roles.values():
            if isinstance(name, str) and name in other.types and other is not known:
                return f"{name!r} is {other.words}, this is the place of {known.words}: {', '.join(known.types)}"
        hint = suggest(str(name), known.types, always_list=True)
        return f"expected {known.words}, got {shorten(name)}; {hint}"


def limits_of(field: dataclasses.Field) -> dict[str, Any]:
    """What `physical` says of a field, as arguments of `read_quantity`."""
    signed = isinstance(field.default, float) and field.default < 0  # a voltage that erases, say
    return {"signed": signed} | {key: field.metadata[key] for key in ("unit", "above", "at_most")}


def _is_name(tree: Any, role: Role) -> bool:
    return isinstance(tree, str) and tree in role.types


def _is_class(make: Any) -> bool:
    return isinstance(make, type)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _with_unit(value: Any, unit: str) -> Any:
    if value.ndim:
        return [_with_unit(v, unit) for v in value]
    # Through text: the shortest decimal of a float32, not its float64 digits.
    if unit != "1":
        return format_quantity(value, unit)
    number = float(str(value))
    return int(number) if number.is_integer() and abs(number) < 1e9 else number  # 8 bits, not 8.0
