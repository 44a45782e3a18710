"""Saving and loading the arrays of a model with Orbax; structure comes from the code and its config."""

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
    ocp.save(str(path), {name: _named_arrays(tree) for name, tree in trees.items()})


def load(path: Path, name: str, like: Model) -> Model:
    """The pytree called `name` of a checkpoint, with the structure, shapes and shardings of `like`.

    **Raises:** `FileNotFoundError` if there is no checkpoint at `path`; `ValueError` if its arrays are not those of `like`.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise FileNotFoundError(f"no checkpoint at {path}")
    wanted = _named_arrays(like)
    saved = ocp.load(str(path))
    if name not in saved:
        raise ValueError(f"the checkpoint {path} holds {sorted(saved)}, not {name!r}")
    found = saved[name]
    if {k: v.shape for k, v in found.items()} != {k: v.shape for k, v in wanted.items()}:
        differing = sorted(k for k in found.keys() | wanted.keys() if _shape(found, k) != _shape(wanted, k))
        raise ValueError(
            f"the checkpoint {path} does not fit the model; they differ in {differing[:3]}: was it written with another config?"
        )
    arrays, rest = eqx.partition(like, eqx.is_array)
    leaves, structure = jtu.tree_flatten_with_path(arrays)
    placed = [jax.device_put(found[_key(p)], leaf.sharding) for p, leaf in leaves]
    return eqx.combine(jtu.tree_unflatten(structure, placed), rest)


def _named_arrays(tree: Any) -> dict[str, jax.Array]:
    leaves = jtu.tree_leaves_with_path(eqx.filter(tree, eqx.is_array))
    return {_key(path): leaf for path, leaf in leaves}


def _key(path: Any) -> str:
    return jtu.keystr(path, simple=True, separator=".")


def _shape(arrays: dict[str, Any], name: str) -> Any:
    return arrays[name].shape if name in arrays else None
