"""One directory per run: `NAME.partial` while it is unfinished, renamed to `NAME` when it is whole."""

import contextlib
import errno
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from ...components import json_text, parse_yaml
from ._lock import Lock, LockedError


# What marks a directory as one of ours, so that `--overwrite` can never delete anything else.
_MARKS = ("summary.json", "config.yaml", "versions.json", "results.nc")
_LOCK, _CONFIG, _VERSIONS, _TRAINING = "lock", "config.yaml", "versions.json", "training"
_SCAFFOLD = (_TRAINING, "scores")  # of no use once the run is whole
_AT_FIRST = {_LOCK, _CONFIG, _VERSIONS}  # there before any work is done


class RunDirectoryError(ValueError):
    """Why a run cannot be written where it was asked to be, in one line."""


def check_target(out: Path, *, overwrite: bool, marks: Sequence[str] = _MARKS) -> None:
    """Raises `RunDirectoryError` if a run cannot be written to `out` (`overwrite` what is there or not); called before
    any work is done. `marks` are the files without which it is nothing of ours, and not replaced."""
    try:
        target = out.resolve()
        if target.exists() and not overwrite:
            raise RunDirectoryError(f"{out} exists already; choose another --out, or replace it with --overwrite")
        missing = [name for name in marks if not (target / name).is_file()]
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
def new_run(
    out: Path,
    config_yaml: str | None = None,
    *,
    overwrite: bool,
    marks: Sequence[str] = _MARKS,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[Path]:
    """The directory `OUT.partial`, beside `out`, that becomes `out` when the block ends well.

    With the `config_yaml` of the run in it from the start, what the block leaves there when it is interrupted stays,
    and the next call with the same config finds it. Without one, and whenever nothing worth keeping was done,
    it disappears. No two processes can be in it at once. With `overwrite` the old run is there until the new one
    is whole.

    **Arguments:** `out`; `config_yaml`, which must not have changed if work is to go on; `overwrite`, replace an
    earlier run, and an unfinished one of another config; `marks`, as of `check_target`; `tell(line)`, if there is
    something to go on from.

    **Raises:** `RunDirectoryError`, one line: the target exists, the config is another, somebody else is at work, or
    the disk says no.
    """
    _recover(out)
    check_target(out, overwrite=overwrite, marks=marks)
    target = out.resolve()
    made = [folder for folder in target.parents if not folder.exists()]
    staging, lock, keep = target.with_name(f"{target.name}.partial"), None, True
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = _enter(staging, config_yaml, overwrite=overwrite, shown=out.with_name(staging.name))
        _begin(staging, config_yaml, tell)
        yield staging
        if not lock.held():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(staging))
        _publish(staging, target, overwrite=overwrite, marks=marks)
    except BaseException as error:
        keep = config_yaml is not None and _worth_keeping(staging, error)
        if isinstance(error, OSError):
            lost = lock is not None and not lock.held()
            raise RunDirectoryError(_no_write(out, staging, error, keep=keep, lost=lost)) from None
        raise
    finally:
        if lock is not None:
            if not keep and lock.held():
                shutil.rmtree(staging, ignore_errors=True)
            lock.release()
        for folder in made:
            with contextlib.suppress(OSError):  # it holds the run
                folder.rmdir()


def reopen(out: Path) -> None:
    """Makes of a finished run an unfinished one, in which `new_run` with its config goes on.

    **Raises:** `RunDirectoryError`, if there is an unfinished one beside it, or the disk says no.
    """
    target = out.resolve()
    staging = target.with_name(f"{target.name}.partial")
    if staging.exists():
        raise RunDirectoryError(f"{out} is damaged, and {staging.name} beside it in the way of mending it; remove one")
    try:
        target.rename(staging)
    except OSError as error:
        raise RunDirectoryError(f"cannot mend the run {out}: {error.strerror or error}") from None


def _no_write(out: Path, staging: Path, error: OSError, *, keep: bool, lost: bool) -> str:
    if lost:
        return f"cannot write the run to {out}: {staging.name} disappeared while it was in use; run the command again"
    hint = f"what is finished is kept in {staging.name}: the same command goes on" if keep else "choose another --out"
    return f"cannot write the run to {out}: {error.strerror or error}; {hint}"


