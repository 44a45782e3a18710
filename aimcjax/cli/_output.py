"""What goes to standard output: configs, JSON, or nothing."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from ..components import json_text


_FILE_WIDTH = 200  # columns of a table that goes to no terminal


def console() -> Console:
    """Standard output for tables: as wide as the terminal, or wide enough for all columns where there is none."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_FILE_WIDTH)


def print_config(config: Any) -> None:
    """The resolved config as YAML."""
    sys.stdout.write(config.to_yaml())


def print_json(tree: Any) -> None:
    """`tree` as JSON."""
    sys.stdout.write(json_text(tree))


def print_summary(target: Path) -> None:
    """The summary of a finished run as JSON, and where the run is."""
    print_json({"out": str(target), **json.loads((target / "summary.json").read_text(encoding="utf-8"))})
