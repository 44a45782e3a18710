"""The contract that every device, converter, encoding, crossbar, tile and layer fulfils.

One entry says how to call a component; `check_contract` runs everything that must hold for all of them.
"""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import tolerances
from jax.test_util import check_grads

from aimcjax import checkpoint


@dataclasses.dataclass(frozen=True)
class Entry:
    """`call(component, x, key)` returns an array and uses every part of the component; `x` is one unbatched input."""

    component: Any
    call: Callable[[Any, jax.Array, jax.Array], jax.Array]
    x: jax.Array
    smooth: bool = False  # differentiable everywhere, so gradients can be compared with finite differences


def check_contract(entry: Entry, key: jax.Array) -> None:
    """Runs the whole contract: once as Python, all else with one compiled function for each transformation."""
    traces: list[Any] = []

    def counted(*arguments: Any) -> jax.Array:
        traces.append(arguments)
        return entry.call(*arguments)

    compiled = jax.jit(counted)
    result = compiled(entry.component, entry.x, key)
    is_pytree(entry, compiled, result, key)
    survives_saving(entry)
    jit_is_eager(entry, result, key)
    new_values_do_not_recompile(entry, compiled, key)
    same_key_same_result(entry, compiled, result, key)
    vmap_is_loop(entry, compiled, key)
    assert len(traces) == 1, "a new value compiled the component again"
    has_finite_gradients(entry, key)


def is_pytree(entry: Entry, compiled: Callable[..., jax.Array], result: jax.Array, key: jax.Array) -> None:
    leaves, structure = jax.tree.flatten(entry.component)
    rebuilt = jax.tree.unflatten(structure, leaves)
    assert eqx.tree_equal(rebuilt, entry.component)
    assert all(not leaf.weak_type for leaf in leaves if isinstance(leaf, jax.Array))
    _close(compiled(rebuilt, entry.x, key), result, 0.0)


def survives_saving(entry: Entry) -> None:
    if not jax.tree.leaves(entry.component):
        return
    moved = jax.tree.map(lambda leaf: leaf * 1.01, entry.component)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(pathlib.Path(folder) / "saved", component=moved)
        loaded = checkpoint.load(pathlib.Path(folder) / "saved", "component", like=entry.component)
    assert eqx.tree_equal(loaded, moved)


def jit_is_eager(entry: Entry, result: jax.Array, key: jax.Array) -> None:
    _close(result, entry.call(entry.component, entry.x, key), tolerances.PRIMITIVE)


def vmap_is_loop(entry: Entry, compiled: Callable[..., jax.Array], key: jax.Array) -> None:
    xs = jnp.stack([entry.x, 0.5 * entry.x, 0.0 * entry.x])
    keys = jax.random.split(key, 3)
    batched = jax.jit(jax.vmap(lambda x, key: entry.call(entry.component, x, key)))(xs, keys)
    looped = jnp.stack([compiled(entry.component, x, key) for x, key in zip(xs, keys, strict=True)])
    _close(batched, looped, tolerances.PRIMITIVE)


def new_values_do_not_recompile(entry: Entry, compiled: Callable[..., jax.Array], key: jax.Array) -> None:
    """The number of traces is looked at in the end."""
    moved = jax.tree.map(lambda leaf: leaf * 1.01, entry.component)
    compiled(moved, 0.9 * entry.x, jax.random.fold_in(key, 1))


def same_key_same_result(entry: Entry, compiled: Callable[..., jax.Array], result: jax.Array, key: jax.Array) -> None:
    np.testing.assert_array_equal(np.asarray(result), np.asarray(compiled(entry.component, entry.x, key)))


def has_finite_gradients(entry: Entry, key: jax.Array) -> None:
    """Also at zero input, where square roots, logarithms and powers of careless code have infinite slopes."""
    total = lambda component, x, key: jnp.sum(entry.call(component, x, key))
    gradients_of = jax.jit(jax.grad(total, argnums=(0, 1)))
    for x in (entry.x, 0.0 * entry.x):
        gradients = gradients_of(entry.component, x, key)
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradients))
    if entry.smooth:
        with jax.enable_x64(True):
            to_double = lambda tree: jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf), jnp.float64), tree)
            function = jax.jit(lambda x: entry.call(to_double(entry.component), jnp.asarray(x), key))
            check_grads(function, (to_double(entry.x),), order=1, modes=["fwd", "rev"], atol=1e-6, rtol=1e-4, eps=1e-8)


def _close(a: jax.Array, b: jax.Array, relative: float) -> None:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    np.testing.assert_allclose(a, b, rtol=0, atol=relative * max(np.max(np.abs(b)), np.finfo(np.float32).tiny))
