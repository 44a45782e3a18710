"""Where the arrays of a training step lie on a mesh of devices: by shape, and by what they are."""

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.ad_checkpoint import checkpoint_name
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from .. import models, nn
from ..mapping import AbstractCompensation
from ..tiles import AbstractTileDesign


Tree = TypeVar("Tree")
AXES = ("data", "model", "expert")
# Layers whose inputs the layers before them have split: they keep their columns apart and sum, as Megatron does
# (Shoeybi et al., arXiv 1909.08053, 2019, section 3). Any other layer, and any other name, splits its outputs.
ROW_PARALLEL = frozenset({"out", "down", "o_proj", "down_proj", "out_proj", "c_proj"})


def make_mesh(sizes: Mapping[str, int]) -> Mesh:
    """A mesh of the first devices of this machine, with the axes `data`, `model` and `expert`; those that `sizes` does
    not name have one device.

    **Raises:** `ValueError` for other names, sizes below one, and more devices than there are.
    """
    check_axes(sizes)
    wanted, devices = math.prod(sizes.values()), jax.devices()
    if wanted > len(devices):
        raise ValueError(
            f"mesh wants {wanted} devices, this machine has {len(devices)}; "
            f"on CPUs set XLA_FLAGS=--xla_force_host_platform_device_count={wanted}"
        )
    shape = tuple(sizes.get(axis, 1) for axis in AXES)
    return jax.make_mesh(shape, AXES, (AxisType.Auto,) * len(AXES), devices=devices[:wanted])


def check_axes(sizes: Mapping[str, int]) -> None:
    """Raises `ValueError` unless `sizes` gives axes of a mesh whole numbers above zero."""
    for axis, size in sizes.items():
        if axis not in AXES:
            raise ValueError(f"a mesh has the axes {', '.join(AXES)}, got {str(axis)[:40]!r}")
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"the mesh axis {axis} needs a whole number of devices above zero, got {size!r}")


def check_batch(batch_size: int, sizes: Mapping[str, int]) -> None:
    """Raises `ValueError` if a batch of `batch_size` samples does not split over a mesh of `sizes`, devices by axis."""
    parts = sizes.get("data", 1) * sizes.get("expert", 1)
    if batch_size % parts:
        raise ValueError(
            f"batch_size={batch_size} does not split over {parts} devices (data x expert of the mesh); "
            f"use a multiple of {parts}"
        )


def shardings(tree: Any, mesh: Mesh | AbstractMesh, *, gathered: bool = False) -> Any:
    """A `NamedSharding` for every array of a model, plain or analog, or of the state of its optimiser.

    - Matrices split over `model`: their outputs, or the inputs of layers that take what was split before them
      (`ROW_PARALLEL`); the other of the two if that one does not divide.
    - Stacks of experts split over `expert`, expert by expert.
    - The largest axis left that divides splits over `data`: parameters are gathered when they are used (Rajbhandari et
      al., arXiv 1910.02054, 2020, stage 3).
    - Vectors, scalars, what divides by nothing, and the physics of tiles: on every device.

    **Arguments:** `tree`, arrays or `jax.ShapeDtypeStruct`; `mesh`, from `make_mesh`; `gathered`, as they are while
    they are used: not split over `data`.
    """

    sizes = {**mesh.shape, "data": 1} if gathered else mesh.shape

    def of_layer(path: Any, node: Any) -> Any:
        one = lambda inner, leaf: NamedSharding(mesh, _spec(node, (*path, *inner), leaf, sizes))
        return jtu.tree_map_with_path(one, node)

    return jtu.tree_map_with_path(of_layer, eqx.filter(tree, _is_array), is_leaf=_is_known)


