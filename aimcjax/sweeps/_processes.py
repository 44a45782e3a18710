"""Several processes at one sweep: they share a folder, and meet only to agree that everything went well."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.errors import JaxRuntimeError
from jax.experimental import multihost_utils


_TOLD = "_aimcjax_told"  # marks an error that the other processes know of


class LostProcess(ValueError):
    """Another process has ended without a word: nothing can be agreed on any more."""


def agree(error: Exception | None = None) -> None:
    """Waits for all processes, and raises in all of them if one has failed: none waits for what will not come.

    **Raises:** its own `error`; `ValueError` naming the first of the others that failed; `LostProcess`.
    """
    failed: list[int] = []
    if jax.process_count() > 1:
        with _together():
            told = multihost_utils.process_allgather(np.asarray(error is not None, np.int32))
            failed = np.flatnonzero(np.asarray(told)).tolist()
    if error is not None:
        raise _told(error)
    if failed:
        raise _told(ValueError(f"stopped, for process {failed[0]} failed; its own message says why"))


def decided(answer: bool) -> bool:
    """What the first process says, in all of them: what they read themselves may be older."""
    if jax.process_count() == 1:
        return answer
    with _together():
        said = multihost_utils.broadcast_one_to_all(np.asarray(answer, np.int32))
    return bool(said)


class agreeing:
    """A block that all processes leave together, or none of them well; see `agree`. Blocks may lie in blocks: an error
    is told once."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            agree()
        elif isinstance(error, Exception) and not getattr(error, _TOLD, False):  # interrupted: nobody waits
            agree(error)


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """Says what has happened when the others can no longer be reached."""
    try:
        yield
    except JaxRuntimeError as error:
        line = " ".join(str(error).split())[:200]
        lost = LostProcess(f"another process has ended; what is finished stays, the same command goes on ({line})")
        raise _told(lost) from None


def _told(error: Exception) -> Exception:
    setattr(error, _TOLD, True)
    return error
