"""What exact wires cost: solving by vector, the effective matrix, gradients, a tile.

python -m experiments.benchmarks.arrays
"""

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from aimcjax import tiles
from aimcjax.mapping import program_matrix

from . import peers
from ._measure import FASTER, SECONDS, TIMES, Call, Row, compare, compiled, in_turn, main, quartiles, rounds_of, row
from .tile import read


G_MAX, TOLERANCE = 1e-4, 1e-5
RELAXATION = {1e-5: 1.0, 5e-5: 0.5}  # the largest with which CrossSim converges, by resistance of a wire over R_on


def solve(g: jax.Array, vs: jax.Array, r: jax.Array) -> jax.Array:
    """Currents of a batch, a solve for each vector."""
    return jax.vmap(lambda v: tiles.crossbar_currents(g, v, r_row=r, r_col=r))(vs)


def prepare(g: jax.Array, r: jax.Array) -> jax.Array:
    """The effective matrix."""
    prepared: Any = tiles.WireResistance(r_row=r, r_col=r).prepare(g[None], None, jnp.ones(1))
    return prepared.signed


def error(i: Any, g: jax.Array, vs: jax.Array, r: float) -> float:
    """Largest deviation from the solve in double precision, relative to the largest current."""
    with jax.enable_x64(True):
        exact = np.asarray(solve(*(jnp.asarray(np.asarray(x, np.float64)) for x in (g, vs, r))))
    return float(np.max(np.abs(np.asarray(i) - exact)) / np.max(np.abs(exact)))


def rows(quick: bool) -> Iterator[Row]:
    """Wires of two resistances, then a tile."""
    n, batch = (16, 4) if quick else (256, 64)
    key_g, key_v = jr.split(jr.key(0))
    g, vs = G_MAX * jr.uniform(key_g, (n, n)), jr.uniform(key_v, (batch, n), minval=-1.0)
    for ratio in RELAXATION:
        yield from _wires(f"{n}x{n}, wires of {ratio:g} R_on", g, vs, ratio, quick)
    n, batch = (32, 4) if quick else (512, 128)
    w, xs = 0.246 * jr.normal(key_g, (n, n)), jr.uniform(key_v, (batch, n), minval=-1.0)
    ideal = tiles.TileDesign(rows=n, cols=n)
    wired = dataclasses.replace(ideal, crossbar=tiles.WireResistance(r_row=0.07, r_col=0.07))
    keys = jr.split(key_v, batch)
    (ours, compile_s), (theirs, _) = (
        compiled(read, program_matrix(design, w, key=key_g).at(3600.0), xs, keys) for design in (wired, ideal)
    )
    work = f"MVM {n}x{n}, batch {batch}, full tile, exact wires"
    yield compare(work, ours, theirs, beside="without wires", quick=quick, compile_s=compile_s)


def _wires(name: str, g: jax.Array, vs: jax.Array, ratio: float, quick: bool) -> Iterator[Row]:
    r = jnp.asarray(ratio / G_MAX)
    square = lambda i: jnp.sum((i / G_MAX) ** 2)
    value = lambda g, vs, r: square(solve(g, vs, r))
    through = lambda g, vs, r: square(vs @ prepare(g, r))
    plain = lambda g, vs: vs @ g
    made = {
        "solve": compiled(solve, g, vs, r), "value": compiled(value, g, vs, r),
        "gradient": compiled(jax.value_and_grad(value, argnums=(0, 1, 2)), g, vs, r),
        "matrix": compiled(prepare, g, r), "through": compiled(through, g, vs, r),
        "its gradient": compiled(jax.value_and_grad(through, argnums=(0, 1, 2)), g, vs, r),
        "plain": compiled(plain, g, vs),
    }  # fmt: skip
    spent = in_turn({part: call for part, (call, _) in made.items()}, **rounds_of(quick))
    worst = error(made["solve"][0](), g, vs, float(r)), error(plain(made["matrix"][0](), vs), g, vs, float(r))
    n_vectors, compile_s = len(vs), {part: made[part][1] for part in made}
    note = f"float32; largest error {worst[0]:.1e} of the largest current, against the same in float64"
    yield Row(
        f"currents of {n_vectors} vectors, {name}", "a limit", *quartiles(spent["solve"]), unit=SECONDS, goal=1.0,
        compile_s=compile_s["solve"], note=note, bound="steps of the conjugate gradients",
    )  # fmt: skip
    yield row(f"the same, {name}", spent["solve"], "plain product in JAX", spent["plain"], unit=TIMES)
    if peers.has("simulator"):
        yield _beside_crosssim(name, made["solve"][0], g, vs, ratio, quick)
    yield row(
        f"value and gradient of {n_vectors} solves, {name}", spent["gradient"], "the value alone", spent["value"],
        goal=4.0, compile_s=compile_s["gradient"], bound="a second solve, and sums over the batch",
    )  # fmt: skip
    about = {"compile_s": compile_s["matrix"], "note": f"once per age; error {worst[1]:.1e}"}
    yield row(f"effective matrix, {name}", spent["matrix"], f"{n_vectors} solves", spent["solve"], **about)
    yield row(
        f"value and gradient through the matrix, {name}", spent["its gradient"], "the value alone", spent["through"],
        compile_s=compile_s["its gradient"],
    )  # fmt: skip


def _beside_crosssim(name: str, ours: Call, g: jax.Array, vs: jax.Array, ratio: float, quick: bool) -> Row:
    from .peers import crosssim  # noqa: PLC0415  # optional

    r, relaxation = ratio / G_MAX, RELAXATION[ratio]
    theirs = crosssim.currents(np.asarray(g), np.asarray(vs), r=r, tolerance=TOLERANCE, relaxation=relaxation)
    note = f"its error {error(theirs(), g, vs, r):.1e} of the largest current, at a tolerance of {TOLERANCE:g}"
    spent = in_turn({"ours": ours, "theirs": theirs}, rounds=(2, 2) if quick else (3, 9), budget_s=20.0)
    work = f"currents of {len(vs)} vectors, {name}"
    return row(work, spent["ours"], peers.CROSSSIM, spent["theirs"], unit=FASTER, note=note)


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
