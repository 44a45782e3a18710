"""What goes to standard output: configs, JSON, or nothing."""

import json
import math
import sys
from pathlib import Path
from typing import Any

from rich.console import Console


_FILE_WIDTH = 200  # columns of a table that goes to no terminal


def console() -> Console:
    """Standard output for tables: as wide as the terminal, or wide enough for all columns where there is none."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_FILE_WIDTH)


def print_config(config: Any) -> None:
    """The resolved config as YAML."""
    sys.stdout.write(config.to_yaml())


def print_json(tree: Any) -> None:
    """`as_text` on standard output."""
    sys.stdout.write(as_text(tree))


def as_text(tree: Any) -> str:
    """One JSON document; numbers that JSON does not have are `null`."""
    return json.dumps(_plain(tree), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def print_summary(target: Path) -> None:
    """The summary of a finished run as JSON, and where the run is."""
    print_json({"out": str(target), **json.loads((target / "summary.json").read_text(encoding="utf-8"))})


def _plain(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {str(key): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    if hasattr(tree, "tolist"):  # arrays and their numbers
        return _plain(tree.tolist())
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else None
    return tree if tree is None or isinstance(tree, bool | int | str) else str(tree)
