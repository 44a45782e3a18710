"""A finished run, as its directory tells it, or one line that says why it cannot be read."""

import contextlib
import dataclasses
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import sweeps
from ..components import read_yaml, shorten
from ..units import UNITS


_NUMBER = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)? ?(\S+)")


@dataclasses.dataclass(frozen=True)
class SavedRun:
    """What a run left in `folder`: its resolved `config` as a tree and as `yaml`, `versions`, `summary`, `report` (the
    text of `report.md`) and `data`, every value that was measured, if there are any; `label` names it among others."""

    folder: Path
    label: str
    config: dict[str, Any]
    yaml: str
    versions: dict[str, Any]
    summary: dict[str, Any]
    report: str
    data: xr.Dataset | None

    @property
    def name(self) -> str:
        """As the config has it."""
        return str(self.config.get("name", self.folder.name))

    @property
    def study(self) -> str:
        """`score_over_time` (the main job), `sweep`, `train`, or what the config names."""
        if (self.folder / "results.zarr").is_dir():
            return "sweep"
        if "study" in self.config:
            return str(self.config["study"])
        return "score_over_time" if "roads" in self.summary else "train"

    @property
    def n_chips(self) -> Any:
        """How many chips were measured: fewer than the config allows where the intervals were narrow before. `None`
        where there are none."""
        if self.data is not None and "chip" in self.data.sizes:
            return self.data.sizes["chip"]
        return section(self.config, "sweep").get("n_chips")

    def opening(self) -> str:
        """What the report says before its first section."""
        return _parts(self.report).get("", "")

    def sections(self) -> dict[str, str]:
        """Parts of the report by their headings of the second rank, in order; without its setup and config."""
        return {title: text for title, text in _parts(self.report).items() if title not in ("", "Setup")}


def read_runs(folders: Sequence[Path]) -> list[SavedRun]:
    """The runs in `folders`, their labels told apart.

    **Raises:** `ValueError` of one line for a directory that is not there, is no run, is not finished or cannot be
    read.
    """
    if not folders:
        raise ValueError("there is no run to read; give the directory of one")
    runs = [_read_run(Path(folder)) for folder in folders]
    labels = [run.name for run in runs]
    if len(set(labels)) < len(labels):
        labels = [run.folder.name for run in runs]
    if len(set(labels)) < len(labels):
        labels = [str(run.folder) for run in runs]
    if len(set(labels)) < len(labels):
        raise ValueError(f"the run {next(x for x in labels if labels.count(x) > 1)} is there twice; give it once")
    return [dataclasses.replace(run, label=label) for run, label in zip(runs, labels, strict=True)]


def at_path(config: Any, path: str) -> Any:
    """The value at a dotted `path`, such as `tile.adc.bits` or `sweep.times.0`.

    **Raises:** `KeyError` where there is none.
    """
    for part in path.split("."):
        if isinstance(config, Mapping) and part in config:
            config = config[part]
        elif isinstance(config, (list, tuple)) and part.isdigit() and int(part) < len(config):
            config = config[int(part)]
        else:
            raise KeyError(path)
    return config


def section(tree: Any, key: str) -> Mapping[str, Any]:
    """The mapping at `key`, empty where there is none."""
    found = tree.get(key) if isinstance(tree, Mapping) else None
    return found if isinstance(found, Mapping) else {}


@contextlib.contextmanager
def reading(run: SavedRun) -> Iterator[None]:
    """Turns what content of another form raises into one line about the run."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ZeroDivisionError) as error:
        why = f"{type(error).__name__} {error}"
        raise ValueError(f"the run {run.folder} is damaged, or was written by another version: {why}") from None


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Values of a config by dotted path; lists of plain values are one value."""
    if isinstance(tree, Mapping) and tree:
        return {key: value for name, part in tree.items() for key, value in flat(part, f"{path}.{name}").items()}
    if isinstance(tree, (list, tuple)) and any(isinstance(item, (Mapping, list, tuple)) for item in tree):
        return {key: value for i, part in enumerate(tree) for key, value in flat(part, f"{path}.{i}").items()}
    return {path.lstrip("."): tree}


