"""What exact wires cost: solving by vector, the effective matrix, gradients, a tile; measured in one run.

python -m experiments.benchmarks.arrays
"""

import dataclasses
import resource
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from aimcjax import tiles
from aimcjax.mapping import program_matrix

from .tile import compiled, paired


G_MAX = 1e-4
N, BATCH = 256, 64


def report(name: str, slow: Any, slow_args: tuple, fast: Any, fast_args: tuple) -> None:
    """Prints one line of the table."""
    a, compile_s = compiled(slow, *slow_args)
    b, _ = compiled(fast, *fast_args)
    slow_s, fast_s, ratio = paired(a, b)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:<44}{slow_s * 1e3:10.1f} ms{fast_s * 1e3:10.2f} ms{ratio:9.2f}x{compile_s:8.1f} s{peak:8.2f} GiB")  # noqa: T201


def solve(g: jax.Array, vs: jax.Array, r: jax.Array) -> jax.Array:
    """Currents of a batch, a solve for each vector."""
    return jax.vmap(lambda v: tiles.crossbar_currents(g, v, r_row=r, r_col=r))(vs)


def prepare(g: jax.Array, r: jax.Array) -> jax.Array:
    """The effective matrix."""
    prepared: Any = tiles.WireResistance(r_row=r, r_col=r).prepare(g[None], None, jnp.ones(1))
    return prepared.signed


def error(i: jax.Array, g: jax.Array, vs: jax.Array, r: float) -> float:
    """Largest deviation from the solve in double precision, relative to the largest current."""
    with jax.enable_x64(True):
        exact = np.asarray(solve(*(jnp.asarray(np.asarray(x, np.float64)) for x in (g, vs, r))))
    return float(np.max(np.abs(np.asarray(i) - exact)) / np.max(np.abs(exact)))


def main() -> None:
    """Prints the table."""
    print(f"{'work':<44}{'array':>13}{'plain':>13}{'ratio':>10}{'compile':>10}{'peak so far':>12}")  # noqa: T201
    key_g, key_v = jr.split(jr.key(0))
    g, vs = G_MAX * jr.uniform(key_g, (N, N)), jr.uniform(key_v, (BATCH, N), minval=-1.0)
    plain = lambda g, vs: vs @ g
    square = lambda i: jnp.sum((i / G_MAX) ** 2)
    for ratio in (1e-5, 5e-5):
        r = jnp.asarray(ratio / G_MAX)
        name = f"{N}x{N}, r = {ratio:g} R_on, "
        report(name + f"solve {BATCH}", solve, (g, vs, r), plain, (g, vs))
        report(name + "matrix", prepare, (g, r), plain, (g, vs))
        seen = prepare(g, r)
        report(name + "read", plain, (seen, vs), plain, (g, vs))
        value = lambda g, vs, r: square(solve(g, vs, r))
        gradient = jax.value_and_grad(value, argnums=(0, 1, 2))
        report(name + "grad over value", gradient, (g, vs, r), value, (g, vs, r))
        through = lambda g, vs, r: square(vs @ prepare(g, r))
        report(name + "the same by matrix", jax.value_and_grad(through, (0, 1, 2)), (g, vs, r), through, (g, vs, r))
        worst = error(solve(g, vs, r), g, vs, float(r)), error(vs @ seen, g, vs, float(r))
        print(f"{'':<44}error of the solve {worst[0]:.1e}, of the matrix {worst[1]:.1e}")  # noqa: T201
    n, batch = 512, 128
    w, xs = 0.246 * jr.normal(key_g, (n, n)), jr.uniform(key_v, (batch, n), minval=-1.0)
    read = lambda matrix, xs, keys: jax.vmap(lambda x, key: matrix(x, key=key))(xs, keys)
    ideal = tiles.TileDesign(rows=n, cols=n)
    wired = dataclasses.replace(ideal, crossbar=tiles.WireResistance(r_row=0.07, r_col=0.07))
    args = [(program_matrix(d, w, key=key_g).at(3600.0), xs, jr.split(key_v, batch)) for d in (wired, ideal)]
    report(f"tile {n}x{n}, batch {batch}, over no wires", read, args[0], read, args[1])


if __name__ == "__main__":
    main()
