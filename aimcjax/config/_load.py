"""From a YAML file and overrides to a config, or to one line that says what is wrong."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from ..components import parse_yaml, read_yaml, shorten, suggest
from ._codesign import CodesignConfig
from ._data import DATA
from ._economics import EconomicsConfig
from ._in_memory import STUDIES as IN_MEMORY
from ._models import MODELS
from ._schema import Config
from ._service import ServiceConfig


MAIN = "score_over_time"
STUDIES: dict[str, Any] = {
    **IN_MEMORY,
    "service": ServiceConfig,
    "economics": EconomicsConfig,
    "codesign": CodesignConfig,
}
_TAGGED: dict[Any, dict[Any, type]] = {"model": MODELS, "data": DATA}


class ConfigError(ValueError):
    """What is wrong with a config, in one line."""


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """`load_study` of the main job, `score_over_time`, with `overrides`.

    **Raises:** `ConfigError` as there, and for the config of another study.
    """
    config = load_study(path, overrides)
    if not isinstance(config, Config):
        raise ConfigError(f"study: expected {MAIN!r}, got {shorten(config.study)}")
    return config


def load_placed(path: Path, overrides: Sequence[str] = ()) -> Config | ServiceConfig:
    """`load_study`, with `overrides`, of a study that puts one model on a chip. **Raises:** `ConfigError` as there, and
    for others."""
    config = load_study(path, overrides)
    if not isinstance(config, Config | ServiceConfig):
        raise ConfigError(f"study: {config.study} puts no one model on a chip; give another config")
    return config


def load_study(path: Path, overrides: Sequence[str] = ()) -> Any:
    """Reads a YAML config, applies `overrides` such as `key.path=value` (values are YAML) and validates it as one of
    the study that its key `study` names, `score_over_time` unless given.

    **Raises:** `ConfigError` with one line: where, what was expected, what was given.
    """
    root: Any = Config
    try:
        tree = _read(Path(path))
        for override in overrides:
            _apply_override(tree, override)
        root = _root(tree)
        return root.model_validate(tree, context={"folder": Path(path).parent})
    except ValidationError as error:
        raise ConfigError(_one_line(error, root)) from None
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _root(tree: dict[Any, Any]) -> Any:
    """The class of the config; takes the name of the main job out, whose config has no such key."""
    name = tree.get("study", MAIN)
    if name == MAIN:
        tree.pop("study", None)
        return Config
    if not isinstance(name, str) or name not in STUDIES:
        known = [MAIN, *STUDIES]
        raise ConfigError(f"study: got {shorten(name)}; {suggest(str(name), known, always_list=True)}")
    return STUDIES[name]


def _read(path: Path) -> dict[str, Any]:
    tree = read_yaml(path, what="config file", hint="; see configs/ for examples")
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} must hold a mapping of sections (model:, tile:, ...), got {shorten(tree)}")
    return tree


def _apply_override(tree: dict[Any, Any], override: str) -> None:
    path, separator, text = override.partition("=")
    if not separator or not path:
        raise ConfigError(f"an override is key.path=value, got {override!r}")
    value = parse_yaml(text, f"the value of override {shorten(override)}")
    *parents, last = path.split(".")
    node: Any = tree
    for depth, part in enumerate(parents):
        node = node[_index(node, part, override)] if isinstance(node, list) else node.setdefault(part, {})
        if not isinstance(node, (dict, list)):
            where = ".".join(parents[: depth + 1])
            raise ConfigError(f"override {shorten(override)}: {where} is the value {shorten(node)}, not a section")
    if isinstance(node, list):
        node[_index(node, last, override)] = value
    else:
        node[last] = value


def _index(items: list[Any], part: str, override: str) -> int:
    if part not in map(str, range(len(items))):
        what = f"{shorten(part)} is no position in a list of {len(items)} (they count from 0)"
        raise ConfigError(f"override {shorten(override)}: {what}")
    return int(part)


def _one_line(error: ValidationError, root: Any) -> str:
    first, *others = error.errors()
    where = ".".join(_word(part) for part in _without_tag(first["loc"])) or "config"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key{_did_you_mean(first['loc'], root)}"
    elif first["type"] in ("model_type", "model_attributes_type", "dict_type"):
        message = f"expected a section of keys and values, got {shorten(first['input'])}"
    elif first["type"] == "union_tag_invalid":
        tag = str(first.get("ctx", {}).get("tag"))
        where, message = (
            f"{where}.type",
            f"got {shorten(tag)}; {suggest(tag, _TAGGED[first['loc'][0]], always_list=True)}",
        )
    elif first["type"] == "too_short":
        message = f"expected at least one entry, got {shorten(first['input'])}"
    elif first["type"] == "missing":
        message = "this key is required"
    elif first["type"] != "value_error":
        message = f"{message}, got {shorten(first['input'])}"
    elsewhere = [other for other in others if not _same_place(first["loc"], other["loc"])]  # one mistake, two checks
    more = f" (and {len(elsewhere)} more)" if elsewhere else ""
    return f"{where}: {textwrap.shorten(message, 400, placeholder=' ...')}{more}"


def _same_place(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def _without_tag(loc: tuple[Any, ...]) -> tuple[Any, ...]:
    return loc[:1] + loc[2:] if loc and loc[0] in _TAGGED else loc  # after `model` comes which of the models


def _word(part: Any) -> str:
    plain = len(str(part)) <= 60 and (isinstance(part, int) or str(part).isidentifier())
    return str(part) if plain else shorten(part)


def _did_you_mean(loc: tuple[Any, ...], root: Any) -> str:
    section: Any = _TAGGED[loc[0]][loc[1]] if loc[0] in _TAGGED and loc[1] in _TAGGED[loc[0]] else root
    for part in _without_tag(loc)[:-1]:
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        options = [option for option in (annotation, *get_args(annotation)) if hasattr(option, "model_fields")]
        section = options[0] if options else section
    return f"; {suggest(str(loc[-1]), section.model_fields)}"


def vary(config: Config, point: Mapping[str, Any]) -> Config:
    """`config` with the values of a `point` of a sweep, `{path: value as a config writes it}`.

    **Raises:** `ConfigError` with one line for paths and values that a config does not take.
    """
    tree = config.model_dump(mode="json")
    for path, value in point.items():
        *parents, last = path.split(".")
        node: Any = tree
        for part in parents:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            where = ".".join(parents)
            raise ConfigError(f"sweep.axes: {path}: this config has no section {where}; --print shows what it has")
        node[last] = value
    try:
        return type(config).model_validate(tree)
    except ValidationError as error:
        told = ", ".join(f"{path}={shorten(value)}" for path, value in point.items())
        raise ConfigError(f"sweep.axes: with {told}: {_one_line(error, type(config))}") from None