def gathered(tree: Tree) -> Tree:
    """Inside `jit`, on the mesh of the thread (if there is one): `tree` as it is used, not split over `data`."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return tree
    return jax.lax.with_sharding_constraint(tree, shardings(tree, mesh, gathered=True))


def _gather_but_blocks(params: Any) -> Any:
    outside = eqx.tree_at(lambda tree: tree.blocks, params, None)
    return eqx.tree_at(lambda tree: tree.blocks, gathered(outside), params.blocks, is_leaf=lambda node: node is None)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) or eqx.is_array(leaf)


def _is_known(node: Any) -> bool:
    return _is_physics(node) or _is_experts(node)


def _is_physics(node: Any) -> bool:
    return isinstance(node, (AbstractTileDesign, AbstractCompensation, nn.AbstractRangeRule))


def _is_experts(node: Any) -> bool:
    stack = isinstance(node, nn.AnalogLinear) and isinstance(node.form, nn.Experts)
    return stack or isinstance(node, models.ExpertLinear)


def _spec(node: Any, path: Any, leaf: Any, sizes: Mapping[str, int]) -> PartitionSpec:
    if _is_physics(node) or leaf.ndim < 2:
        return PartitionSpec()
    lead = int(_is_experts(node))
    axes: list[str | None] = [None] * leaf.ndim
    divides = lambda axis, name: sizes[name] > 1 and leaf.shape[axis] % sizes[name] == 0
    if lead and divides(0, "expert"):
        axes[0] = "expert"
    n_out, n_in = lead, lead + 1
    takes_split = not ROW_PARALLEL.isdisjoint(jtu.keystr(path, simple=True, separator="/").split("/"))
    preferred = (n_in, n_out) if takes_split else (n_out, n_in)
    for axis in preferred:
        if axis < leaf.ndim and divides(axis, "model"):
            axes[axis] = "model"
            break
    left = [axis for axis in range(leaf.ndim) if axes[axis] is None and divides(axis, "data")]
    if left:
        axes[max(left, key=lambda axis: leaf.shape[axis])] = "data"
    return PartitionSpec(*axes)


class Layout(NamedTuple):
    """What a training step asks of a mesh; without one (`None`) everything stays as it is."""

    mesh: Mesh | None
    deep: bool = False

    def put(self, tree: Tree) -> Tree:
        """The arrays of `tree` on their devices: copies, so that the step may overwrite them."""
        if self.mesh is None:
            return tree
        # `device_put` shares the memory of what lies there already, even if told not to.
        return jax.tree.map(lambda leaf, where: jax.device_put(jnp.copy(leaf), where), tree, shardings(tree, self.mesh))

    def everywhere(self, tree: Tree) -> Tree:
        """The arrays of `tree` whole on every device."""
        return tree if self.mesh is None else jax.device_put(tree, NamedSharding(self.mesh, PartitionSpec()))

    def keep(self, tree: Tree) -> Tree:
        """Inside `jit`: the arrays of `tree` stay where `put` laid them."""
        if self.mesh is None:
            return tree
        return jax.lax.with_sharding_constraint(tree, shardings(tree, self.mesh))

    def replicated(self, tree: Tree) -> Tree:
        """Inside `jit`: the arrays of `tree` whole on every device."""
        if self.mesh is None:
            return tree
        return jax.lax.with_sharding_constraint(tree, NamedSharding(self.mesh, PartitionSpec()))

    def gathering(self, loss: Callable[..., Array]) -> Callable[..., Array]:
        """`loss(params, ...)` that gathers the parameters over `data` where it uses them, and again for the gradient:
        without being told, the partitioner would rather split activations as it finds the parameters split."""
        if self.mesh is None:
            return loss
        if self.deep:  # whose blocks gather for themselves; a second checkpoint around them would undo theirs
            return lambda params, *args: loss(_gather_but_blocks(params), *args)
        policy = jax.checkpoint_policies.save_anything_except_these_names("gathered")
        with_gathered = lambda params, *args: loss(checkpoint_name(gathered(params), "gathered"), *args)
        return jax.checkpoint(with_gathered, policy=policy)

    def split(self, batch: Tree) -> Tree:
        """Inside `jit`: samples over `data` and `expert`; the devices of one `model` group see the same."""
        if self.mesh is None:
            return batch
        return jax.lax.with_sharding_constraint(batch, self.of_batch)

    @property
    def of_batch(self) -> NamedSharding:
        """The sharding of a batch."""
        assert self.mesh is not None
        return NamedSharding(self.mesh, PartitionSpec(("data", "expert")))

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """The mesh as that of the thread."""
        return contextlib.nullcontext() if self.mesh is None else jax.set_mesh(self.mesh)
