"""Models with random arrays made by NumPy: nothing is compiled for their sake."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np


def filled(build, *args, spread: float = 0.3, seed: int = 0, **sizes):
    """`build(*args, **sizes, key=...)` with normal arrays of standard deviation `spread` for its initial ones."""
    blank = eqx.filter_eval_shape(build, *args, **sizes, key=jr.key(0))
    rng = np.random.default_rng(seed)
    is_shape = lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)
    draw = lambda leaf: jnp.asarray(spread * rng.normal(size=leaf.shape), leaf.dtype) if is_shape(leaf) else leaf
    return jax.tree.map(draw, blank)


def normal(*shape: int, seed: int = 1):
    """A normal array in single precision."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def integers(n: int, *shape: int, seed: int = 2):
    """An array of integers below `n`."""
    return jnp.asarray(np.random.default_rng(seed).integers(0, n, size=shape), jnp.int32)
