"""Arguments and options that several commands have, in the same words."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from .. import reports
from ..components import read_yaml


_FOLDERS = (".", "configs")


def check_file(path: Path, option: str, *suffixes: str, overwrite: bool) -> None:
    """Before any work: raises `ValueError` unless a file with one of `suffixes` (any, if there are none) can be at the
    `path` that `option` was given; one that is there is replaced with `overwrite` alone."""
    folder = path.resolve().parent
    if (suffixes and path.suffix not in suffixes) or path.is_dir() or not folder.is_dir():
        kinds = " or ".join(filter(None, (", ".join(suffixes[:-1]), *suffixes[-1:])))
        what = f"a {kinds} file" if kinds else "a file"
        raise ValueError(f"{option} takes the name of {what} in a folder that is there, got {path}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise ValueError(f"{option}: {path} cannot be written; choose another place")
    if path.is_file() and not overwrite:
        raise ValueError(f"{path} exists already; choose another {option}, or replace it with --overwrite")


def _config_files(incomplete: str) -> Iterator[str]:
    """Completion: YAML files, and folders on the way to them."""
    parent = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    folders = [parent] if "/" in incomplete else [Path(folder) for folder in _FOLDERS]
    for folder in folders:
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            name = f"{path}/" if path.is_dir() else str(path)
            if name.startswith(incomplete) and (path.is_dir() or path.suffix in (".yaml", ".yml")):
                yield name


def _key_paths(context: typer.Context, incomplete: str) -> Iterator[str]:
    """Completion: paths of the keys in the config that was named before."""
    try:
        tree = read_yaml(Path(context.params.get("config") or ""), what="config")
    except ValueError:
        return
    yield from (f"{path}=" for path in _paths(tree, "") if path.startswith(incomplete))


def _paths(node: object, prefix: str) -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else ():
        yield f"{prefix}{key}"
        yield from _paths(value, f"{prefix}{key}.")


ConfigFile = Annotated[
    Path,
    typer.Argument(help="A YAML config; `configs/` has examples.", metavar="CONFIG", autocompletion=_config_files),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Changes to the config, by path.", metavar="[KEY.PATH=VALUE ...]", autocompletion=_key_paths),
]
Runs = Annotated[list[Path], typer.Argument(help="Directories of finished runs.", metavar="RUN [RUN ...]")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
Source = Annotated[
    Path | None, typer.Option("--from", help="A run, or what `train` wrote: use its networks.", metavar="RUN")
]
Track = Annotated[
    str | None,
    typer.Option(
        "--track", help=f"Losses and scores as they come, to one of {', '.join(reports.TRACKERS)}.", metavar="NAME",
        autocompletion=lambda: list(reports.TRACKERS),
    ),
]  # fmt: skip
Print = Annotated[bool, typer.Option("--print", help="Print the resolved config and stop.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
