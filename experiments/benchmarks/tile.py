"""How much a tile costs over the plain product, and a chip over the plain network: ratios measured in one run.

python -m experiments.benchmarks.tile
"""

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr

from aimcjax import nn, tiles
from aimcjax.mapping import program_matrix
from aimcjax.models import VisionTransformer


REPEATS = 15


def paired(slow: Callable[[], Any], fast: Callable[[], Any]) -> tuple[float, float, float]:
    """Median seconds of both and the median of their ratios, run in turn so that both see the same machine."""
    jax.block_until_ready((slow(), fast()))
    times: list[tuple[float, float]] = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(slow())
        middle = time.perf_counter()
        jax.block_until_ready(fast())
        times.append((middle - start, time.perf_counter() - middle))
    ratio = statistics.median(a / b for a, b in times)
    return statistics.median(a for a, _ in times), statistics.median(b for _, b in times), ratio


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Callable[[], Any], float]:
    """The compiled call and the seconds that lowering and compiling took."""
    start = time.perf_counter()
    jitted: Any = eqx.filter_jit(function)
    call = jitted.lower(*arguments).compile()
    return lambda: call(*arguments), time.perf_counter() - start


def report(name: str, slow: Callable[..., Any], slow_args: tuple, fast: Callable[..., Any], fast_args: tuple) -> None:
    """Prints one line of the table."""
    a, compile_s = compiled(slow, *slow_args)
    b, _ = compiled(fast, *fast_args)
    slow_s, fast_s, ratio = paired(a, b)
    print(f"{name:<44}{slow_s * 1e3:9.2f} ms{fast_s * 1e3:9.2f} ms{ratio:8.2f}x{compile_s:9.1f} s")  # noqa: T201


def main() -> None:
    """Prints the table."""
    print(f"{'work':<44}{'analog':>12}{'digital':>12}{'ratio':>9}{'compile':>11}")  # noqa: T201
    key, n, batch = jr.key(0), 512, 128
    w, xs = 0.246 * jr.normal(key, (n, n)), jr.uniform(key, (batch, n), minval=-1.0)
    keys = jr.split(key, batch)
    plain = lambda w, xs: xs @ w
    read = lambda matrix, xs, keys: jax.vmap(lambda x, key: matrix(x, key=key))(xs, keys)
    for name in ("ideal", "standard_pcm"):
        design = dataclasses.replace(tiles.preset(name), rows=n, cols=n)
        matrix = program_matrix(design, w, key=key).at(3600.0)
        report(f"MVM {n}x{n}, batch {batch}, {name}", read, (matrix, xs, keys), plain, (w, xs))
    matrix = program_matrix(tiles.TileDesign(rows=n, cols=n), w, key=key).at(3600.0)
    report(f"MVM {n}x{n}, batch {batch}, no IR drop", read, (matrix, xs, keys), plain, (w, xs))
    for size in (256, 64):
        matrix = program_matrix(tiles.TileDesign(rows=size, cols=n), w, key=key).at(3600.0)
        report(f"the same on {n // size} tiles", read, (matrix, xs, keys), plain, (w, xs))

    model = VisionTransformer(8, 2, 10, dim=48, depth=2, n_heads=4, mlp_ratio=2, key=key)
    images, n_chips = jr.uniform(key, (360, 8, 8)), 8
    analog = nn.convert(model, [nn.Rule(".*", tiles.TileDesign(rows=64, cols=64))])
    age = lambda analog, images, keys: jax.vmap(
        lambda key: nn.apply(nn.program(analog, key=key), images, key=key, t=3600.0)
    )(keys)
    digital = lambda model, images: jax.vmap(model)(images)
    many = jnp.tile(images, (n_chips, 1, 1))
    report(
        f"program, age, evaluate {n_chips} chips (ViT)",
        age,
        (analog, images, jr.split(key, n_chips)),
        digital,
        (model, many),
    )


if __name__ == "__main__":
    main()
