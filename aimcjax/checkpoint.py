"""Saving and loading the arrays of models with Orbax; structure comes from the code and its config."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.tree_util as jtu
from orbax.checkpoint import v1 as ocp


Model = TypeVar("Model")


def save(path: Path, **trees: Any) -> None:
    """Writes the arrays of each named pytree to a new directory `path`, whole or not at all.

    **Raises:** `FileExistsError` if `path` exists.
    """
    path = Path(path).absolute()
    if path.exists():
        raise FileExistsError(f"a checkpoint exists already at {path}; choose another path or remove it")
    ocp.save_checkpointables(str(path), {name: _named_arrays(tree) for name, tree in trees.items()})


def load(path: Path, name: str, like: Model) -> Model:
    """The pytree called `name` of a checkpoint, with the structure, dtypes and shardings of `like`.

    The arrays of `like` may be `jax.ShapeDtypeStruct`s: nothing is held twice while large models are read.

    **Raises:** `FileNotFoundError` if there is no checkpoint at `path`; `ValueError` if it is damaged, or its arrays
    are not those of `like`.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"no checkpoint at {path}")
    with _readable(path):
        saved: dict[str, Any] = ocp.checkpointables_metadata(str(path)).metadata
    if name not in saved:
        raise ValueError(f"the checkpoint {path} holds {sorted(saved)}, not {name!r}")
    if saved[name] is None:
        raise ValueError(f"{path} is not a readable checkpoint: {name} has no description")
    wanted = _named_arrays(like)
    differing = sorted(k for k in saved[name].keys() | wanted.keys() if _shape(saved[name], k) != _shape(wanted, k))
    if differing:
        raise ValueError(
            f"the checkpoint {path} does not fit the model: {name} differs in {', '.join(differing[:3])}; "
            "was it written with another config?"
        )
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = {k: jax.ShapeDtypeStruct(v.shape, v.dtype, sharding=v.sharding or here) for k, v in wanted.items()}
    with _readable(path):
        found: dict[str, jax.Array] = ocp.load_checkpointables(str(path), {name: abstract})[name]
    arrays, rest = eqx.partition(like, _is_array)
    return eqx.combine(jtu.tree_map_with_path(lambda at, _: found[_key(at)], arrays), rest)


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
