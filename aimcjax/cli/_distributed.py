"""Several processes at one command: who they are, and that they find each other."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import jax

from .. import sweeps
from ._errors import refuse


# What launchers tell their processes: how many there are, and which one this is. Open MPI comes first, as in JAX:
# within a job of Slurm, its processes also inherit what Slurm told the daemon that started them, one on each node.
_LAUNCHERS = {
    "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    "Slurm": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
    "a TPU pod": ("TPU_WORKER_HOSTNAMES", "TPU_WORKER_ID"),
    "Kubernetes": ("JOBSET_TOTAL_PROCESSES", "JOB_COMPLETION_INDEX"),
}
_ADDRESS = "OMPI_MCA_orte_hnp_uri"  # where JAX finds the first process of Open MPI; version 5 does not set it
_PATIENCE = 7 * 24 * 3600  # [s]; the first process may train for long before the others meet it


class Team(NamedTuple):
    """The processes of a command: `size`, and `rank`, which of them this is; `address`, arguments of
    `jax.distributed.initialize`, none where JAX asks the launcher."""

    size: int
    rank: int
    address: dict[str, object]


def team(coordinator: str | None, processes: int | None, process_id: int | None) -> Team:
    """Who works together, as options say or as a launcher does; alone if neither does. Beside a launcher, which says
    how many and which, the address alone will do.

    **Raises:** `ValueError` for options that do not go together, and for a launcher that JAX cannot ask for an address.
    """
    launcher, size, rank = _launched()
    if coordinator is not None and processes is None and process_id is None and size > 1:
        processes, process_id = size, rank
    given = (coordinator, processes, process_id)
    if coordinator is not None and processes is not None and process_id is not None:
        if not 0 <= process_id < processes:
            raise ValueError(f"--process-id counts from 0 to --processes - 1, got {process_id} of {processes}")
        host, _, port = coordinator.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"--coordinator is HOST:PORT, got {coordinator!r}")
        address = {"coordinator_address": coordinator, "num_processes": processes, "process_id": process_id}
        return Team(processes, process_id, address)
    if any(option is not None for option in given):
        raise ValueError("--coordinator, --processes and --process-id go together; give all three")
    if launcher == "Open MPI" and _ADDRESS not in os.environ:
        raise ValueError("Open MPI does not say where its first process is; give --coordinator HOST:PORT")
    return Team(size, rank, {})


def _launched() -> tuple[str, int, int]:
    """The launcher of this process and its size and rank there; `("", 1, 0)` if there is none."""
    for launcher, (size, rank) in _LAUNCHERS.items():
        told = os.environ.get(size, "")
        n = told.count(",") + 1 if "," in told else int(told) if told.isdigit() else 1
        if n > 1:
            return launcher, n, int(os.environ.get(rank, "0"))
    return "", 1, 0


def join(team: Team, preparation: list[str]) -> None:
    """Meets the other processes. The first one runs the command `preparation` before, in a process of its own, which
    has all of its devices: what it trains and writes, the others read.

    **Raises:** `ValueError` if they do not come, or if the preparation failed.
    """
    if team.size == 1:
        return
    failed = False
    if team.rank == 0:
        sizes = {size for size, _ in _LAUNCHERS.values()}
        alone = {name: value for name, value in os.environ.items() if name not in sizes}
        failed = subprocess.run([sys.executable, "-m", "aimcjax", *preparation], env=alone, check=False).returncode != 0
    try:
        jax.distributed.initialize(**team.address, initialization_timeout=_PATIENCE)  # pyright: ignore[reportArgumentType]
    except (RuntimeError, ValueError) as error:  # they do not come, or there is no address
        raise ValueError(f"the processes did not find each other: {error}") from None
    # JAX has taken the signal for itself, and would go on.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    _keep_stdout()
    # Gloo finds its peers at the first collective, and does not wait long for them: here.
    sweeps.agree(ValueError("the networks could not be trained, see above") if failed else None)


def _keep_stdout() -> None:
    """Keeps standard output, which scripts read, for Python: Gloo writes there, below it, whom it has found."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


@contextlib.contextmanager
def parting() -> Iterator[None]:
    """Leaves at once where the others are lost, or this process is interrupted: at its end JAX waits for all of them
    to end, minutes long, and then aborts."""
    try:
        yield
    except (sweeps.LostProcess, KeyboardInterrupt, SystemExit) as error:
        if jax.process_count() == 1:
            raise
        code = error.code if isinstance(error, SystemExit) else 130
        if isinstance(error, sweeps.LostProcess):
            code = refuse(str(error)).exit_code
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
