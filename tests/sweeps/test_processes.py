"""Who works together, and that nobody waits for what will not come."""

import subprocess
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from jax.errors import JaxRuntimeError

from aimcjax import sweeps
from aimcjax.cli import _distributed
from aimcjax.cli._distributed import Team, join, team
from aimcjax.sweeps import _processes


SLURM = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"}
OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1",
            "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.0.0.1:34911"}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in (*_distributed._LAUNCHERS.values(), (_distributed._ADDRESS,)):
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("told", "size", "rank"),
    [
        ({}, 1, 0),
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, 1, 0),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}, 4, 3),
        (OPEN_MPI, 2, 1),
        ({**OPEN_MPI, "SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "2"}, 2, 1),  # mpirun within a job of Slurm
        ({"TPU_WORKER_HOSTNAMES": "a,b,c,d", "TPU_WORKER_ID": "2"}, 4, 2),
        ({"TPU_WORKER_HOSTNAMES": "localhost", "TPU_WORKER_ID": "0"}, 1, 0),
        ({"JOBSET_TOTAL_PROCESSES": "8", "JOB_COMPLETION_INDEX": "7"}, 8, 7),
    ],
)
def test_launchers_tell_who_is_there(
    told: dict[str, str], size: int, rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert team(None, None, None) == Team(size, rank, {})


def test_options_go_together() -> None:
    address = {"coordinator_address": "host:12", "num_processes": 2, "process_id": 1}
    assert team("host:12", 2, 1) == Team(2, 1, address)
    for given, told in (
        (("host:12", 2, None), "go together; give all three"),
        (("host:12", 2, 2), "counts from 0 to --processes - 1, got 2 of 2"),
        (("host", 2, 1), "is HOST:PORT, got 'host'"),
    ):
        with pytest.raises(ValueError, match=told):
            team(*given)


def test_a_launcher_without_an_address_takes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"):
        monkeypatch.setenv(name, OPEN_MPI[name])
    with pytest.raises(ValueError, match=r"Open MPI does not say where .*; give --coordinator HOST:PORT$"):
        team(None, None, None)
    address = {"coordinator_address": "host:12", "num_processes": 2, "process_id": 1}
    assert team("host:12", None, None) == Team(2, 1, address)


def test_a_launcher_that_jax_does_not_know_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax._src.clusters.ClusterEnv, "_cluster_types", [])
    monkeypatch.setattr(jax._src.xla_bridge, "backends_are_initialized", lambda: False)  # as in a process that begins
    with pytest.raises(ValueError, match=r"^the processes did not find each other: coordinator_address should be"):
        join(Team(2, 1, {}), [])


@pytest.mark.parametrize("code", [0, 2])
def test_the_first_process_prepares_alone(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    ran: list[Any] = []

    def run(command: list[str], *, env: dict[str, str], check: bool) -> Any:
        # What the launcher said must not reach it, or it would prepare itself, and so on.
        assert not {"SLURM_STEP_NUM_TASKS"} & set(env)
        ran.append(command[1:])
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(_distributed, "_keep_stdout", lambda: ran.append("keeps"))  # which is that of the tests
    monkeypatch.setattr(jax.distributed, "initialize", lambda **how: ran.append(how["initialization_timeout"] > 3600))
    if code:
        with pytest.raises(ValueError, match="the networks could not be trained, see above"):
            join(team(None, None, None), ["sweep", "c.yaml"])
    else:
        join(team(None, None, None), ["sweep", "c.yaml"])
    assert ran == [["-m", "aimcjax", "sweep", "c.yaml"], True, "keeps"]


def _others(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[int]:
    """Two processes, of which this is the first; `answer` to what it says."""
    said: list[int] = []

    def gather(value: np.ndarray) -> np.ndarray:
        said.append(int(value))
        if isinstance(answer, Exception):
            raise answer
        return np.asarray([int(value), answer])

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(_processes.multihost_utils, "process_allgather", gather)
    return said


def test_an_error_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _others(monkeypatch, 0)
    with pytest.raises(OSError, match="disk"), sweeps.agreeing(), sweeps.agreeing():
        raise OSError("disk")
    assert said == [1]
    with sweeps.agreeing():
        pass
    assert said == [1, 0]


def test_the_failure_of_another_ends_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _others(monkeypatch, 1)
    with pytest.raises(ValueError, match="process 1 failed; its own message says why"), sweeps.agreeing():
        sweeps.agree()
    assert said == [0]


def test_a_lost_process_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _others(monkeypatch, JaxRuntimeError("Connection closed\n by peer"))
    told = r"another process has ended; .* goes on \(Connection closed by peer\)"
    with pytest.raises(sweeps.LostProcess, match=told), sweeps.agreeing():
        sweeps.agree()
    assert said == [0]
