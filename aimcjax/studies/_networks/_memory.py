"""Whether a network can be trained on this machine, by arithmetic, before anything is allocated."""

import math
import os
from typing import Any

import jax


COPIES = 4  # parameters, gradients, two moments of Adam


def check_memory(shapes: Any, n_devices: int = 1) -> None:
    """Raises `MemoryError` if training parameters of `shapes` needs more than `n_devices` have.

    JAX finds out as well, but asynchronously: the error can then be a wait without end.
    """
    n_parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes) if hasattr(leaf, "shape"))
    needed, available = 4 * COPIES * n_parameters, _available(n_devices)
    if needed > available:
        raise MemoryError(
            f"{n_parameters:,} parameters need {needed / 2**30:,.1f} GiB to train, "
            f"this machine has {available / 2**30:,.1f} GiB"
        )


def _available(n_devices: int) -> int:
    statistics = jax.local_devices()[0].memory_stats()  # none on CPUs, which share what there is
    limit = (statistics or {}).get("bytes_limit")
    return n_devices * limit if limit else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