def unit_of(value: Any) -> str:
    """The SI unit of a quantity as configs write it, `25 uS`; `1` for anything else."""
    if isinstance(value, Mapping):
        return unit_of(value.get("value"))
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    return next((unit for unit, spellings in UNITS.items() if match and match[1] in spellings), "1")


def _parts(text: str) -> dict[str, str]:
    """Texts by heading; what stands in fences is no heading."""
    parts: dict[str, list[str]] = {"": []}
    title, fenced = "", False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            title = line[3:].strip()
            parts[title] = []
        elif not (line.startswith("# ") and not fenced):
            parts[title].append(line)
    return {name: "\n".join(lines).strip() for name, lines in parts.items()}


def _read_run(folder: Path) -> SavedRun:
    try:
        there, is_folder = folder.exists(), folder.is_dir()
    except OSError as error:
        raise ValueError(f"cannot read the run {shorten(str(folder))}: {error.strerror}") from None
    if not there:
        raise ValueError(f"there is no run {folder}; give the directory that `aimcjax run` or `sweep` wrote")
    if not is_folder:
        raise ValueError(f"{folder} is a file; give the directory of a run")
    if not (folder / "config.yaml").is_file():
        raise ValueError(f"{folder} is not a run: it has no config.yaml")
    for name in ("summary.json", "versions.json"):
        if not (folder / name).is_file():
            raise ValueError(f"the run {folder} is not finished (it has no {name}); let the command that makes it end")
    config = read_yaml(folder / "config.yaml", what="config")
    if not isinstance(config, dict):
        raise ValueError(f"{folder / 'config.yaml'} must hold a mapping of sections, got {shorten(config)}")
    report, summary, data = folder / "report.md", _read_json(folder / "summary.json"), _read_data(folder)
    if data is None and "roads" in summary:
        raise ValueError(f"the run {folder} is damaged: results.nc is not there; make the run again")
    return SavedRun(
        folder=folder,
        label=folder.name,
        config=config,
        yaml=(folder / "config.yaml").read_text(encoding="utf-8"),
        versions=_read_json(folder / "versions.json"),
        summary=summary,
        report=_read_text(report) if report.is_file() else "",
        data=data,
    )


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is damaged: it is no text in UTF-8; make the run again") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}; make the run again") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged: expected a JSON object, got {shorten(found)}; make the run again")
    return found


def _read_data(folder: Path) -> xr.Dataset | None:
    netcdf, store = folder / "results.nc", folder / "results.zarr"
    if store.is_dir():
        return _read_store(store)
    if not netcdf.exists():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats, about which a reader can do nothing
            with xr.open_dataset(netcdf, engine="netcdf4") as data:
                return data.load()
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, ImportError) as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{netcdf} is damaged: {why}; make the run again") from None


def _read_store(store: Path) -> xr.Dataset:
    """All chips that were used, at points that are one dimension whatever their design."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        try:
            data = sweeps.load(store, unstack=False)
        except sweeps.StoreError:
            data = None
        holes = data is None or any(bool(values.isnull().any()) for values in data.values())
        if data is None or (holes and not sweeps.is_whole(store)):
            raise ValueError(f"{store} is damaged; run the same command again: only what is damaged is computed again")
    return _with_plain_words(data)


def _with_plain_words(data: xr.Dataset) -> xr.Dataset:
    """Strings of variable length, which zarr reads, as NumPy casts and compares them."""
    words = {name: coord for name, coord in data.coords.items() if coord.dtype.kind == "T"}
    return data.assign_coords({n: (c.dims, np.asarray(c.values.tolist()), c.attrs) for n, c in words.items()})
