"""How cost grows, over the same in plain JAX: batch, tile size, tiles, sequence length, parameters (chips: `sweep`).

python -m experiments.benchmarks.growth
"""

import sys
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import jax.random as jr

from aimcjax import tiles, training
from aimcjax.mapping import program_matrix
from aimcjax.models import Gpt2, Gpt2Config

from . import hwa
from ._measure import Row, compare, compiled, in_turn, main, rounds_of, row
from .tile import HOUR, plain, read


BATCHES, SIZES, TILES = (1, 8, 32, 128, 512, 2048), (64, 128, 256, 512, 1024, 2048), (1, 2, 4, 8, 16, 32)
LENGTHS, WIDTHS = (32, 128, 512), (64, 128, 256, 512)


def product(curve: str, at: int, n_in: int, n_out: int, batch: int, tile: tuple[int, int], quick: bool) -> Row:
    """A point of a curve of products: a matrix on tiles of so many rows and columns, read by a batch."""
    key_w, key_x, key_read = jr.split(jr.key(0), 3)
    w, xs = 0.246 * jr.normal(key_w, (n_in, n_out)), jr.uniform(key_x, (batch, n_in), minval=-1.0)
    matrix = program_matrix(tiles.TileDesign(rows=tile[0], cols=tile[1]), w, key=key_w).at(HOUR)
    call, compile_s = compiled(read, matrix, xs, jr.split(key_read, batch))
    work = f"MVM {n_in}x{n_out}, batch {batch}, tiles {tile[0]}x{tile[1]}"
    digital, _ = compiled(plain, w, xs)
    return compare(work, call, digital, quick=quick, compile_s=compile_s, curve=curve, at=float(at))


def training_step(curve: str, at: int, dim: int, length: int, batch: int, quick: bool) -> Row:
    """A point of a curve of hardware-aware steps of a GPT with four layers."""
    sizes = Gpt2Config(
        vocab_size=hwa.VOCABULARY, n_positions=length, dim=dim, n_layers=1 if quick else 4, n_heads=4, tied=False
    )
    model, schedule = Gpt2(sizes, key=jr.key(0)), training.Schedule(epochs=1, batch_size=batch, learning_rate=1e-4)
    tokens = jr.randint(jr.key(1), (batch, length + 1), 0, sizes.vocab_size)
    ours = hwa.step(hwa.analog(model, 512), training.hwa_forward, tokens, schedule)
    digital = hwa.step(model, training.digital_forward, tokens, schedule)
    spent = in_turn({"ours": ours.run, "plain": digital.run}, **rounds_of(quick))
    n_parameters = sum(leaf.size for leaf in jax.tree.leaves(model) if isinstance(leaf, jnp.ndarray))
    work = f"HWA step, {n_parameters / 1e6:.2g} M parameters, {batch} x {length} tokens"
    note = f"{ours.n_bytes / digital.n_bytes:.2f} times the memory"
    where = {"curve": curve, "at": float(n_parameters if curve == "parameters" else at)}
    return row(
        work,
        ours=spent["ours"],
        beside="plain JAX",
        theirs=spent["plain"],
        compile_s=ours.compile_s,
        note=note,
        **where,
    )


def rows(quick: bool) -> Iterator[Row]:
    """The points of all curves."""
    for batch in BATCHES[:2] if quick else BATCHES:
        n = 64 if quick else 512
        yield product("batch", batch, n, n, batch, (n, n), quick)
    for size in SIZES[:2] if quick else SIZES:
        yield product("tile size", size, size, size, 4 if quick else 128, (size, size), quick)
    for n_tiles in TILES[:2] if quick else TILES:
        n = 64 if quick else 2048
        yield product("tiles", n_tiles, n, min(n, 512), 4 if quick else 128, (n // n_tiles, 512), quick)
    if quick:
        yield training_step("parameters", 8, 8, 4, 2, quick)
        return
    for length in LENGTHS:
        yield training_step("sequence length", length, 256, length, 4, quick)
    for width in WIDTHS:
        yield training_step("parameters", width, width, 128, 8, quick)


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
