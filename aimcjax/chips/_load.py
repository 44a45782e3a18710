"""Chips from text and back: `{type: chip, ...}` with units, where a value may say its source, `{value, source}`.

Files hold the same tree; those of this package are in `named/`.
"""

import dataclasses
import functools as ft
import importlib.resources
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from .. import devices, mapping, periphery, tiles
from ..components import Registry, Role, read_yaml, shorten, suggest
from ..units import UNITS, format_quantity
from ._description import Chip
from ._parts import AbstractLinks, Buffer, Bus, Core, DigitalUnits, Dram, Mesh
from ._technology import Technology


_FILES = importlib.resources.files(__package__ or "aimcjax.chips") / "named"
NAMES = tuple(sorted(file.name.removesuffix(".yaml") for file in _FILES.iterdir() if file.name.endswith(".yaml")))
_PAIR = {"value", "source"}

ROLES: dict[type, Role] = {
    Chip: Role("a chip", {"chip": Chip, **{name: ft.partial(lambda name: load(name), name) for name in NAMES}}),
    Core: Role("what tiles take", {"core": Core}),
    DigitalUnits: Role("digital units", {"digital_units": DigitalUnits}),
    AbstractLinks: Role("links between tiles", {"mesh": Mesh, "bus": Bus}),
    Buffer: Role("a buffer", {"buffer": Buffer}),
    Dram: Role("a DRAM", {"dram": Dram}),
    Technology: Role("a technology", {"technology": Technology}),
}
REGISTRY = Registry({**devices.ROLES, **periphery.ROLES, **tiles.ROLES, **mapping.ROLES, **ROLES})
_ONLY = {Core, DigitalUnits, Buffer, Dram, Technology}  # one type each, which a file need not name


def load(name: str | Path) -> Chip:
    """The chip published under `name` (one of `NAMES`), or described in the YAML file at that path.

    **Raises:** `ValueError` of one line: no such name or file, unknown keys, units or sizes, sizes that contradict.
    """
    if Path(name).suffix in (".yaml", ".yml", ".json"):
        return _read(Path(name))
    if str(name) not in NAMES:
        raise ValueError(f"unknown chip {str(name)!r}; {suggest(str(name), NAMES, always_list=True)}")
    with importlib.resources.as_file(_FILES / f"{name}.yaml") as path:
        return _read(path)


def build_chip(tree: Any) -> Chip:
    """A chip from its config `tree`: `{type: chip, ...}`, the name of a chip, `{type: name, ...}` to change one, or a
    path.

    **Raises:** `ValueError` of one line.
    """
    if isinstance(tree, Chip):
        return tree
    if isinstance(tree, (str, Path)):
        return load(tree)
    if not isinstance(tree, dict):
        raise ValueError(f"expected the name of a chip, a file, or {{type: chip, ...}}, got {shorten(tree)}")
    sources: dict[str, str] = {}
    plain = _without_sources({"type": "chip", **tree}, "", sources)
    chip = REGISTRY.build(_typed(plain), Chip)
    return dataclasses.replace(chip, sources=tuple({**dict(chip.sources), **sources}.items()))


def describe_chip(chip: Chip) -> dict[str, Any]:
    """The config of a chip, every number written out, with its source where it is not the default one."""
    tree = REGISTRY.describe(dataclasses.replace(chip, sources=()))
    del tree["sources"]
    for path, source in chip.sources:
        *parents, last = path.split("/")
        node = ft.reduce(lambda node, part: node.get(part, {}), parents, tree)
        if last in node and not isinstance(node[last], dict):
            node[last] = {"value": node[last], "source": source}
    return _with_lists(tree)


def constants(chip: Chip) -> list[tuple[str, str, str]]:
    """Every number of a chip but those of its tile's design: `(path, value with unit, source)`."""
    return list(_constants(chip, "", dict(chip.sources)))


def _read(path: Path) -> Chip:
    tree = read_yaml(path, what="chip file")
    try:
        if not isinstance(tree, dict):
            raise ValueError(f"expected a mapping with grid:, tile:, ..., got {shorten(tree)}")
        return build_chip({"name": path.stem, **tree})
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _without_sources(tree: Any, path: str, sources: dict[str, str]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if set(tree) == _PAIR:
        if not isinstance(tree["source"], str) or len(tree["source"]) < 3:
            raise ValueError(f"{path}: a source is who measured it, or 'assumed', got {shorten(tree['source'])}")
        sources[path] = tree["source"]
        return tree["value"]
    if "value" in tree and "type" not in tree and path:
        extra = sorted(str(key) for key in set(tree) ^ _PAIR)
        raise ValueError(f"{path}: expected {{value: ..., source: ...}}, got {shorten(tree)} ({', '.join(extra)})")
    return {key: _without_sources(value, f"{path}/{key}".strip("/"), sources) for key, value in tree.items()}


def _typed(tree: dict[str, Any]) -> dict[str, Any]:
    """Parts that can be of one type only need not say it."""
    names = {field.name: field.type for field in dataclasses.fields(Chip)}
    known = tree["type"] != "chip"  # changes of a named chip are completed from it
    typed = dict(tree)
    for key, value in tree.items():
        kind = names.get(key)
        if isinstance(kind, type) and kind in _ONLY and isinstance(value, dict) and "type" not in value and not known:
            typed[key] = {"type": next(iter(ROLES[kind].types)), **value}
    return typed


def _with_lists(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _with_lists(value) for key, value in tree.items()}
    return list(tree) if isinstance(tree, tuple) else tree


def _constants(part: Any, path: str, sources: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for field in dataclasses.fields(part):
        value, here = getattr(part, field.name), f"{path}/{field.name}".strip("/")
        if here == "tile":
            continue
        if isinstance(value, eqx.Module):
            yield from _constants(value, here, sources)
        elif "unit" in field.metadata:
            number = np.asarray(value)[()]
            default = np.asarray(field.default, number.dtype)[()]
            source = sources.get(here) or (field.metadata["doc"] if number == default else "as given in the config")
            yield here, _spelled(number, field.metadata["unit"]), source


def _spelled(number: Any, unit: str) -> str:
    number = np.float64(f"{float(number):.6g}")
    return format_quantity(number, unit) if unit in UNITS and unit != "1" else f"{number:g}"
