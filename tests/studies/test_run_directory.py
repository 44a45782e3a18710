"""Run directories: whole or not at all, and nobody else's files."""

import json
import os
from pathlib import Path

import jax
import pytest

from aimcjax.studies import RunDirectoryError, check_target, new_run
from aimcjax.studies._running import versions, write_json


FILES = ("summary.json", "config.yaml", "versions.json", "results.nc")


def _fill(run: Path, text: str = "new") -> None:
    for name in FILES:
        (run / name).write_text(text)
    (run / "figures").mkdir()
    (run / "figures" / "one.png").write_text(text)


def _write(out: Path, text: str = "new", *, overwrite: bool = False) -> None:
    with new_run(out, overwrite=overwrite) as run:
        _fill(run, text)


def _listing(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_writes_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    with new_run(tmp_path / "deep" / "runs" / "one", overwrite=False) as run:
        _fill(run)
        assert not (tmp_path / "deep" / "runs" / "one").exists()  # nobody sees half a run
    assert [path.name for path in (tmp_path / "deep" / "runs").iterdir()] == ["one"]
    assert set(_listing(tmp_path / "deep" / "runs" / "one")) == {*FILES, "figures/one.png"}


@pytest.mark.parametrize("failure", [RuntimeError("stop"), KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_a_block_that_fails_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    with pytest.raises(type(failure)), new_run(tmp_path / "runs" / "one", overwrite=False) as run:
        _fill(run)
        raise failure
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    message = r"cannot write the run to .*one: No space left on device; choose another --out$"
    with pytest.raises(RunDirectoryError, match=message), new_run(tmp_path / "one", overwrite=False):
        raise OSError(28, os.strerror(28))
    assert list(tmp_path.iterdir()) == []


def test_overwrite_replaces_all_of_it(tmp_path: Path) -> None:
    _write(tmp_path / "one", "old")
    (tmp_path / "one" / "stale.txt").write_text("old")
    _write(tmp_path / "one", "new", overwrite=True)
    assert set(_listing(tmp_path / "one").values()) == {"new"}
    assert "stale.txt" not in _listing(tmp_path / "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_overwrite_that_fails_keeps_the_old_run(tmp_path: Path) -> None:
    _write(tmp_path / "one", "old")
    before = _listing(tmp_path)
    with pytest.raises(RuntimeError, match="stop"), new_run(tmp_path / "one", overwrite=True) as run:
        _fill(run)
        raise RuntimeError("stop")
    assert _listing(tmp_path) == before


def test_old_run_comes_back_if_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path / "one", "old")
    before, rename = _listing(tmp_path), Path.rename

    def broken(self: Path, target: Path) -> Path:
        if self.suffix == ".partial":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(RunDirectoryError, match="Input/output error"):
        _write(tmp_path / "one", "new", overwrite=True)
    assert _listing(tmp_path) == before


def test_a_run_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(RunDirectoryError, match="exists already"), new_run(tmp_path / "one", overwrite=False) as run:
        _fill(run)
        (tmp_path / "one").mkdir()
        _fill(tmp_path / "one", "somebody else's")
    assert set(_listing(tmp_path).values()) == {"somebody else's"}


def test_links_are_followed_not_replaced(tmp_path: Path) -> None:
    _write(tmp_path / "disk" / "one", "old")
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "one")
    _write(tmp_path / "link", "new", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert set(_listing(tmp_path / "disk" / "one").values()) == {"new"}
    assert {path.name for path in tmp_path.iterdir()} == {"disk", "link"}


def test_refuses_what_exists(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    _write(tmp_path / "run")
    for target in (tmp_path, tmp_path / "file", tmp_path / "run"):
        with pytest.raises(RunDirectoryError, match="exists already; choose another --out, or replace it with --over"):
            check_target(target, overwrite=False)
    check_target(tmp_path / "run", overwrite=True)


@pytest.mark.parametrize("missing", FILES)
def test_overwrite_deletes_only_runs(tmp_path: Path, missing: str) -> None:
    _write(tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    with pytest.raises(RunDirectoryError, match=rf"is not a finished run \(it has no {missing}\)"):
        check_target(tmp_path / "run", overwrite=True)


def test_overwrite_is_no_licence_for_files_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "file", tmp_path / "empty", tmp_path):
        with pytest.raises(RunDirectoryError, match="is not a finished run"):
            check_target(target, overwrite=True)


def test_refuses_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for target in (tmp_path / "file" / "run", tmp_path / ("x" * 300), tmp_path / "circle" / "run"):
        with pytest.raises(RunDirectoryError, match="cannot write") as error:
            check_target(target, overwrite=False)
        assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "circle"}


def test_refuses_a_parent_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the superuser may write anywhere
    with pytest.raises(RunDirectoryError, match=rf"^cannot write to {tmp_path}; choose another --out$"):
        check_target(tmp_path / "a" / "b", overwrite=False)


def test_checking_writes_nothing(tmp_path: Path) -> None:
    check_target(tmp_path / "a" / "b" / "c", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_versions_say_what_the_numbers_depend_on(tmp_path: Path) -> None:
    write_json(tmp_path / "versions.json", versions())
    found = json.loads((tmp_path / "versions.json").read_text())
    assert set(found) == {"packages", "python", "platform", "devices"}
    assert {"aimcjax", "jax", "jaxlib", "equinox", "optax", "numpy"} <= set(found["packages"])
    assert len(found["devices"]) == len(jax.devices())
