"""Sweeps of several processes, and of processes that are killed, end with the numbers of one that was not."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from aimcjax import sweeps


CONFIG = """
name: two
data: {type: digits}
model: {type: mlp, widths: []}
digital_training: {epochs: 2, batch_size: 64, learning_rate: 3.0e-3}
hwa_training: {epochs: 1, batch_size: 64, learning_rate: 1.0e-3}
tile: {type: tile, rows: 64, cols: 16, device: {type: pcm_joshi2020}}
sweep: {n_chips: N_CHIPS, chunk: 2, times: [20 s, 1 day], axes: AXES, networks: [direct], metrics: [accuracy, loss],
        sensitivity: null}
"""
# The command, with a line in a file for every chunk that is computed.
COMMAND = """
import os, sys
from aimcjax.sweeps._cells import CellProgram
call = CellProgram.__call__
def noted(self, members, place, keys):
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{len(members)}\\n")
    return call(self, members, place, keys)
CellProgram.__call__ = noted
from aimcjax.cli import main
main()
"""
PATIENCE = 400  # [s]


def _config(folder: Path, n_chips: int, axes: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.replace("N_CHIPS", str(n_chips)).replace("AXES", axes))
    return path


def _start(config: Path, out: Path, *more: str, devices: int = 2) -> subprocess.Popen[str]:
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices),
                   "PYTHONPATH": os.pathsep.join(sys.path), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
                   "CALLS": str(out.with_suffix(".calls"))}  # fmt: skip
    arguments = [sys.executable, "-c", COMMAND, "sweep", str(config), "--quiet", "--out", str(out), *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(arguments, env=environment, text=True, **pipes)


def _two(config: Path, out: Path) -> list[subprocess.Popen[str]]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    who = lambda i: ("--coordinator", address, "--processes", "2", "--process-id", str(i))
    return [_start(config, out, *who(i)) for i in range(2)]


def _ends(process: subprocess.Popen[str]) -> None:
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr


def _same(found: Path, expected: Path, tolerance: float) -> None:
    one, other = (sweeps.load(path / "results.zarr") for path in (found, expected))
    assert set(one) == {"accuracy", "loss"}
    for name in one:
        assert np.isfinite(other[name]).all()
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=tolerance)
    assert not list(found.rglob("*.partial"))


def _chunks(out: Path) -> int:
    return len(list(out.with_name(f"{out.name}.partial").glob("results.zarr/finished/c/*/*")))


@pytest.mark.slow
def test_two_processes_have_the_numbers_of_one(tmp_path: Path) -> None:
    config = _config(tmp_path, 5, "{tile.adc.bits: [5, 8], tile.rows: [64, 32]}")
    _ends(_start(config, tmp_path / "one", devices=1))
    for process in (both := _two(config, tmp_path / "two")):
        _ends(process)
    assert [process.returncode for process in both] == [0, 0]
    _same(tmp_path / "two", tmp_path / "one", 1e-6)
    assert (tmp_path / "two" / "report.md").is_file()
    again = _two(config, tmp_path / "two")
    told = [process.communicate(timeout=PATIENCE)[1] for process in again]
    assert told == [f"aimcjax: {tmp_path / 'two'} is a finished sweep of this config; nothing to do\n", ""]


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_one_of_two_is_killed(tmp_path: Path, victim: int) -> None:
    config = _config(tmp_path, 300, "{tile.adc.bits: [5, 8]}")
    _ends(_start(config, tmp_path / "one", devices=1))
    both = _two(config, tmp_path / "two")
    while _chunks(tmp_path / "two") < 20:
        assert [process.poll() for process in both] == [None, None]
        time.sleep(0.02)
    both[victim].kill()
    both[victim].communicate()
    _, stderr = both[1 - victim].communicate(timeout=PATIENCE)  # it does not wait for ever
    assert both[1 - victim].returncode != 0
    assert stderr != ""
    finished = _chunks(tmp_path / "two")
    assert 20 <= finished < 300
    (tmp_path / "two.calls").unlink()
    for process in _two(config, tmp_path / "two"):
        _ends(process)
    assert sum(map(int, (tmp_path / "two.calls").read_text().split())) == 300 - finished
    _same(tmp_path / "two", tmp_path / "one", 1e-6)


@pytest.mark.slow
def test_a_sweep_survives_kills_at_random(tmp_path: Path) -> None:
    n_chunks = 2 * 1000
    config = _config(tmp_path, 2000, "{tile.adc.bits: [5, 8]}")
    started = time.monotonic()
    _ends(_start(config, tmp_path / "whole", devices=1))
    duration, chance, kills, log = time.monotonic() - started, random.Random(0), 0, tmp_path / "killed.calls"
    while not (tmp_path / "killed").exists() or kills < 20:
        if (tmp_path / "killed").exists():
            _same(tmp_path / "killed", tmp_path / "whole", 0.0)
            shutil.rmtree(tmp_path / "killed")
            log.unlink()
        before = _chunks(tmp_path / "killed")
        log.write_text("")
        process = _start(config, tmp_path / "killed", devices=1)
        if kills < 20:
            time.sleep(chance.uniform(0.2, 0.95) * duration)
            process.send_signal(signal.SIGKILL)
        _, stderr = process.communicate(timeout=PATIENCE)
        assert stderr == ""
        assert process.returncode in ((0, -9) if kills < 20 else (0,))
        kills += process.returncode == -9
        finished = n_chunks if (tmp_path / "killed").exists() else _chunks(tmp_path / "killed")
        # What was computed is there, but for the chunk at work; what was there is not computed again.
        assert 0 <= len(log.read_text().split()) - (finished - before) <= 1
    _same(tmp_path / "killed", tmp_path / "whole", 0.0)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.yaml", "whole", "whole.calls", "killed", "killed.calls"
    }  # fmt: skip
