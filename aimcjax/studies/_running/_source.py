"""Networks of an earlier run in the place of trainings."""

import json
from pathlib import Path

from ...components import parse_yaml, read_yaml
from ...config import Config
from ._progress import Progress
from ._run_directory import RunDirectoryError, first_difference, write_json


_MUST_AGREE = ("data", "model", "digital_training", "hwa_training", "adapter", "chip.digital_layers",
               "chip.compensation")  # fmt: skip
_MAY_DIFFER = ("seed", "calibration", "tile")
_FILE = "networks_from.json"


def check_source(config: Config, source: Path, tell: Progress) -> None:
    """Says of what else the networks of the run `source` were trained for.

    **Raises:** `RunDirectoryError` if it has none, or other ones than `config` asks for.
    """
    if not (source / "checkpoint").is_dir():
        raise RunDirectoryError(f"{source} has no trained networks (no folder checkpoint); give the directory of a run")
    earlier = read_yaml(source / "config.yaml", what="config of a run")
    now = parse_yaml(config.to_yaml(), "config")
    for name in _MUST_AGREE:
        differing = first_difference(_at(earlier, name), _at(now, name))
        if differing is not None:
            where = f"{name}.{differing}" if differing else name
            raise RunDirectoryError(f"the networks of {source} are others: {where} differs; train them for this config")
    other = [name for name in _MAY_DIFFER if _at(earlier, name) != _at(now, name)]
    if other:
        tell.note(f"note: the networks of {source} were trained with another {', '.join(other)}")


def note_source(run: Path, source: Path | None) -> None:
    """Writes into the directory of a run where its networks are from.

    **Raises:** `RunDirectoryError` if they are from elsewhere already.
    """
    asked = _named(source)
    if (run / "checkpoint").is_dir():
        before = _noted(run)
        if before != asked:
            raise RunDirectoryError(f"{run} was begun {_option(before)}; go on so, choose another --out, or remove it")
    if asked is not None:
        write_json(run / _FILE, {"run": asked})


def check_noted(run: Path, source: Path | None) -> None:
    """Raises `RunDirectoryError` if a finished `run` has its networks from elsewhere than `source`."""
    before = _noted(run)
    if before != _named(source):
        raise RunDirectoryError(
            f"{run} was computed {_option(before)}; choose another --out, or compute it again with --overwrite"
        )


def _named(source: Path | None) -> str | None:
    return None if source is None else str(source.resolve())


def _noted(run: Path) -> str | None:
    file = run / _FILE
    return json.loads(file.read_text(encoding="utf-8"))["run"] if file.is_file() else None


def _option(source: str | None) -> str:
    return "without --from" if source is None else f"--from {source}"


def _at(tree: dict, name: str) -> object:
    for part in name.split("."):
        tree = tree.get(part, {}) if isinstance(tree, dict) else {}
    return tree
