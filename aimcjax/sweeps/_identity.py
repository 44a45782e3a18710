"""What a store is of: numbers of two sweeps are never mixed."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
import numpy as np

from .._types import PRNGKey
from ._cells import Samples
from ._store import Store, StoreError


_ROUNDING = 1e-4  # of a sum over a network; it may have been calibrated on other devices


def identity(models: Sequence[Any], samples: Samples, key: PRNGKey) -> dict[str, Any]:
    """What marks a sweep beside its coordinates: `key`, checksum of `samples`, and `networks`, sums of magnitudes."""
    checksum, known = 0, {}
    for array in (samples.xs, samples.labels):
        checksum = zlib.crc32(np.ascontiguousarray(array).tobytes(), checksum)
    return {
        "key": np.asarray(jr.key_data(key)).tolist(),
        "samples": checksum,
        "networks": [_magnitude(model, known) for model in models],
    }


def same_sweep(store: Store, about: Mapping[str, Any], coordinates: Mapping[str, tuple[str, Any, Any]]) -> Store:
    """The store, if it is of this sweep.

    **Raises:** `StoreError` with the first thing in which it differs.
    """
    held, other = store.attributes, f"{store.path} holds another sweep"
    advice = "choose another place, or remove it"
    if store.n_points != len(coordinates["point"][1]):
        raise StoreError(f"{other}: it has {store.n_points} points, not {len(coordinates['point'][1])}; {advice}")
    for name, (_, values, _) in coordinates.items():
        before = store.coordinate(name)
        if before is None or not np.array_equal(before, np.asarray(values)):
            told = "is not there" if before is None else f"is {_listed(before)} there, {_listed(values)} now"
            raise StoreError(f"{other}: {name} {told}; {advice}")
    for name, value in about.items():
        if name == "networks":
            continue
        if held.get(name) != value:
            raise StoreError(f"{other}: {name} is {held.get(name)!r} there, {value!r} now; {advice}")
    sums = np.asarray(held.get("networks", []), float)
    if sums.shape != (store.n_points,) or not np.allclose(sums, about["networks"], rtol=_ROUNDING, equal_nan=True):
        raise StoreError(f"{other}: its networks are others; {advice}")
    return store


def _magnitude(model: Any, known: dict[int, float]) -> float:
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))
    for leaf in leaves:
        if id(leaf) not in known:  # networks of a sweep share most of them
            array = np.asarray(leaf)
            known[id(leaf)] = float(np.sum(np.abs(array), where=np.isfinite(array), dtype=np.float64))
    return sum(known[id(leaf)] for leaf in leaves)


def _listed(values: Any) -> str:
    shown = np.asarray(values).tolist()
    return str(shown) if len(shown) <= 8 else f"[{shown[0]}, ..., {shown[-1]}] ({len(shown)})"
