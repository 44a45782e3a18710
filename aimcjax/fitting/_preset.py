"""The preset file of a fit: the device with its source, the range of the data, and how certain it is."""

import contextlib
import importlib.metadata
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ..devices import describe
from ..units import format_quantity
from ._data import unit_of
from ._fit import FitResult
from ._posterior import Posterior


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raises `ValueError` if a preset cannot be written to `path` (`overwrite` what is there or not); called before any
    work is done."""
    if path.suffix not in (".yaml", ".yml"):
        raise ValueError(f"a preset file ends in .yaml, got {path}")
    for file in (path, path.with_suffix(".png"), path.with_suffix(".md")):
        if (file.exists() or file.is_symlink()) and not overwrite:
            raise ValueError(f"{file} exists already; choose another --out, or replace it with --overwrite")
        if file.is_dir():
            raise ValueError(f"{file} is a folder; choose another --out")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"cannot write to {path.parent}; choose another --out")


def preset_tree(result: FitResult, chain: Posterior | None = None) -> dict[str, Any]:
    """What `write_preset` writes, with intervals of a `chain` if there is one: `device`, `source`, `valid` and `fit`,
    as plain numbers and text."""
    data, version = result.data, importlib.metadata.version("aimcjax")
    digest = f", sha256 {data.sha256}" if data.sha256 else ""
    units = {p.name: p.unit for p in result.problem.parameters}
    rows = zip(result.names, result.values, result.standard_errors, result.intervals, strict=True)
    found: dict[str, Any] = {
        "model": result.model,
        "parameters": {
            name: {"value": _float(value), "standard_error": _float(error), "ci95": _floats(ci), "unit": units[name]}
            for name, value, error, ci in rows
        },
        "fixed": {name: _float(value) for name, value in result.problem.constants.items()},
        "correlation": [[float(f"{x:.4f}") for x in row] for row in result.correlation],
        "goodness": {
            "of": result.problem.quantity, "rmse": _float(result.rmse), "r2": _float(result.r2),
            "reduced_chi2": None if result.reduced_chi2 is None else _float(result.reduced_chi2), "n": result.n,
        },
        "noise": None if result.noise is None else _float(result.noise),
    }  # fmt: skip
    found |= dict(result.problem.notes)
    if chain is not None:
        rows = zip(chain.names, chain.mean, chain.std, chain.intervals, strict=True)
        found["posterior"] = {
            "samples": len(chain.samples["noise"]), "r_hat": _float(chain.r_hat), "divergences": chain.divergences,
            "parameters": {n: {"mean": _float(m), "std": _float(s), "ci95": _floats(ci)} for n, m, s, ci in rows},
        }  # fmt: skip
    return {
        "device": describe(result.component),
        "source": f"fit of {data.name}{digest}, by aimcjax {version}",
        "valid": {name: _range(name, column) for name, column in data.columns.items() if name != "cell"},
        "fit": found,
    }


def write_preset(
    result: FitResult,
    path: str | Path,
    *,
    chain: Posterior | None = None,
    overwrite: bool = False,
    beside: Callable[[Path], None] | None = None,
) -> None:
    """Writes the preset file of `result`, whole or not at all.

    **Arguments:** `path`, ending in `.yaml`; `chain`, of `posterior`; `overwrite`, whether to replace a file;
    `beside`, writes what goes with it (a drawing, a report) at the path that it is given, with suffixes of its own.

    **Raises:** `ValueError` where a file is there already, or cannot be written.
    """
    path = Path(path)
    check_target(path, overwrite=overwrite)
    text = yaml.safe_dump(
        preset_tree(result, chain), sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )
    with _staged(path) as staging:
        (staging / path.name).write_text(text, encoding="utf-8")
        if beside is not None:
            beside(staging / path.name)
        # The preset itself comes last: where it is, everything is.
        for file in sorted(staging.iterdir(), key=lambda file: file.name == path.name):
            os.replace(file, path.parent / file.name)


@contextlib.contextmanager
def _staged(path: Path) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.stem[:80]}.", dir=path.parent) as staging:
            yield Path(staging)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}; choose another --out") from None


def _range(name: str, column: np.ndarray) -> list[Any]:
    unit = unit_of(name)
    ends = [_float(column.min()), _float(column.max())]
    return ends if unit == "1" else [format_quantity(end, unit) for end in ends]


def _float(value: Any) -> float:
    return float(f"{float(value):.9g}")


def _floats(values: Any) -> list[float]:
    return [_float(value) for value in values]
