"""From a YAML file and overrides to a config, or to one line that says what is wrong."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ._schema import Config, MlpConfig, VitConfig


class ConfigError(ValueError):
    """What is wrong with a config, in one line."""


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Reads a YAML config, applies `key.path=value` overrides (values are YAML) and validates.

    **Raises:** `ConfigError` with one line: where, what was expected, what was given.
    """
    tree = _read_yaml(Path(path))
    for override in overrides:
        _apply_override(tree, override)
    try:
        return Config(**tree)
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    except TypeError as error:  # keys that are no identifiers
        raise ConfigError(f"{path}: {error}") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no config file {path}; see configs/ for examples") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a directory; give a YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"{path} is not readable YAML: {problem}") from None
    if not isinstance(tree, dict) or not all(isinstance(key, str) for key in tree):
        raise ConfigError(f"{path} must hold a mapping of sections (model:, tile:, ...), got {type(tree).__name__}")
    return tree


def _apply_override(tree: dict[str, Any], override: str) -> None:
    path, separator, text = override.partition("=")
    if not separator or not path:
        raise ConfigError(f"an override is key.path=value, got {override!r}")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"override {override!r}: the value is not readable YAML") from None
    *parents, last = path.split(".")
    node: Any = tree
    for depth, part in enumerate(parents):
        if isinstance(node, list):
            node = node[_index(node, part, override)]
        else:
            node = node.setdefault(part, {})
        if not isinstance(node, (dict, list)):
            raise ConfigError(f"override {override!r}: {'.'.join(parents[: depth + 1])} is the value {node!r}, not a section")
    if isinstance(node, list):
        node[_index(node, last, override)] = value
    else:
        node[last] = value


def _index(items: list[Any], part: str, override: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise ConfigError(f"override {override!r}: {part!r} is no position in a list of {len(items)} (they count from 0)")
    return int(part)


def _one_line(error: ValidationError) -> str:
    first, *others = error.errors()
    where = ".".join(str(part) for part in first["loc"] if part not in ("vit", "mlp")) or "config"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"unknown key{_did_you_mean(first['loc'])}"
    elif first["type"] == "missing":
        message = "this key is required"
    elif first["type"] != "value_error":
        message = f"{message}, got {_shorten(first['input'])}"
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}: {' '.join(message.split())}{more}"


def _did_you_mean(loc: tuple[Any, ...]) -> str:
    section: Any = Config
    for part in loc[:-1]:
        if part in ("vit", "mlp"):
            section = {"vit": VitConfig, "mlp": MlpConfig}[part]
        elif part in section.model_fields and hasattr(section.model_fields[part].annotation, "model_fields"):
            section = section.model_fields[part].annotation
    close = difflib.get_close_matches(str(loc[-1]), section.model_fields, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(section.model_fields)}"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
