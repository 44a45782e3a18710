"""Sweeps of several processes, and of processes that are killed, end with the numbers of one that was not."""

import contextlib
import json
import random
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import forks
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
AXES = "{tile.adc.bits: [5, 8], tile.rows: [64, 32]}"  # two structures, each with a program of its own
# A line in a file for every call of a program: how many chunks it computes.
NOTED = """
from aimcjax.sweeps._cells import CellProgram
call = CellProgram.__call__
def noted(self, members, place, keys):
    with open(os.environ["CALLS"], "a") as file:
        file.write(f"{len(members)}\\n")
    return call(self, members, place, keys)
CellProgram.__call__ = noted
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[forks.Server]:
    with forks.server(tmp_path_factory.mktemp("forks")) as one:
        yield one


class Sweep:
    """The command, of one config, into a folder."""

    def __init__(self, server: forks.Server, folder: Path, n_chips: int, axes: str) -> None:
        self._server, self.folder, self._config = server, folder, folder / "config.yaml"
        self._config.write_text(CONFIG.replace("N_CHIPS", str(n_chips)).replace("AXES", axes))

    def start(self, name: str, *more: str, devices: int = 1, keep: bool = True, **environment: str) -> forks.Command:
        arguments = ["sweep", str(self._config), "--quiet", "--out", str(self.folder / name), *more]
        environment["CALLS"] = str(self.folder / f"{name}.calls")
        return self._server.start(*arguments, devices=devices, before=NOTED, keep=keep, **environment)

    def two(self, name: str, launcher: str = "options", *, keep: bool = False) -> list[forks.Command]:
        """Two processes of two devices each, that meet on this machine; a launcher is what it tells them."""
        port = _free_port()
        options = ("--coordinator", f"localhost:{port}", "--processes", "2", "--process-id")
        if launcher == "options":
            return [self.start(name, *options, str(i), devices=2, keep=keep) for i in range(2)]
        return [self.start(name, devices=2, keep=keep, **_launched(launcher, i, port)) for i in range(2)]

    def calls(self, name: str) -> list[int]:
        """Chunks of every call since the last question."""
        path = self.folder / f"{name}.calls"
        counts = list(map(int, path.read_text().split())) if path.is_file() else []
        path.write_text("")
        return counts

    def finished(self, name: str) -> int:
        """Chunks that a sweep which is not complete has finished; a file at work is not called by a number."""
        return len(list(self.folder.glob(f"{name}.partial/results.zarr/finished/c/*/*[0-9]")))


_FIRST = 2**16 - 2**12  # of the ports among which JAX takes one by the number of a job


def _free_port() -> int:
    chance = random.Random()
    while True:
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("localhost", port := chance.randrange(_FIRST, 2**16)))
            return port


def _launched(launcher: str, rank: int, port: int) -> dict[str, str]:
    job = port - _FIRST
    told = {
        "Slurm": {"JOB_ID": job, "STEP_NODELIST": "localhost", "STEP_NUM_NODES": 1, "NTASKS": 2, "STEP_NUM_TASKS": 2,
                  "PROCID": rank, "LOCALID": rank},
        "Open MPI": {"MCA_orte_hnp_uri": f"{job * 2**12}.0;tcp://127.0.0.1:34911", "COMM_WORLD_SIZE": 2,
                     "COMM_WORLD_RANK": rank, "COMM_WORLD_LOCAL_RANK": rank},
    }  # fmt: skip
    prefix = {"Slurm": "SLURM", "Open MPI": "OMPI"}[launcher]
    return {f"{prefix}_{name}": str(value) for name, value in told[launcher].items()}


def _ends(*commands: forks.Command) -> None:
    for command in commands:
        assert command.wait() == 0, command.told
    assert [command.told for command in commands] == [""] * len(commands)


def _same(found: Path, expected: Path, tolerance: float) -> None:
    one, other = (sweeps.load(path / "results.zarr") for path in (found, expected))
    assert set(one) == {"accuracy", "loss"}
    for name in one:
        assert np.isfinite(other[name]).all()
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=tolerance)
    files = lambda path: sorted(str(file.relative_to(path)) for file in path.rglob("*") if "/d/" not in str(file))
    assert files(found) == files(expected)
    assert not list(found.rglob("*.partial"))
    assert [path.name for path in found.glob("*.json") if not json.loads(path.read_text())] == []


@pytest.fixture(scope="module")
def sweep(server: forks.Server, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    return Sweep(server, tmp_path_factory.mktemp("sweep"), 20, AXES)


@pytest.fixture(scope="module")
def alone(sweep: Sweep) -> Path:
    """The folder of a sweep by one process with one device."""
    _ends(sweep.start("alone"))
    return sweep.folder / "alone"


def test_two_processes_have_the_numbers_of_one(sweep: Sweep, alone: Path) -> None:
    _ends(*sweep.two("two", keep=True))
    _same(sweep.folder / "two", alone, 1e-6)
    assert (sweep.folder / "two" / "report.md").is_file()
    both = sweep.two("two")
    assert [command.wait() for command in both] == [0, 0]
    told = f"aimcjax: {sweep.folder / 'two'} is a finished sweep of this config; nothing to do\n"
    assert [command.told for command in both] == [told, ""]


def test_one_of_two_is_killed_and_any_launcher_goes_on(sweep: Sweep, alone: Path) -> None:
    n_chunks, finished = 4 * 10, 0
    for victim, launcher in ((1, "options"), (0, "Slurm")):
        both = sweep.two("killed", launcher)
        while sweep.finished("killed") < finished + 2:
            assert [command.poll() for command in both] == [None, None]
            time.sleep(0.005)
        both[victim].kill()
        assert both[1 - victim].wait() != 0  # it does not wait for ever
        assert both[1 - victim].told != ""
        assert finished + 2 <= sweep.finished("killed") < n_chunks
        finished = sweep.finished("killed")
        sweep.calls("killed")
    _ends(*sweep.two("killed", "Open MPI"))
    assert sum(sweep.calls("killed")) == n_chunks - finished
    _same(sweep.folder / "killed", alone, 1e-6)


def test_a_sweep_survives_kills_at_random(server: forks.Server, tmp_path: Path) -> None:
    sweep, n_chunks = Sweep(server, tmp_path, 100, "{tile.adc.bits: [5, 8]}"), 2 * 50
    _ends(sweep.start("whole"))
    started = time.monotonic()
    _ends(sweep.start("again"))
    duration, chance, kills, killed = time.monotonic() - started, random.Random(0), 0, tmp_path / "killed"
    while not killed.exists() or kills < 20:
        if killed.exists():
            _same(killed, tmp_path / "whole", 0.0)
            shutil.rmtree(killed)
        before = sweep.finished("killed")
        sweep.calls("killed")
        command = sweep.start("killed", keep=False)
        if kills < 20:
            time.sleep(chance.uniform(0.2, 0.75) * duration)
            command.kill()
        assert command.wait() in ((0, -9) if kills < 20 else (0,))
        assert command.told == ""
        kills += command.returncode == -9
        finished = n_chunks if killed.exists() else sweep.finished("killed")
        # What was computed is there, but for the call at work; what was there is not computed again.
        calls = sweep.calls("killed")
        assert 0 <= sum(calls) - (finished - before) <= (calls[-1] if calls else 0)
    _same(killed, tmp_path / "whole", 0.0)
    assert {path.name for path in tmp_path.iterdir()} == {
        "config.yaml", "whole", "whole.calls", "again", "again.calls", "killed", "killed.calls"
    }  # fmt: skip
