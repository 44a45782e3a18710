"""One directory per run, written whole or not at all."""

import contextlib
import importlib.metadata
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax


# What marks a directory as one of ours, so that `--overwrite` can never delete anything else.
_MARK = "summary.json"


class RunDirectoryError(ValueError):
    """Why a run cannot be written where it was asked to be, in one line."""


def check_target(out: Path, *, overwrite: bool) -> None:
    """Raises `RunDirectoryError` if a run cannot be written to `out`; called before any work is done."""
    if out.exists() and not overwrite:
        raise RunDirectoryError(f"{out} exists already; choose another --out, or replace it with --overwrite")
    if out.exists() and not (out / _MARK).is_file():
        raise RunDirectoryError(f"{out} is not a finished run (it has no {_MARK}), so --overwrite will not replace it")
    parent = out.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirectoryError(f"cannot make {parent}: {error.strerror}") from None
    if not os.access(parent, os.W_OK):
        raise RunDirectoryError(f"cannot write to {parent}; choose another --out")


@contextlib.contextmanager
def new_run(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A staging directory beside `out` that becomes `out` when the block ends well and disappears when it does not.

    With `overwrite` the old run is moved aside first and deleted last: at any moment one whole run is there.
    """
    check_target(out, overwrite=overwrite)
    out = out.absolute()
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    staging.chmod(0o755)
    try:
        yield staging
        old = staging.with_suffix(".old")
        if out.exists():
            check_target(out, overwrite=overwrite)
            out.rename(old)
        staging.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise RunDirectoryError(f"cannot write the run to {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as readable JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def versions() -> dict[str, Any]:
    """What the numbers depend on besides config and seed: package versions, Python, platform, devices."""
    packages = ("aimcjax", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn", "orbax-checkpoint")
    return {
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": [device.device_kind for device in jax.devices()],
    }
