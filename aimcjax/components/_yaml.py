"""YAML text to plain trees, or one line that says why not."""

from pathlib import Path
from typing import Any

import yaml

from ._values import shorten


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, but a key that is written twice is an error instead of the last one."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise ValueError(f"the key {shorten(twice[0])} is there twice{str(node.start_mark).rstrip()}")
        return super().construct_mapping(node, deep)


_MERGE = "tag:yaml.org,2002:merge"


def parse_yaml(text: str, source: str) -> Any:
    """The tree in `text`. **Raises:** `ValueError` of one line that begins with `source`."""
    try:
        return yaml.load(text, _UniqueKeyLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{source} is not readable YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError(f"{source} is not readable YAML: it is nested too deeply") from None


def read_yaml(path: Path, *, what: str, hint: str = "") -> Any:
    """The tree in the file at `path` (JSON is YAML). **Raises:** `ValueError` of one line; `what` says what the file
    should be, `hint` what helps if it is not there."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"no {what} {path}{hint}") from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a directory; give a YAML file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8; give a YAML file") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    tree = parse_yaml(text, str(path))
    if tree is None:
        raise ValueError(f"{path} is empty{hint}")
    return tree
