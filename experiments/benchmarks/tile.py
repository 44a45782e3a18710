"""How much a product on a tile costs over the plain product, and over AIHWKit's where it is installed.

python -m experiments.benchmarks.tile
"""

import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

import jax
import jax.random as jr
import numpy as np

from aimcjax import devices, periphery, tiles
from aimcjax.mapping import program_matrix

from . import peers
from ._measure import FASTER, Call, Row, compare, compiled, main


HOUR, READ_NOISE = 3600.0, 0.01
READ = "8-bit inputs and outputs, PCM at one hour, read noise of every product and converter noise of 0.04"


def plain(w: jax.Array, xs: jax.Array) -> jax.Array:
    """The product without hardware."""
    return xs @ w


def read(matrix: Any, xs: jax.Array, keys: jax.Array) -> jax.Array:
    """A product for every vector, with noise of its own."""
    return jax.vmap(lambda x, key: matrix(x, key=key))(xs, keys)


def rows(quick: bool) -> Iterator[Row]:
    """Ideal, full and published tiles; then one matrix on many tiles."""
    n, batch = (64, 8) if quick else (512, 128)
    key_w, key_x, key_program, key_read = jr.split(jr.key(0), 4)
    w, xs = 0.246 * jr.normal(key_w, (n, n)), jr.uniform(key_x, (batch, n), minval=-1.0)
    keys, work = jr.split(key_read, batch), f"MVM {n}x{n}, batch {batch}"
    product, _ = compiled(plain, w, xs)

    def ready(design: Any) -> tuple[Any, float]:
        return compiled(read, program_matrix(design, w, key=key_program).at(HOUR), xs, keys)

    full = tiles.TileDesign(rows=n, cols=n)
    about = {"goal": 2.0, "note": READ, "bound": "converters, and a second product for the law of the read noise"}
    for name, design, more in (
        ("full tile", full, about),
        ("ideal cells and converters", dataclasses.replace(tiles.preset("ideal"), rows=n, cols=n), {}),
        ("full tile, cubic IR drop", dataclasses.replace(tiles.preset("standard_pcm"), rows=n, cols=n), {}),
        ("weight-level tile, PCM", tiles.WeightLevelTile(rows=n, cols=n, device=full.device), {}),
        ("full, 2 tiles", dataclasses.replace(full, rows=n // 2), {}),
        ("full, 8 tiles", dataclasses.replace(full, rows=n // 8), {}),
    ):
        call, compile_s = ready(design)
        yield compare(f"{work}, {name}", call, product, quick=quick, compile_s=compile_s, **more)
    for beside in peers.tiles():
        from .peers import tile as aihwkit  # noqa: PLC0415  # optional

        theirs = aihwkit.mvm(np.asarray(w), np.asarray(xs), cpp=beside == peers.CPP, t=HOUR)
        note = f"{READ}; AIHWKit draws read noise when it ages a tile, not at every product"
        yield compare(f"{work}, full tile", ready(full)[0], theirs, beside=beside, unit=FASTER, quick=quick, note=note)
    if peers.has("simulator"):
        for name, design, theirs, note in _crosssim(full, w, xs):
            how = {"beside": peers.CROSSSIM, "unit": FASTER, "quick": quick, "note": note}
            yield compare(f"{work}, {name}", ready(design)[0], theirs, **how)


def _crosssim(full: tiles.TileDesign, w: jax.Array, xs: jax.Array) -> Iterator[tuple[str, Any, Call, str]]:
    """Tiles with converters alone, as there: a name, our design, its call, what both do."""
    from .peers import crosssim  # noqa: PLC0415  # optional

    drawn = dataclasses.replace(full, adc=periphery.UniformAdc(noise=0.0))
    silent = dataclasses.replace(drawn, device=dataclasses.replace(full.device, read_noise=devices.Constant(0.0)))
    for name, design, noise in (
        ("full tile, no converter noise", drawn, READ_NOISE), ("full tile, no noise of reads", silent, 0.0)
    ):  # fmt: skip
        law = f"read noise of {noise} of a conductance at every product" if noise else "ours computes its zero"
        note = f"8-bit inputs and outputs, PCM as programmed; {law}"
        yield name, design, crosssim.mvm(np.asarray(w), np.asarray(xs), read_noise=noise), note


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
