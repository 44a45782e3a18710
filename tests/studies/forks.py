"""Commands in processes of their own, without the seconds that imports and compilation take in each.

One process imports the package, but starts no computation; every command is a fork of it, which ends as any other
process does. Compiled programs are kept in a folder that all commands read.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path


_SERVER = """
import json, os, sys
import jax
from aimcjax.cli import main
for line in sys.stdin:
    told = json.loads(line)
    if "wait" in told:
        ended, status = os.waitpid(told["wait"], os.WNOHANG)
        print(os.waitstatus_to_exitcode(status) if ended else "null", flush=True)
        continue
    if process := os.fork():
        print(process, flush=True)
        continue
    for number, path, how in ((0, os.devnull, os.O_RDONLY), *((n, told["told"], os.O_WRONLY) for n in (1, 2))):
        os.dup2(os.open(path, how | os.O_APPEND), number)
    os.environ.update(told["environment"])
    for name, value in told["jax"].items():
        jax.config.update(name, value)
    exec(told["before"])
    sys.argv = ["aimcjax", *told["arguments"]]
    main()
    break
"""
_PATIENCE = 400  # [s]


class Command:
    """A command at work. `told` is what it wrote, to either stream."""

    def __init__(self, server: "Server", process: int, told: Path) -> None:
        self.process, self.returncode = process, None
        self._server, self._told = server, told

    @property
    def told(self) -> str:
        """What it wrote until now."""
        return self._told.read_text()

    def poll(self) -> int | None:
        """Its exit code, minus the signal that killed it; `None` while it works."""
        if self.returncode is None:
            self.returncode = self._server.ask({"wait": self.process})
        return self.returncode

    def kill(self) -> None:
        """At once, with no chance to tidy up; nothing if it has ended."""
        if self.poll() is None:
            os.kill(self.process, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, at its end."""
        until = time.monotonic() + _PATIENCE
        while self.poll() is None:
            assert time.monotonic() < until, self.told
            time.sleep(0.03)
        assert self.returncode is not None
        return self.returncode


class Server:
    """The process that forks. `folder` holds what commands wrote, and what was compiled."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._commands = folder, list[Command]()
        environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path),
                       "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
                       "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}  # fmt: skip
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen([sys.executable, "-c", _SERVER], env=environment, text=True, **pipes)

    def ask(self, what: Mapping[str, object]) -> int | None:
        """One question, one number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(
        self, *arguments: str, devices: int = 1, before: str = "", keep: bool = True, **environment: str
    ) -> Command:
        """Starts `aimcjax` with these arguments, after the lines `before`. What is killed must not `keep` what it
        compiled: it may end while it writes."""
        told = self.folder / f"{len(self._commands)}.txt"
        told.touch()
        settings = {"jax_num_cpu_devices": devices, "jax_persistent_cache_min_compile_time_secs": 0 if keep else 1e9}
        process = self.ask({"arguments": arguments, "before": before, "environment": environment, "jax": settings,
                            "told": str(told)})  # fmt: skip
        assert process is not None
        self._commands.append(Command(self, process, told))
        return self._commands[-1]

    def close(self) -> None:
        """Ends all that still works."""
        for command in self._commands:
            if command.poll() is None:
                command.kill()
                command.wait()
        self._process.communicate()


@contextlib.contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A `Server` that ends with the block."""
    one = Server(folder)
    try:
        yield one
    finally:
        one.close()
