"""What hardware-aware training costs over plain training: ratios of one step, measured in one run.

GPT with 256 features and 4 layers, batch 8, sequence 128, AdamW. Plain, then with DAC, weight noise, output noise and
learned input ranges on tiles of 256 rows; on one tile and on many; with an ADC; in half precision; in the memory of one
block.

python -m experiments.benchmarks.hwa
"""

import functools as ft
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr

from aimcjax import nn, periphery, tiles, training
from aimcjax.models import Gpt2, Gpt2Config

from .tile import paired


SCHEDULE = training.Schedule(epochs=1, batch_size=8, learning_rate=1e-4)
LARGEST = 1024  # inputs of the widest matrix


class Step(NamedTuple):
    """One compiled step of training, the bytes it needs and the seconds to compile it."""

    run: Callable[[], Any]
    n_bytes: int
    compile_s: float


def step(model: Any, forward: Callable[..., Any], tokens: jax.Array, key: jax.Array) -> Step:
    """The step that `training.fit` makes of `model`: an epoch of one batch."""
    optimiser = training.optimiser_of(SCHEDULE, 1, None)
    params, fixed, structure = training.parts_of(model)
    loss, layout = training.loss_of(forward, structure), training.Layout(None)
    epoch = training.compiled_epoch(loss, optimiser, structure, SCHEDULE, 1, layout)
    arguments = (params, optimiser.init(params), fixed, (tokens[:, :-1], tokens[:, 1:]), jnp.asarray(0), key)
    start = time.perf_counter()
    compiled = epoch.lower(*arguments).compile()
    compile_s, memory = time.perf_counter() - start, compiled.memory_analysis()
    n_bytes = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    return Step(lambda: compiled(*arguments), n_bytes, compile_s)


def main() -> None:
    """Prints the table."""
    key = jr.key(0)
    sizes = Gpt2Config(vocab_size=96, n_positions=128, dim=256, n_layers=4, n_heads=4, tied=False)
    model, tokens = Gpt2(sizes, key=key), jr.randint(key, (8, 129), 0, 96)

    def analog(rows: int, adc: periphery.AbstractAdc | None = None) -> Any:
        tile = tiles.WeightLevelTile(noise=0.03, adc=adc, rows=rows, cols=LARGEST)
        return nn.with_ranges(nn.convert(model, [nn.Rule(".*", tile)]), nn.ClippingRange(), per_tile=True)

    hwa, adc = training.hwa_forward, periphery.UniformAdc(i_max=10.0, noise=0.0)
    half = ft.partial(training.in_precision, dtype=jnp.bfloat16)
    again = ft.partial(training.rematerialised, blocks="blocks/[0-9]+")
    print(f"{'step':<40}{'ms':>8}{'of plain':>10}{'memory':>9}{'compile':>10}")  # noqa: T201
    plain = step(model, training.digital_forward, tokens, key)
    for name, other in (
        ("plain", plain),
        ("256-row tiles", step(analog(256), hwa, tokens, key)),
        ("one tile", step(analog(LARGEST), hwa, tokens, key)),
        ("128-row tiles (2 to 8)", step(analog(128), hwa, tokens, key)),
        ("256-row tiles, 8-bit ADC", step(analog(256, adc), hwa, tokens, key)),
        ("one tile, 8-bit ADC", step(analog(LARGEST, adc), hwa, tokens, key)),
        ("plain, blocks again", step(model, again(training.digital_forward), tokens, key)),
        ("256-row tiles, blocks again", step(analog(256), again(hwa), tokens, key)),
        ("256-row tiles, bfloat16", step(analog(256), half(hwa), tokens, key)),
    ):
        seconds, _, ratio = paired(other.run, plain.run)
        print(  # noqa: T201
            f"{name:<40}{seconds * 1e3:8.1f}{ratio:9.2f}x{other.n_bytes / plain.n_bytes:8.2f}x{other.compile_s:8.1f} s"
        )


if __name__ == "__main__":
    main()
