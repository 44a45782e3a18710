"""Runs that were interrupted: what stays of them, who may go on, and when not."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aimcjax.studies import RunDirectoryError, new_run
from aimcjax.studies._running import first_difference


CONFIG = "name: one\ntile: {rows: 4, adc: {bits: 8}}\n"
OTHER = "name: one\ntile: {rows: 4, adc: {bits: 6}}\n"
FILES = ("summary.json", "config.yaml", "versions.json", "results.nc")


def _fill(run: Path, text: str = "new") -> None:
    for name in set(FILES) - {"config.yaml"}:
        (run / name).write_text(text)


def _interrupt(out: Path, error: BaseException, *made: str, config: str = CONFIG) -> None:
    with pytest.raises((type(error), RunDirectoryError)), new_run(out, config, overwrite=False) as run:
        for name in made:
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            (run / name).write_text(name)
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), OSError(errno.ENOSPC, "full")], ids=repr)
def test_what_is_finished_stays_and_is_found_again(tmp_path: Path, error: BaseException) -> None:
    _interrupt(tmp_path / "one", error, "checkpoint/baseline/array", "training/hwa/000011-000000000/save.json")
    assert [path.name for path in tmp_path.iterdir()] == ["one.partial"]
    lines: list[str] = []
    with new_run(tmp_path / "one", CONFIG, overwrite=False, tell=lines.append) as run:
        assert run == tmp_path / "one.partial"
        assert (run / "checkpoint" / "baseline" / "array").read_text() == "checkpoint/baseline/array"
        assert (run / "config.yaml").read_text() == CONFIG
        _fill(run)
    assert lines == [f"goes on in {tmp_path / 'one.partial'}: baseline trained, hwa after 11 epochs"]
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert {path.name for path in (tmp_path / "one").iterdir()} == {*FILES, "checkpoint"}


def test_failures_before_anything_is_finished_leave_nothing(tmp_path: Path) -> None:
    _interrupt(tmp_path / "runs" / "one", KeyboardInterrupt())
    _interrupt(tmp_path / "runs" / "one", ValueError("bad"), "training/baseline/000001-000000000/save.json")
    _interrupt(tmp_path / "runs" / "one", FloatingPointError("nan"), "training/baseline/000001-000000000/save.json")
    assert list(tmp_path.iterdir()) == []
    _interrupt(tmp_path / "one", ValueError("bad"), "checkpoint/baseline/array")
    assert [path.name for path in tmp_path.iterdir()] == ["one.partial"]


def test_another_config_is_refused_by_its_first_key(tmp_path: Path) -> None:
    _interrupt(tmp_path / "one", KeyboardInterrupt(), "checkpoint/baseline/array")
    message = r"one\.partial is unfinished with another config \(tile\.adc\.bits differs\); .* or .* --overwrite$"
    with pytest.raises(RunDirectoryError, match=message), new_run(tmp_path / "one", OTHER, overwrite=False):
        pass
    assert (tmp_path / "one.partial" / "checkpoint" / "baseline" / "array").is_file()
    with new_run(tmp_path / "one", OTHER, overwrite=True) as run:
        assert not (run / "checkpoint").exists()
        _fill(run)
    assert (tmp_path / "one" / "config.yaml").read_text() == OTHER


def test_first_differences_are_of_the_new_config_first() -> None:
    assert first_difference({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [1]}}) is None
    assert first_difference({"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [2]}}) == "b.c"
    assert first_difference({"a": 1}, {"a": 1, "b": 2}) == "b"
    assert first_difference({"a": 1, "b": 2}, {"a": 1}) == "b"


def test_only_one_process_works_there(tmp_path: Path) -> None:
    with new_run(tmp_path / "one", CONFIG, overwrite=False) as run:
        owner = json.loads((run / "lock").read_text())
        assert owner["pid"] == os.getpid()
        message = rf"one\.partial is in use by process {os.getpid()} on {owner['host']}; wait"
        with pytest.raises(RunDirectoryError, match=message), new_run(tmp_path / "one", CONFIG, overwrite=True):
            pass
        _fill(run)
    assert not (tmp_path / "one" / "lock").exists()


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, sys; from aimcjax.studies import new_run\n"
        f"with new_run(pathlib.Path({str(tmp_path / 'one')!r}), {CONFIG!r}, overwrite=False) as run:\n"
        "    (run / 'checkpoint').mkdir(); (run / 'checkpoint' / 'a').mkdir(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == -9
    assert (tmp_path / "one.partial" / "lock").is_file()
    with new_run(tmp_path / "one", CONFIG, overwrite=False) as run:
        assert (run / "checkpoint" / "a").is_dir()
        _fill(run)
    assert (tmp_path / "one").is_dir()


def test_what_is_no_unfinished_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "one.partial").mkdir()
    (tmp_path / "one.partial" / "thesis.tex").write_text("years of work")
    with pytest.raises(RunDirectoryError, match="is in the way and no unfinished run"):
        _interrupt(tmp_path / "one", KeyboardInterrupt())
        with new_run(tmp_path / "one", CONFIG, overwrite=True):
            pass
    assert (tmp_path / "one.partial" / "thesis.tex").read_text() == "years of work"


def test_a_directory_that_is_deleted_meanwhile_is_one_line(tmp_path: Path) -> None:
    for work in ("nothing", "write"):
        message = r"cannot write the run to .*one: one\.partial disappeared while it was in use; run the command again$"
        with pytest.raises(RunDirectoryError, match=message), new_run(tmp_path / "one", CONFIG, overwrite=False) as run:
            shutil.rmtree(run)
            if work == "write":
                (run / "summary.json").write_text("{}")
        assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_what_is_finished_and_says_so(tmp_path: Path) -> None:
    message = "No space left on device; what is finished is kept in one.partial: the same command goes on$"
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(RunDirectoryError, match=message), new_run(tmp_path / "one", CONFIG, overwrite=False) as run:
        (run / "checkpoint" / "baseline").mkdir(parents=True)
        raise full


def test_an_old_run_comes_back_if_the_process_is_killed_while_replacing_it(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with new_run(tmp_path / "one", CONFIG, overwrite=False) as run:
            _fill(run, text)
        (tmp_path / "one").rename(tmp_path / text)
    (tmp_path / "old").rename(tmp_path / ".one.old")  # between the two renames
    with pytest.raises(RunDirectoryError, match="exists already"), new_run(tmp_path / "one", CONFIG, overwrite=False):
        pass
    assert (tmp_path / "one" / "summary.json").read_text() == "old"
    (tmp_path / "one").rename(tmp_path / ".one.old")  # and after both
    (tmp_path / "new").rename(tmp_path / "one")
    with new_run(tmp_path / "one", CONFIG, overwrite=True) as run:
        assert not (tmp_path / ".one.old").exists()
        assert (tmp_path / "one" / "summary.json").read_text() == "new"
        _fill(run, "newest")
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
