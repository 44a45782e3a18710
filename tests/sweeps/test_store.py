"""What a sweep writes: it goes on where it was stopped, and no damage costs what was finished."""

import errno
import os
import shutil
from pathlib import Path

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import small_sweep as small
import xarray as xr
import zarr

from aimcjax import sweeps
from aimcjax.sweeps import _store
from aimcjax.sweeps._cells import CellProgram


SLOW = pytest.mark.slow


class _Stop(Exception):
    pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "results.zarr"
    small.swept(store=path)
    return path


@pytest.fixture
def store(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "results.zarr"))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Chips that a test computes, one number for every call of the program."""
    counts: list[int] = []
    call = CellProgram.__call__

    def counted(self: CellProgram, members: object, place: np.ndarray, keys: object) -> object:
        counts.append(len(place))
        return call(self, members, place, keys)

    monkeypatch.setattr(CellProgram, "__call__", counted)
    return counts


def _stop(done: int, total: int) -> None:
    raise _Stop


def test_a_sweep_goes_on_with_identical_bits(tmp_path: Path, computed: list[int]) -> None:
    path, one_chunk_a_call = tmp_path / "results.zarr", {"chunk": 9}
    expected = small.swept(**one_chunk_a_call)
    computed.clear()
    for _ in range(2):
        with pytest.raises(_Stop):
            small.swept(store=path, progress=_stop, **one_chunk_a_call)
    assert int(np.isnan(sweeps.load(path)["loss"]).sum()) == 18
    found = small.swept(store=path, **one_chunk_a_call)
    xr.testing.assert_identical(found.drop_attrs(), expected.drop_attrs())
    assert sum(computed) == 27  # every cell once
    small.swept(store=path, **one_chunk_a_call)
    assert sum(computed) == 27


def test_xarray_reads_it_raw(finished: Path) -> None:
    raw = xr.open_zarr(finished, chunks=None)  # without a word: warnings are errors
    data = sweeps.load(finished)
    np.testing.assert_array_equal(raw["loss"].values, data["loss"].values)
    assert raw["finished"].values.all()
    assert raw["strength"].values.tolist() == [1.0, 0.5, 0.0]
    assert raw.attrs["complete"]


@pytest.mark.parametrize(
    "damage", ["flip", "delete", *(pytest.param(name, marks=SLOW) for name in ("cut", "flag", "flag deleted"))]
)
def test_a_corrupted_chunk_is_computed_again(finished: Path, store: Path, computed: list[int], damage: str) -> None:
    chunk = store / ("finished/c/1/2" if "flag" in damage else "loss/c/1/2/0")
    whole = chunk.read_bytes()
    if "delete" in damage:
        chunk.unlink()
    else:
        chunk.write_bytes(whole[:5] + bytes([whole[5] ^ 255]) + whole[6:] if damage == "flip" else whole[:3])
    (store / "loss" / "c" / "1" / "0" / "0.1234.partial").write_bytes(b"killed while it wrote")
    told: list[str] = []
    found = small.swept(store=store, tell=told.append)
    assert computed == [3]
    line = f"{store}: chips 6 to 8 of point 1 damaged; computed again"
    assert told == ([] if damage == "flag deleted" else [line])
    xr.testing.assert_identical(found.drop_attrs(), sweeps.load(finished).drop_attrs())
    assert sorted(p.relative_to(store) for p in store.rglob("*")) == sorted(
        p.relative_to(finished) for p in finished.rglob("*")
    )


def test_nan_is_a_result(tmp_path: Path, computed: list[int]) -> None:
    given = {"store": tmp_path / "nan.zarr", "metrics": {"nan": lambda logits, _: jnp.nan * jnp.sum(logits)},
             "n_chips": 2}  # fmt: skip
    for _ in range(2):
        assert np.isnan(small.swept(**given)["nan"]).all()
    assert sum(computed) == 6


def test_a_store_that_is_deleted_meanwhile_is_one_line(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.zarr"
    with pytest.raises(sweeps.StoreError, match=r"other.zarr was deleted while the sweep ran; the same command begins"):
        small.swept(store=path, progress=lambda done, total: shutil.rmtree(path, ignore_errors=True))
    assert not path.exists()


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, *(pytest.param(number, marks=SLOW) for number in (errno.EROFS, errno.EDQUOT))]
)
def test_a_disk_that_says_no_loses_nothing(
    finished: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, computed: list[int]
) -> None:
    path, opened, budget = tmp_path / "results.zarr", Path.open, iter(range(6))

    def full(self: Path, mode: str = "r", *rest: object, **named: object) -> object:
        if "w" in mode and path in self.parents and "/c/" in str(self) and next(budget, None) is None:
            raise OSError(number, os.strerror(number), str(self))
        return opened(self, mode, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        with pytest.raises(sweeps.StoreError) as caught:
            small.swept(store=path)
    assert str(caught.value) == (
        f"cannot write to {path}: {os.strerror(number)}; what is finished stays, the same command goes on from there"
    )
    done = int(zarr.open_group(str(path), mode="r")["finished"][:].sum())
    assert done >= 1
    computed.clear()
    xr.testing.assert_identical(small.swept(store=path).drop_attrs(), sweeps.load(finished).drop_attrs())
    assert sum(computed) == 27 - 3 * done


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(_store.zarr, "create_group", refuse)
    with pytest.raises(sweeps.StoreError, match=r"cannot write to .*r.zarr: Permission denied; choose another place$"):
        small.swept(store=tmp_path / "r.zarr")
    assert list(tmp_path.iterdir()) == []


def test_another_sweep_is_refused_with_its_first_difference(store: Path) -> None:
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for changes, told in (
        ({"n_chips": 10}, "n_chips is 9 there, 10 now"),
        ({"times": jnp.asarray([20.0, 3600.0])}, r"time is \[20.0, 86400.0\] there, \[20.0, 3600.0\] now"),
        ({"points": [{"strength": s} for s in (1.0, 0.6, 0.0)]}, r"strength is \[1.0, 0.5, 0.0\] there"),
        ({"metrics": {"loss": small.METRICS["loss"]}}, r"metrics is \['loss', 'accuracy'\] there"),
        ({"until": sweeps.Until(0.1)}, "until is None there"),
        ({"key": jr.key(8)}, r"key is \[0, 7\] there, \[0, 8\] now"),
        ({"models": small.networks()[::-1]}, "its networks are others"),
        ({"models": small.networks()[:1], "points": small.POINTS[:1], "axes": {"strength": 1}}, "has 3 points, not 1"),
    ):
        with pytest.raises(sweeps.StoreError, match=f"holds another sweep: .*{told}.*; choose another place, or"):
            small.swept(store=store, **changes)
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_what_is_no_store_is_one_line(store: Path, tmp_path: Path) -> None:
    with pytest.raises(sweeps.StoreError, match="no results at"):
        sweeps.load(tmp_path / "nothing")
    (store / "zarr.json").write_text("{")
    for read in (lambda: sweeps.load(store), lambda: small.swept(store=store)):
        with pytest.raises(sweeps.StoreError, match=r"results.zarr is damaged: .*; remove it, and run") as caught:
            read()
        assert "\n" not in str(caught.value)
