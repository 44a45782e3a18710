"""What a training step takes of every device, found by compiling it: no array is made."""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax.sharding import Mesh

from .._types import PRNGKey
from ._epoch import compiled_epoch
from ._loop import Forward, loss_of, optimiser_of, parts_of
from ._schedule import Schedule
from ._sharding import Layout, check_batch, shardings


class Plan(NamedTuple):
    """Bytes of one device for a step of training. The first four follow from shapes and shardings; `temporaries`
    (activations, gathered parameters, gradients and whatever else lives for a while) and `total` are those of the
    compiler's buffer assignment; `compile_s` [s]."""

    mesh: dict[str, int]
    platform: str
    n_parameters: int
    parameters: int
    gradients: int
    optimiser: int
    fixed: int
    temporaries: int
    total: int
    compile_s: float


def plan(
    build: Callable[[PRNGKey], Any],
    x: jax.ShapeDtypeStruct,
    y: jax.ShapeDtypeStruct,
    *,
    forward: Forward,
    schedule: Schedule,
    mesh: Mesh,
    projection: optax.GradientTransformation | None = None,
    deep: bool = False,
) -> Plan:
    """Compiles the step that `fit` would run, for shapes only.

    **Arguments:** `build(key)`, makes the model (it is only traced); `x` and `y`, the shapes of one batch; `forward`,
    `schedule`, `mesh`, `projection` and `deep` as for `fit`.

    **Returns:** the bytes that it takes of each device.

    **Raises:** `ValueError` if a batch does not split over the mesh.
    """
    layout = Layout(mesh, deep)
    check_batch(schedule.batch_size // schedule.accumulate, mesh.shape)
    optimiser = optimiser_of(schedule, 1, projection)
    params, fixed, structure = eqx.filter_eval_shape(lambda key: parts_of(build(key)), jr.key(0))
    state = jax.eval_shape(optimiser.init, params)
    epoch = compiled_epoch(loss_of(forward, structure, deep=deep), optimiser, structure, schedule, 1, layout)
    placed = [_placed(tree, mesh) for tree in (params, state, fixed)]
    started = time.monotonic()
    with layout.active():
        lowered = epoch.lower(*placed, (x, y), jax.ShapeDtypeStruct((), jnp.int32), jax.eval_shape(lambda: jr.key(0)))
        memory = lowered.compile().memory_analysis()
    of_params = _bytes(params, mesh)
    return Plan(
        mesh=dict(mesh.shape),
        platform=mesh.devices.flat[0].platform,
        n_parameters=sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params)),
        parameters=of_params,
        gradients=of_params,
        optimiser=_bytes(state, mesh),
        fixed=_bytes(fixed, mesh),
        temporaries=memory.temp_size_in_bytes,
        total=memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes,
        compile_s=time.monotonic() - started,
    )


def _placed(tree: Any, mesh: Mesh) -> Any:
    place = lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where)
    return jax.tree.map(place, tree, shardings(tree, mesh))


def _bytes(tree: Any, mesh: Mesh) -> int:
    """Bytes of `tree` on one device."""
    sizes = jax.tree.map(
        lambda leaf, where: (
            math.prod(where.shard_shape(leaf.shape)) * jnp.dtype(leaf.dtype).itemsize
            if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            else 8
        ),
        tree,
        shardings(tree, mesh),
    )
    return sum(jax.tree.leaves(sizes))
