"""Who works in a directory: a file that names the process, and that the system unlocks when the process ends."""

import contextlib
import fcntl
import json
import os
import socket
from pathlib import Path


class LockedError(OSError):
    """Who holds it."""


class Lock:
    """A lock file at `path` for as long as this process lives, or until `release`.

    The system holds the lock, so however a process ends, the next one takes it over; the file says whose it is.

    **Raises:** `LockedError`, its text the process and the host, if it is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise LockedError(_owner(path)) from None
        except OSError:  # a file system without locks: its name is all there is
            pass
        if not self.held():  # its holder has just finished, and removed or renamed it
            os.close(self._file)
            raise LockedError("a process that is about to end")
        os.ftruncate(self._file, 0)
        os.write(self._file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())

    def held(self) -> bool:
        """Whether the file is still the one that was locked."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self.path), os.fstat(self._file))
        return False

    def release(self) -> None:
        """For others to take."""
        with contextlib.suppress(OSError):
            os.close(self._file)


def _owner(path: Path) -> str:
    try:
        facts = json.loads(path.read_text())
        return f"process {facts['pid']} on {facts['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
