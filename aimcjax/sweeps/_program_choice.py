"""How much is computed at once: as much as the memory allows."""

import os

import jax
import numpy as np
from jax.sharding import Mesh

from ._cells import CellProgram, Metrics, Samples, Work
from ._structures import Structure


SIDE_BY_SIDE = 32  # cells at most; one after another on CPUs, whose caches hold one and whose cores one keeps busy


def default_memory() -> int:
    """Half of what a device has, or its share of half of the machine's [bytes]."""
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    if limit:
        return int(limit) // 2
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 // jax.local_device_count()


def local_mesh() -> Mesh:
    """All devices of this process, along `cell`."""
    return Mesh(np.asarray(jax.local_devices()), ("cell",), axis_types=(jax.sharding.AxisType.Auto,))


def fitting_program(
    structure: Structure, samples: Samples, *, metrics: Metrics, chunk: int, memory: int
) -> CellProgram:
    """The program of a structure that needs at most `memory` [bytes] on each device: fewer samples at once where all
    of them are too many; on accelerators so many cells side by side as fit.

    **Raises:** `MemoryError` if a single sample does not fit.
    """
    mesh, n_samples, parts = local_mesh(), samples.xs.shape[0], 1
    n_devices = mesh.devices.size

    def build(group: int, at_once: int) -> CellProgram:
        cells, networks = _call(len(structure.points), chunk, n_devices * group)
        return CellProgram(structure, samples, metrics=metrics, work=Work(mesh, cells, networks, group, at_once))

    at_once = n_samples
    program = build(1, at_once)
    while (needed := program.bytes_on_device) > memory:
        if at_once == 1:
            raise MemoryError(
                f"one sample on one chip needs {needed / 2**20:,.1f} MiB, the budget is {memory / 2**20:,.1f} MiB; "
                "give the sweep more memory, or a smaller network"
            )
        # Every try compiles; what does not shrink with the samples must not make the steps small.
        parts = max(-(-parts * needed // memory), -(-5 * parts // 4))
        at_once = max(1, -(-n_samples // parts))
        program = build(1, at_once)
    fits = min(SIDE_BY_SIDE, memory // max(needed, 1))
    if jax.default_backend() == "cpu" or fits < 2:
        return program
    while fits >= 2:
        grouped = build(int(fits), at_once)
        if grouped.bytes_on_device <= memory:
            return grouped
        fits //= 2
    return program


def _call(n_networks: int, chunk: int, multiple: int) -> tuple[int, int]:
    """Cells and networks of a call: whole chunks, as many as keep all devices busy."""
    chunks = 1 if n_networks == 1 else min(n_networks, max(1, round(multiple / chunk)))
    return -(-chunks * chunk // multiple) * multiple, chunks
