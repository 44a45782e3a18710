"""Several processes at one sweep: they share a folder, and meet only to agree that everything went well."""

from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils


def agree(error: Exception | None = None) -> None:
    """Waits for all processes, and raises in all of them if one has failed: none waits for what will not come.

    **Raises:** its own `error`; `RuntimeError` naming the others that failed.
    """
    if jax.process_count() == 1:
        failed = []
    else:
        told = multihost_utils.process_allgather(np.asarray(error is not None, np.int32))
        failed = np.flatnonzero(np.asarray(told)).tolist()
    if error is not None:
        raise error
    if failed:
        raise ValueError(f"stopped, for process {failed[0]} failed; its own message says why")


class agreeing:
    """A block that all processes leave together, or none of them well; see `agree`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None or isinstance(error, Exception):  # interrupted: nobody waits
            agree(error)
