"""Results on disk, a chunk at a time: a zarr store that xarray reads, whole or not at all."""

import asyncio
import contextlib
import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
import zarr
from jaxtyping import Bool, Float
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.sync import sync


_AGAIN = "run the same sweep again: only what is damaged is computed again"


class StoreError(ValueError):
    """Why results cannot be read or written, in one line."""


class Chunk(NamedTuple):
    """Chips `start` to `stop` of a point: what is computed and written together."""

    point: int
    start: int
    stop: int


class Store:
    """The results of a sweep: an array `[points, chips, times]` for every metric, NaN where nothing is known yet, and
    which chunks are finished. Every chunk is a file with a checksum, written beside its place and moved there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with readable(path):
            self._group = zarr.open_group(str(path), mode="r+", zarr_format=3, use_consolidated=False)
            self.metrics: list[str] = self._group.attrs["metrics"]  # pyright: ignore[reportAttributeAccessIssue]
            self.n_points, self.n_chips, _ = self._array(self.metrics[0]).shape
            self.chunk = self._array(self.metrics[0]).chunks[1]

    @property
    def attributes(self) -> dict[str, Any]:
        """What was written beside the numbers."""
        return dict(self._group.attrs)

    def note(self, **attributes: Any) -> None:
        """Writes attributes beside the numbers."""
        with self._writing():
            self._group.attrs.update(attributes)
            _consolidate(self.path)

    def coordinate(self, name: str) -> np.ndarray | None:
        """The values of a coordinate, if it has it."""
        with readable(self.path):
            return np.asarray(self._array(name)[:]) if name in self._group else None

    def chunks(self) -> list[Chunk]:
        """All of them, chips of a point after those of the point before."""
        starts = range(0, self.n_chips, self.chunk)
        return [Chunk(p, s, min(s + self.chunk, self.n_chips)) for p in range(self.n_points) for s in starts]

    def finished(self) -> tuple[Bool[np.ndarray, "points chunks"], list[Chunk]]:
        """Which chunks are done, and those that were but can no longer be read: they have to be done again."""
        chunks = self.chunks()
        said = [self._said(chunk) for chunk in chunks]
        whole = any(said) and all(self._intact(name) for name in self.metrics)
        done, lost = np.zeros((self.n_points, -(-self.n_chips // self.chunk)), bool), []
        for chunk, marked in zip(chunks, said, strict=True):
            there = bool(marked) and all(self._file(name, chunk).is_file() for name in self.metrics)
            there = there and (whole or all(self._intact(name, chunk) for name in self.metrics))
            done[chunk.point, chunk.start // self.chunk] = there
            if marked is not False and not there:
                lost.append(chunk)
        return done, lost

    def clean(self) -> None:
        """Removes what a process that was killed left of a file that it wrote; while nobody else writes."""
        with self._writing():
            for left in self.path.rglob("*.partial"):
                left.unlink(missing_ok=True)

    def write(self, chunk: Chunk, values: Mapping[str, Float[np.ndarray, "chips times"]]) -> None:
        """Writes a chunk, then marks it as finished.

        **Raises:** `StoreError` if the disk is full, may not be written to, or the store was deleted.
        """
        with self._writing(), zarr.config.set({"array.write_empty_chunks": True}):  # NaN is a result too
            if not (self.path / "zarr.json").is_file():
                raise StoreError(f"{self.path} was deleted while the sweep ran; the same command begins it again")
            for name, found in values.items():
                self._array(name)[chunk.point, chunk.start : chunk.stop] = found
            self._array("finished")[chunk.point, chunk.start // self.chunk] = 1

    def _array(self, name: str) -> Any:
        return self._group[name]

    def _said(self, chunk: Chunk) -> bool | None:
        """Whether a chunk is marked as finished; `None` if that cannot be read."""
        if not self._file("finished", chunk).is_file():
            return False
        try:
            return bool(self._array("finished")[chunk.point, chunk.start // self.chunk] > 0)
        except Exception:  # codecs raise many types for many kinds of damage
            return None

    def _file(self, name: str, chunk: Chunk) -> Path:
        """Where a chunk of an array lies: zarr takes what is not there for the fill value."""
        place = self.path / name / "c" / str(chunk.point) / str(chunk.start // self.chunk)
        return place if name == "finished" else place / "0"

    def _intact(self, name: str, chunk: Chunk | None = None) -> bool:
        """Whether a chunk can be read, or all of them."""
        try:
            self._array(name)[:] if chunk is None else self._array(name)[chunk.point, chunk.start : chunk.stop]
        except Exception:  # as above
            sync(_others_end())
            return False
        return True

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot write to {self.path}: {error.strerror or error}; what is finished stays, the same command "
                "goes on from there"
            ) from None


def create(
    path: Path,
    *,
    metrics: Sequence[str],
    coordinates: Mapping[str, tuple[str, Any, dict[str, Any]]],
    n_chips: int,
    chunk: int,
    attributes: Mapping[str, Any],
    metric_attributes: Mapping[str, Mapping[str, Any]],
) -> Store:
    """A new store without results; `coordinates[name]` are dimension, values and attributes."""
    beside = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(beside)
    try:
        about = {**attributes, "metrics": list(metrics), "coordinates": " ".join(coordinates)}  # as xarray marks them
        group = zarr.create_group(str(beside), zarr_format=3, attributes=about)
        for name, (dim, values, about) in coordinates.items():
            values = np.asarray(values)
            held = group.create_array(
                name, shape=values.shape, dtype=str if values.dtype.kind == "U" else values.dtype,
                dimension_names=(dim,), attributes=about,
            )  # fmt: skip
            held[:] = values
        n_points, n_times = (len(coordinates[name][1]) for name in ("point", "time"))
        for name in metrics:
            group.create_array(
                name, shape=(n_points, n_chips, n_times), chunks=(1, chunk, n_times), dtype="float64",
                fill_value=float("nan"), compressors=[ZstdCodec(), Crc32cCodec()],
                dimension_names=("point", "chip", "time"), attributes=dict(metric_attributes.get(name, {})),
            )  # fmt: skip
        group.create_array(
            "finished", shape=(n_points, -(-n_chips // chunk)), chunks=(1, 1), dtype="uint8", fill_value=0,
            dimension_names=("point", "chunk"),
        )  # fmt: skip
        _consolidate(beside)
        beside.rename(path)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise StoreError(f"cannot write to {path}: {error.strerror or error}; choose another place") from None
    return Store(path)


def _consolidate(path: Path) -> None:
    """Copies what describes the arrays to one place, where `xarray.open_zarr` looks first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other programs than zarr-python may read them where they were
        zarr.consolidate_metadata(str(path), zarr_format=3)


