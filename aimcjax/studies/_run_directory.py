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
_MARKS = ("summary.json", "config.yaml", "versions.json", "results.nc")


class RunDirectoryError(ValueError):
    """Why a run cannot be written where it was asked to be, in one line."""


def check_target(out: Path, *, overwrite: bool) -> None:
    """Raises `RunDirectoryError` if a run cannot be written to `out`; called before any work is done."""
    try:
        target = out.resolve()
        if target.exists() and not overwrite:
            raise RunDirectoryError(f"{out} exists already; choose another --out, or replace it with --overwrite")
        missing = [name for name in _MARKS if not (target / name).is_file()]
        if target.exists() and missing:
            raise RunDirectoryError(
                f"{out} is not a finished run (it has no {missing[0]}), so --overwrite will not replace it"
            )
        parent = next(folder for folder in target.parents if folder.exists())
    except (OSError, RuntimeError) as error:  # no such name, or links in a circle
        raise RunDirectoryError(f"cannot write a run to {out}: {error}; choose another --out") from None
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise RunDirectoryError(f"cannot write to {parent}; choose another --out")


@contextlib.contextmanager
def new_run(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A staging directory beside `out` that becomes `out` when the block ends well and disappears when it does not.

    With `overwrite` the old run is moved aside first and deleted last: at any moment one whole run is there.
    """
    check_target(out, overwrite=overwrite)
    target = out.resolve()
    made = [folder for folder in target.parents if not folder.exists()]
    staging = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent))
        staging.chmod(0o755)
        yield staging
        _publish(staging, target, overwrite=overwrite)
    except OSError as error:
        raise RunDirectoryError(
            f"cannot write the run to {out}: {error.strerror or error}; choose another --out"
        ) from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            with contextlib.suppress(OSError):  # it holds the run
                folder.rmdir()


def _publish(staging: Path, target: Path, *, overwrite: bool) -> None:
    if not target.exists():
        staging.rename(target)
        return
    check_target(target, overwrite=overwrite)
    old = staging.with_suffix(".old")
    target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


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
