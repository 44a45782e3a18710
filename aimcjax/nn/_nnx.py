"""Analog layers in models of Flax NNX. Imported only where NNX is in use."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array

from ._convert import is_opaque, map_layers
from ._forms import Parameters
from ._summary import Loose, holders


class InputRange(nnx.Variable):
    """Input ranges of an analog layer, by part; trained only if the optimiser is told to (`wrt`)."""


class AnalogState(nnx.Variable):
    """Tiles, compensation and read key of an analog layer, by part; no parameters."""


Slots = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class NnxAnalog(nnx.Module):
    """A layer of NNX with its matrices on tiles.

    It has the attributes of the layer that it replaces, and its parameters are the same objects under the same names:
    optimisers, filters on `flax.nnx.Param` and checkpoints see the model they know. What the chip adds is in variables
    of two other types. Its analog layers, the `parts`, are put together from all of these at every call; they act one
    after the other, and the output of the submodule `inner`, if there is one, is added.

    **Arguments:** `attributes` of the layer; `parts` by name; `slots`, for each part its fields that are parameters,
    and under what name; `blank`, graph definition of the layer without parameters.
    """

    def __init__(
        self, attributes: dict[str, Any], parts: dict[str, Any], slots: Slots, inner: str | None, blank: Any
    ) -> None:
        used = {attribute for part, fields in slots for name, attribute in fields if hasattr(parts[part], name)}
        held = {attribute for _, fields in slots for _, attribute in fields}
        for name, value in attributes.items():
            if name not in held or name in used:
                setattr(self, name, value)
        self.analog_slots, self.analog_inner, self.analog_blank = slots, inner, blank
        stripped, ranges = {}, {}
        for part, fields in slots:
            layer = parts[part]
            fields = [(name, attribute) for name, attribute in fields if hasattr(layer, name)]
            for name, attribute in fields:
                self._set(attribute, getattr(layer, name))
            absent = dict.fromkeys([name for name, _ in fields])
            if hasattr(layer, "input_range"):
                ranges[part] = layer.input_range
                absent["input_range"] = None
            stripped[part] = dataclasses.replace(layer, **absent)
        self.analog_state, self.input_range = AnalogState(stripped), InputRange(ranges)

    def __call__(self, x: Array, *, key: Any = None, out_sharding: Any = None, **kwargs: Any) -> Array:
        """As the layer that it replaces."""
        if out_sharding is not None:
            raise ValueError("an analog layer places its outputs itself; call it without `out_sharding`")
        if kwargs and self.analog_inner is None:
            raise ValueError(f"an analog layer does what it was built for; call it without `{next(iter(kwargs))}`")
        y = x
        for part in self.parts().values():
            y = part(y, key=key)
        dtype = getattr(self, "dtype", None)
        y = y if dtype is None else y.astype(dtype)
        return y if self.analog_inner is None else y + getattr(self, self.analog_inner)(x, **kwargs)

    def attend(self, query: Array, **kwargs: Any) -> Array:
        """Not on tiles: a table that is read by rows has its converters on the other side."""
        raise ValueError("an embedding on tiles cannot `attend`: keep it digital, or give the head a matrix of its own")

    def parts(self) -> dict[str, Any]:
        """The analog layers, with parameters and ranges."""
        stripped, ranges = self.analog_state.get_value(), self.input_range.get_value()
        found = {}
        for part, fields in self.analog_slots:
            layer = stripped[part]
            values = {name: _value(getattr(self, attr, None)) for name, attr in fields if hasattr(layer, name)}
            values |= {"input_range": ranges[part]} if part in ranges else {}
            found[part] = dataclasses.replace(layer, **values)
        return found

    def with_parts(self, parts: dict[str, Any]) -> nnx.Module:
        """The layer with other parts; the digital layer, if they are bare parameters."""
        values = {name: value for name, value in vars(self).items() if not name.startswith(("_pytree", "analog_"))}
        del values["input_range"]
        if not any(isinstance(part, Parameters) for part in parts.values()):
            return NnxAnalog(values, parts, self.analog_slots, self.analog_inner, self.analog_blank)
        digital = nnx.merge(self.analog_blank[0], {})
        for part, fields in self.analog_slots:
            for name, attribute in fields:
                old, new = values.get(attribute), getattr(parts[part], name)
                kind = dict(self.analog_blank[1]).get(attribute, nnx.Param)
                setattr(digital, attribute, _variable(old, new, kind))
        if self.analog_inner is not None:
            setattr(digital, self.analog_inner, values[self.analog_inner])
        return digital

    def _set(self, attribute: str, value: Any) -> None:
        setattr(self, attribute, _variable(getattr(self, attribute, None), value, nnx.Param))


def nnx_analog(layer: nnx.Module, parts: dict[str, Any], fields: dict[str, dict[str, str]], inner: str = "") -> Any:
    """An analog layer of NNX from a digital one.

    **Arguments:** `layer`; `parts`, its analog layers by name, in the order in which they act; `fields`, for each part
    its `weight` (and `bias`) and their name in the layer; `inner`, a submodule whose output is added.
    """
    values = {name: value for name, value in vars(layer).items() if not name.startswith("_pytree")}
    blank = nnx.clone(layer, variables=False)
    for name, value in values.items():
        if isinstance(value, (nnx.Variable, nnx.Module)):
            setattr(blank, name, nnx.data(None))
    kinds = tuple((name, type(value)) for name, value in values.items() if isinstance(value, nnx.Variable))
    slots = tuple((part, tuple(names.items())) for part, names in fields.items())
    has_inner = inner and values.get(inner) is not None
    return NnxAnalog(values, parts, slots, inner if has_inner else None, (nnx.graphdef(blank), kinds))


@map_layers.register
def _(model: nnx.Module, f: Callable[[str, Any], Any], is_layer: Callable[[Any], bool]) -> Any:
    sealed = set(_opaque(model))

    def one(path: tuple[Any, ...], node: Any) -> Any:
        here = "/".join(map(str, path))
        if any(path[:n] in sealed for n in range(len(path))):
            return node
        if isinstance(node, NnxAnalog):
            return _map_parts(node, lambda part, layer: f(f"{here}/{part}".strip("/"), layer), is_layer)
        return f(here, node) if isinstance(node, nnx.Module) and is_layer(node) else node

    return nnx.recursive_map(one, model)


def _opaque(model: nnx.Module) -> dict[tuple[Any, ...], nnx.Module]:
    """The layers that make the weights of those in them, by path."""
    found: dict[tuple[Any, ...], nnx.Module] = {}

    def note(path: tuple[Any, ...], node: Any) -> Any:
        if isinstance(node, nnx.Module) and is_opaque(node):
            found[path] = node
        return node

    nnx.recursive_map(note, model)
    return found


def _map_parts(node: NnxAnalog, f: Callable[[str, Any], Any], is_layer: Callable[[Any], bool]) -> Any:
    parts = node.parts()
    mapped = {name: f(name, part) if is_layer(part) else part for name, part in parts.items()}
    same = all(mapped[name] is part for name, part in parts.items())
    return node if same else node.with_parts(mapped)


def _value(variable: Any) -> Any:
    return variable.get_value() if isinstance(variable, nnx.Variable) else variable


def _variable(old: Any, value: Any, kind: type) -> Any:
    if value is None:
        return nnx.data(None)
    if isinstance(old, nnx.Variable):  # the same object where nothing changed: what was tied stays tied
        return old if old.get_value() is value else old.replace(value)
    return kind(jnp.asarray(value))


@holders.register
def _(model: nnx.Module) -> Iterator[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    sealed = _opaque(model)

    def note(path: tuple[Any, ...], node: Any) -> Any:
        here = "/".join(map(str, path))
        if any(path[:n] in sealed for n in range(len(path))):
            return node
        if path in sealed:
            inside = nnx.to_flat_state(nnx.state(node, nnx.Param))
            found.append((here, Loose(node, {"/".join(map(str, at)): _value(value) for at, value in inside})))
        elif isinstance(node, NnxAnalog):
            found.extend((f"{here}/{part}".strip("/"), layer) for part, layer in node.parts().items())
        elif isinstance(node, nnx.Module):
            own = {name: _value(value) for name, value in vars(node).items() if isinstance(value, nnx.Param)}
            if own:
                found.append((here, Loose(node, own)))
        return node

    nnx.recursive_map(note, model)
    yield from found