def _enter(staging: Path, config_yaml: str | None, *, overwrite: bool, shown: Path) -> Lock:
    """The lock of `staging`, made if it is not there, and found to be of the same config if it is."""
    try:
        if (
            staging.is_dir()
            and os.listdir(staging)
            and not any((staging / name).is_file() for name in (_LOCK, _CONFIG))
        ):
            raise RunDirectoryError(f"{shown} is in the way and no unfinished run; remove it or choose another --out")
        staging.mkdir(exist_ok=True)
        lock = Lock(staging / _LOCK)
    except LockedError as error:
        raise RunDirectoryError(f"{shown} is in use by {error}; wait for it or choose another --out") from None
    found = staging / _CONFIG
    differing = _first_difference(staging, config_yaml) if found.is_file() else None
    if differing is not None and not overwrite:
        lock.release()
        raise RunDirectoryError(
            f"{shown} is unfinished with another config ({differing} differs); go on with the config in it, "
            "choose another --out, or begin anew with --overwrite"
        )
    if differing is not None or not found.is_file():
        _clear(staging)
    return lock


def _begin(staging: Path, config_yaml: str | None, tell: Callable[[str], None]) -> None:
    if config_yaml is None:
        return
    if (staging / _CONFIG).is_file():
        work = _work(staging)
        tell(f"goes on in {staging}: {', '.join(work) or 'nothing is finished yet'}")
        before = json.loads((staging / _VERSIONS).read_text()) if (staging / _VERSIONS).is_file() else {}
        changed = [name for name, value in versions().items() if before.get(name, value) != value]
        if changed and work:
            tell(f"{staging} was begun with other {', '.join(changed)}: numbers may differ")
        return
    write_json(staging / _VERSIONS, versions())
    write_text(staging / _CONFIG, config_yaml)


def _work(staging: Path) -> list[str]:
    """What is there of an unfinished run, as a person reads it."""
    networks = sorted(path.name for path in (staging / "checkpoint").glob("*") if path.is_dir())
    saves = {path.name: sorted(path.glob("[0-9]*-[0-9]*")) for path in sorted((staging / _TRAINING).glob("*"))}
    trainings = [f"{name} after {int(found[-1].name[:6])} epochs" for name, found in saves.items() if found]
    scores = sorted(path.stem for path in (staging / "scores").glob("*.npz"))
    return [*(f"{name} trained" for name in networks), *trainings, *(f"scores of {name}" for name in scores)]


def _first_difference(staging: Path, config_yaml: str | None) -> str | None:
    """The first key of two configs that differs, `None` if none does."""
    if config_yaml is None:
        return "config"
    before = parse_yaml((staging / _CONFIG).read_text(encoding="utf-8"), str(staging / _CONFIG))
    return first_difference(before, parse_yaml(config_yaml, "config"))


def first_difference(one: Any, other: Any) -> str | None:
    """The path of the first key in which two trees differ, `None` if they are equal."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return None if one == other else ""
    for name in [*other, *(name for name in one if name not in other)]:
        inner = first_difference(one[name], other[name]) if name in one and name in other else ""
        if inner is not None:
            return f"{name}.{inner}" if inner else str(name)
    return None


def _worth_keeping(staging: Path, error: BaseException) -> bool:
    """Whether there is what the same command would otherwise do again. A training that fails by its own numbers, or for
    bad input, would fail again."""
    try:
        work = set(os.listdir(staging)) - _AT_FIRST
        if isinstance(error, (ValueError, FloatingPointError)) and not isinstance(error, RunDirectoryError):
            work -= {_TRAINING}
        return any((staging / name).is_file() or any((staging / name).iterdir()) for name in work)
    except OSError:
        return False


def _clear(staging: Path) -> None:
    for path in staging.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()


def _aside(target: Path) -> Path:
    """Where the old run waits while the new one takes its place."""
    return target.with_name(f".{target.name}.old")


def _recover(out: Path) -> None:
    """Ends what `_publish` began in a process that was killed: there is one whole run at any moment."""
    with contextlib.suppress(OSError, RuntimeError):
        target = out.resolve()
        old = _aside(target)
        if old.is_dir() and not target.exists():
            old.rename(target)
        elif old.is_dir() and all((target / name).is_file() for name in _MARKS):
            shutil.rmtree(old, ignore_errors=True)


def _publish(staging: Path, target: Path, *, overwrite: bool, marks: Sequence[str]) -> None:
    for name in _SCAFFOLD:
        shutil.rmtree(staging / name, ignore_errors=True)
    old = None
    if target.exists():
        check_target(target, overwrite=overwrite, marks=marks)
        old = _aside(target)
        target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        if old is not None:
            old.rename(target)
        raise
    (target / _LOCK).unlink(missing_ok=True)  # not before: nobody else may enter
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes `text`, whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as readable JSON, `null` for numbers that it does not have."""
    write_text(path, json_text(content))


def versions() -> dict[str, Any]:
    """What the numbers depend on besides config and seed: package versions, Python, platform, devices."""
    packages = ("aimcjax", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn", "orbax-checkpoint")
    return {
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "devices": [device.device_kind for device in jax.local_devices()],
    }