async def _others_end() -> None:
    """Waits for the reads beside one that failed: whoever ends before they do is told of each on standard error."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def is_whole(path: Path) -> bool:
    """Whether the store of a finished sweep can be read to its last chunk: there is nothing to compute again."""
    try:
        load(path)  # what its points are, too
        store = Store(Path(path))
        done, _ = store.finished()
        used = store.attributes["n_chips_used"]
    except (StoreError, KeyError):
        return False
    return bool(done[:, : -(-used // store.chunk)].all())


def load(path: Path, *, unstack: bool = True) -> xr.Dataset:
    """The results of a sweep: crossed axes are dimensions of their own, the points of other designs one, `point`.

    **Arguments:** `path`, of the store; `unstack`, give axes dimensions of their own (or leave all points in one).

    **Returns:** a dataset over (axes or `point`, chip, time): every metric, in memory; chips that no point has reached
    are left out, cells that are not finished are NaN.

    **Raises:** `StoreError` if there is no store, or it is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        raise StoreError(f"no results at {path}")
    with readable(path):
        data = xr.open_zarr(str(path), consolidated=False, chunks=None).drop_vars("finished")
        data = data.set_coords([name for name in data.data_vars if name not in data.attrs["metrics"]])
        data = data.assign_coords({name: coord.load() for name, coord in data.coords.items()})
    try:
        data = data[data.attrs["metrics"]].load()  # in the order that was asked for
    except Exception:  # codecs raise many types for many kinds of damage
        sync(_others_end())
        raise StoreError(f"{path} is damaged: not all of its chunks can be read; {_AGAIN}") from None
    axes = json.loads(data.attrs.get("axes", "[]"))
    used = data.attrs.get("n_chips_used", data.sizes["chip"])
    data = data.isel(chip=slice(0, used))
    if not unstack or data.attrs.get("design") != "crossed":
        return data
    if not axes:
        return data.isel(point=0, drop=True)
    return _unstacked(data, axes)


def _unstacked(data: xr.Dataset, axes: list[dict[str, Any]]) -> xr.Dataset:
    """Points of a grid as its axes, in the order of their values."""
    sizes = [axis["size"] for axis in axes]
    coords: dict[str, Any] = {name: data[name] for name in ("chip", "time") if name in data.coords}
    for k, axis in enumerate(axes):
        stride = int(np.prod(sizes[k + 1 :], dtype=int))
        values = data[axis["path"]].values[:: stride or 1][: axis["size"]]
        coords[axis["path"]] = (axis["path"], values, data[axis["path"]].attrs)
    names = [axis["path"] for axis in axes]
    variables = {
        name: ((*names, "chip", "time"), array.values.reshape(*sizes, *array.shape[1:]), array.attrs)
        for name, array in data.data_vars.items()
    }
    return xr.Dataset(variables, coords=coords, attrs=data.attrs)


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Says of whatever goes wrong which store it was."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # zarr and its codecs raise many types for many kinds of damage
        line = " ".join(str(error).split())
        raise StoreError(f"{path} is damaged: {line}; remove it, and run the sweep again") from None
