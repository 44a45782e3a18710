"""Many chips of many networks at many times, written down as they come."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Int, Key, Shaped

from .._types import PRNGKey, strongly_typed
from ._cells import CellProgram, Metrics, Samples
from ._designs import Points
from ._identity import identity, same_sweep
from ._processes import agreeing, decided
from ._program_choice import default_memory, fitting_program
from ._store import Chunk, Store, create, load
from ._structures import Structure, by_structure
from ._summary import half_width


CHUNK = 16  # chips
FIRST_ROUND = 8  # chips after which an interval is looked at first


class Until(NamedTuple):
    """When there are chips enough: the 95 % interval of the mean of `metric` (default: the first one) reaches at most
    `ci95` to either side, at every point and time. Looked at after 8, 16, 32, ... chips, so that the answer does not
    depend on how the work is cut; a stop that looks at the data makes its interval a little too narrow."""

    ci95: float
    metric: str | None = None


def sweep(
    models: Sequence[Any],
    xs: Shaped[Array, "n ..."],
    labels: Int[Array, "n ..."],
    *,
    metrics: Metrics,
    n_chips: int,
    times: Float[Array, " times"],
    key: PRNGKey,
    points: Points | None = None,
    axes: Mapping[str, int] | None = None,
    store: Path | None = None,
    chunk: int | None = None,
    memory: int | None = None,
    until: Until | None = None,
    attributes: Mapping[str, Any] | None = None,
    coordinate_units: Mapping[str, str] | None = None,
    metric_units: Mapping[str, str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    tell: Callable[[str], None] = lambda line: None,
) -> xr.Dataset:
    """What `n_chips` chips of every network score at each time.

    Every chip is programmed once from its own key and aged to all times; all networks and times see the same chips and
    draws of read noise (common random numbers), so that differences between them are paired. Networks of one structure
    share one compiled program, over (chips x times x values), split over all devices; values are arguments of it.
    Numbers depend on `key` alone, not on chunks, devices or processes (to rounding).

    **Arguments:** `models`, analog networks from `nn.convert`, one a point; test samples `xs` and their `labels`;
    `metrics[name]`, `f(logits, labels)`, or an `OfChip`; `n_chips`; `times` [s] after programming; `key`; `points`,
    what every network stands for, `{path: value}`; `axes`, sizes of crossed axes by path, if the points are a grid;
    `store`, folder to write to, to go on with if it is there (default: nothing is kept); `chunk`, chips that are
    computed and written together; `memory` on every device [bytes], default half of it; `until`, stop early;
    `attributes` of the dataset, and units of what it holds; `progress(done, total)` counts cells (chips x points);
    `tell(line)`, of what is damaged and computed again.

    **Returns:** see `load`.

    **Raises:** `StoreError` if the store cannot be written, is damaged or of another sweep; `ValueError` for numbers
    that cannot be; `MemoryError` if a single sample does not fit in the memory.
    """
    _check(models, n_chips, times, metrics, until, points)
    samples = Samples(*strongly_typed((jnp.asarray(xs), jnp.asarray(labels), jnp.asarray(times, float))))
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "results.zarr" if store is None else Path(store)
        given = {**dict(attributes or {}), **identity(models, samples, key)}
        about = _attributes(given, axes, n_chips, metrics, until)
        coordinates = {
            "time": ("time", np.asarray(times, np.float64), _SECONDS),
            **_point_coordinates(points, models, coordinate_units or {}),
        }
        with agreeing():
            if jax.process_index() == 0 and not path.exists():
                _begin(path, about, coordinates, chunk or CHUNK, memory, metric_units or {})
        with agreeing():
            held = same_sweep(Store(path), about, coordinates)
            done = _finished(held, tell)
        keys = jr.split(key, n_chips)
        _fill(held, done, by_structure(models), samples, keys, metrics=metrics, memory=memory, until=until,
              progress=progress)  # fmt: skip
        return load(path)


def _begin(
    path: Path,
    about: Mapping[str, Any],
    coordinates: Mapping[str, Any],
    chunk: int,
    memory: int | None,
    units: Mapping[str, str],
) -> None:
    create(
        path, metrics=about["metrics"], coordinates=coordinates, n_chips=about["n_chips"],
        chunk=_even(about["n_chips"], chunk), metric_attributes={name: {"units": unit} for name, unit in units.items()},
        attributes={**about, "memory": memory or default_memory()},
    )  # fmt: skip


def _finished(store: Store, tell: Callable[[str], None]) -> Bool[np.ndarray, "points chunks"]:
    """The chunks that are there whole; the first process takes away what an interrupted one left, and tells of what is
    damaged."""
    if jax.process_index() == 0:
        store.clean()
    done, lost = store.finished()
    if lost and jax.process_index() == 0:
        first = f"chips {lost[0].start} to {lost[0].stop - 1} of point {lost[0].point}"
        more = f" and {len(lost) - 1} more chunks" * (len(lost) > 1)
        tell(f"{store.path}: {first}{more} damaged; computed again")
    return done


_SECONDS = {"units": "s", "long_name": "time after programming"}


def _fill(
    store: Store,
    done: Bool[np.ndarray, "points chunks"],
    structures: Sequence[Structure],
    samples: Samples,
    keys: Key[Array, " chips"],
    *,
    metrics: Metrics,
    memory: int | None,
    until: Until | None,
    progress: Callable[[int, int], None],
) -> None:
    """Computes what is missing, round by round."""
    programs, end = dict[int, CellProgram](), 0
    for end in _rounds(store.n_chips, until):
        with agreeing():  # all have read which chunks are done before one writes
            missing = [c for c in store.chunks() if not done[c.point, c.start // store.chunk] and c.start < end]
        total = store.n_points * end
        finished = total - sum(min(c.stop, end) - c.start for c in missing)
        with agreeing():
            for index, structure in enumerate(structures):
                members = set(structure.points)
                mine = missing[jax.process_index() :: jax.process_count()]
                todo = [chunk for chunk in mine if chunk.point in members]
                if todo and index not in programs:
                    budget = memory or store.attributes["memory"]
                    programs = {  # one at a time: the others only hold memory
                        index: fitting_program(structure, samples, metrics=metrics, chunk=store.chunk, memory=budget)
                    }
                for chunk, values in _computed(programs.get(index), structure, todo, keys):
                    store.write(chunk, values)
                    finished += (min(chunk.stop, end) - chunk.start) * jax.process_count()
                    progress(min(finished, total), total)
        for chunk in missing:
            done[chunk.point, chunk.start // store.chunk] = True
        with agreeing():
            enough = until is not None and _narrow(store.path, end, until)
        if decided(enough):
            break
    with agreeing():
        if jax.process_index() == 0:
            store.note(n_chips_used=end, complete=True)


def _computed(
    program: CellProgram | None, structure: Structure, todo: Sequence[Chunk], keys: Key[Array, " chips"]
) -> Iterator[tuple[Chunk, dict[str, np.ndarray]]]:
    """The chunks, so many in a call as the program takes."""
    if program is None:
        return
    at_once = program.work.networks
    for first in range(0, len(todo), at_once):
        chunks = todo[first : first + at_once]
        members = [structure.points.index(chunk.point) for chunk in chunks]
        sizes = [chunk.stop - chunk.start for chunk in chunks]
        chips = np.concatenate([np.arange(chunk.start, chunk.stop) for chunk in chunks])
        found = program(members, np.repeat(np.arange(len(chunks)), sizes), keys[chips])
        ends = np.cumsum(sizes)
        for chunk, stop, size in zip(chunks, ends, sizes, strict=True):
            yield chunk, {name: values[stop - size : stop] for name, values in found.items()}


def _rounds(n_chips: int, until: Until | None) -> list[int]:
    if until is None:
        return [n_chips]
    ends = [FIRST_ROUND]
    while ends[-1] < n_chips:
        ends.append(2 * ends[-1])
    return [min(end, n_chips) for end in ends]


def _narrow(path: Path, end: int, until: Until) -> bool:
    data = load(path)
    values = data[until.metric or data.attrs["metrics"][0]].isel(chip=slice(0, end))
    return bool(np.max(half_width(values.transpose("chip", ...).values)) <= until.ci95)


def _even(n_chips: int, chunk: int) -> int:
    """Chunks of nearly equal size, none larger than asked for."""
    return -(-n_chips // -(-n_chips // chunk))


def _attributes(
    given: Mapping[str, Any],
    axes: Mapping[str, int] | None,
    n_chips: int,
    metrics: Metrics,
    until: Until | None,
) -> dict[str, Any]:
    listed = [{"path": path, "size": size} for path, size in (axes or {}).items()]
    about = {"n_chips": n_chips, "metrics": list(metrics), "until": None if until is None else list(until)}
    design = "listed" if axes is None else "crossed"
    return {**given, **about, "design": design, "axes": json.dumps(listed)}


def _point_coordinates(
    points: Points | None, models: Sequence[Any], units: Mapping[str, str]
) -> dict[str, tuple[str, Any, dict[str, Any]]]:
    found: dict[str, tuple[str, Any, dict[str, Any]]] = {"point": ("point", np.arange(len(models)), {})}
    for path in dict.fromkeys(path for point in points or [] for path in point):
        found[path] = ("point", np.asarray([point[path] for point in points or []]), {"units": units.get(path, "")})
    return found


def _check(
    models: Sequence[Any], n_chips: int, times: Array, metrics: Metrics, until: Until | None, points: Points | None
) -> None:
    if n_chips < 1:
        raise ValueError(f"a study needs at least one chip, got n_chips={n_chips}")
    if not models or not metrics or jnp.size(times) == 0:
        raise ValueError("a sweep needs at least one network, one metric and one time")
    if points is not None and len(points) != len(models):
        raise ValueError(f"every point has its network, got {len(points)} points and {len(models)} networks")
    if until is not None and until.metric is not None and until.metric not in metrics:
        raise ValueError(f"until: no metric {until.metric!r}; there are {', '.join(metrics)}")
    if until is not None and not until.ci95 > 0:
        raise ValueError(f"until: ci95 is above zero, got {until.ci95}")
