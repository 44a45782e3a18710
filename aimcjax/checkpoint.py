"""Saving and loading the arrays of models with Orbax; structure comes from the code and its config.

- `save(path, name=model, ...)`: a new directory, whole or not at all. `add(path, name, model)`: one more beside others.
- `load(path, name, like)`: one of them. `names(path)`: what there is. `checksums(path)`: to find damage.
"""

import contextlib
import errno
import logging
import os
import shutil
import sys
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from orbax.checkpoint import v1 as ocp


Model = TypeVar("Model")


def save(path: Path, **trees: Any) -> None:
    """Writes the arrays of each of `trees`, by name, to a new directory `path`, whole or not at all.

    **Raises:** `FileExistsError` if `path` exists; `OSError` if it cannot be written.
    """
    path = Path(path).absolute()
    if path.exists():
        raise FileExistsError(f"a checkpoint exists already at {path}; choose another path or remove it")
    arrays = {name: _named_arrays(tree) for name, tree in trees.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    _make_room(path, sum(getattr(leaf, "nbytes", 8) for tree in arrays.values() for leaf in tree.values()))
    with _writable(path):
        ocp.save_checkpointables(str(path), arrays)


def add(path: Path, name: str, tree: Any) -> None:
    """Writes the arrays of a pytree `tree` called `name` into the directory `path`, beside what is there, whole or not
    at all.

    **Raises:** `FileExistsError` if `path` holds one of that name; `OSError` if it cannot be written.
    """
    save(Path(path) / name, **{name: tree})


def names(path: Path) -> list[str]:
    """What the checkpoint `path` holds, whether saved together or one after the other; damage shows when it is loaded.

    **Raises:** `FileNotFoundError` if there is no checkpoint at `path`; `ValueError` if it is damaged.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"no checkpoint at {path}")
    return sorted(entry.name for entry in path.iterdir() if _is_own(entry)) or sorted(_metadata(path))


def checksums(path: Path) -> dict[str, list[int]]:
    """Size and checksum of every file below `path`, by its path there."""
    files = sorted(file for file in Path(path).rglob("*") if file.is_file())
    return {str(file.relative_to(path)): [file.stat().st_size, zlib.crc32(file.read_bytes())] for file in files}


def load(path: Path, name: str, like: Model) -> Model:
    """The pytree called `name` of a checkpoint, with the structure, dtypes and shardings of `like`.

    The arrays of `like` may be `jax.ShapeDtypeStruct`s: nothing is held twice while large models are read.

    **Raises:** `FileNotFoundError` if there is no checkpoint at `path`; `ValueError` if it is damaged, or its arrays
    are not those of `like`.
    """
    path = Path(path).absolute()
    found_names = names(path)
    if name not in found_names:
        raise ValueError(f"the checkpoint {path} holds {found_names}, not {name!r}")
    path = path / name if _is_own(path / name) else path
    saved = _metadata(path)
    if saved[name] is None:
        raise ValueError(f"{path} is not a readable checkpoint: {name} has no description")
    wanted = _named_arrays(like)
    differing = sorted(k for k in saved[name].keys() | wanted.keys() if _shape(saved[name], k) != _shape(wanted, k))
    if differing:
        raise ValueError(
            f"the checkpoint {path} does not fit the model: {name} differs in {', '.join(differing[:3])}; "
            "was it written with another config?"
        )
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    abstract = {k: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=v.sharding or here) for k, v in wanted.items()}
    with _readable(path):
        found: dict[str, jax.Array] = ocp.load_checkpointables(str(path), {name: abstract})[name]
    arrays, rest = eqx.partition(like, _is_array)
    return eqx.combine(jtu.tree_map_with_path(lambda at, leaf: _placed(found[_key(at)], leaf), arrays), rest)


def _placed(found: Any, like: Any) -> Any:
    """`found`, committed to its devices only if `like` is: an array that is not goes wherever it is used."""
    return found if getattr(like, "committed", True) else jnp.asarray(np.asarray(found))


def _is_own(path: Path) -> bool:
    """Whether one pytree lies at `path` in a checkpoint of its own."""
    return (path / path.name).is_dir()


def _metadata(path: Path) -> dict[str, Any]:
    with _readable(path):
        return ocp.checkpointables_metadata(str(path)).metadata


def _make_room(path: Path, size: int) -> None:
    """Raises `OSError` if there is no room for `size` bytes beside `path`: Orbax would find out after having filled the
    disk, in threads that report it over and over."""
    probe = path.with_name(f".{path.name}.room")
    try:
        with probe.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size + 2**16)
            elif shutil.disk_usage(path.parent).free < size + 2**16:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        probe.unlink(missing_ok=True)


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    told = logging.getLogger("absl")
    before, told.disabled = told.disabled, True  # its threads log a traceback each
    try:
        yield
    except Exception as error:  # Orbax raises many types for one full disk
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)  # what it has given up
        full = "No space left" in str(error)
        reason = os.strerror(errno.ENOSPC) if full else " ".join(str(error).split())[:300]
        raise OSError(errno.ENOSPC if full else errno.EIO, reason, str(path)) from None
    finally:
        told.disabled = before


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    told = sys.unraisablehook
    sys.unraisablehook = lambda late: None if _read_after_failure(late.exc_value) else told(late)
    try:
        yield
    except Exception as error:  # Orbax raises many types for many kinds of damage
        raise ValueError(f"{path} is not a readable checkpoint: {error}") from None
    sys.unraisablehook = told  # kept after a failure: Orbax's other reads may end at any later time


def _read_after_failure(error: BaseException | None) -> bool:
    # The first read to fail closes the event loop to which Orbax's other reads still report from their threads.
    return isinstance(error, RuntimeError) and "Event loop is closed" in str(error)


def _is_array(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def _named_arrays(tree: Any) -> dict[str, Any]:
    return {_key(at): leaf for at, leaf in jtu.tree_leaves_with_path(eqx.filter(tree, _is_array))}


def _key(path: Any) -> str:
    return jtu.keystr(path, simple=True, separator=".") or "array"


def _shape(arrays: dict[str, Any], name: str) -> tuple[int, ...] | None:
    return tuple(arrays[name].shape) if name in arrays else None
