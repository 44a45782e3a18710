"""How much many chips cost over as many digital evaluations, and over AIHWKit's loop where it is installed.

python -m experiments.benchmarks.sweep [--chips 1000]

The digits transformer of `configs/quickstart.yaml`, untrained (no number of the arithmetic depends on the weights), its
360 test images, six times from 20 s to a year. Digital: as many evaluations of the same batch, one after another, as a
sweep does. Both are timed in turn, part by part, so that they see the same machine.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from aimcjax import config, nn, sweeps, tiles, training
from experiments.benchmarks import _aihwkit


CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
TIMES = jnp.asarray([20.0, 3600.0, 86400.0, 604800.0, 2592000.0, 31557600.0])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", type=int, default=96, help="chips of the largest sweep (1000 takes minutes)")
    n_chips = parser.parse_args().chips
    settings = config.load_config(CONFIG)
    data = settings.data.load()
    model = settings.model.build(data, jr.key(0))
    xs, ys = jnp.asarray(data.x_test), jnp.asarray(data.y_test)
    ideal = tiles.TileDesign(rows=64, cols=64)
    print(f"{'tiles':<34}{'chips':>7}{'per chip':>12}{'digital':>12}{'ratio':>8}{'compile':>10}")  # noqa: T201
    for name, design in (("no IR drop", ideal), ("IR drop of the quickstart", settings.tile)):
        analog = nn.calibrate(nn.convert(model, [nn.Rule(".*", design)]), xs)
        for n in [n for n in (10, 100, 1000, 10000) if n < n_chips] + [n_chips]:
            chip_s, digital_s, ratio, compile_s = compare(analog, model, xs, ys, n)
            numbers = f"{n:>7}{chip_s * 1e3:>9.1f} ms{digital_s * 1e3:>9.1f} ms{ratio:>7.2f}x{compile_s:>8.1f} s"
            print(f"{name:<34}{numbers}")  # noqa: T201
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of the process: {peak:.2f} GiB")  # noqa: T201
    if not _aihwkit.installed():
        print("AIHWKit is not installed (extra `peers`)")  # noqa: T201
        return
    theirs = _aihwkit.chip_over_time(np.asarray(data.x_test), [float(t) for t in TIMES], n_chips=3)
    ours = compare(nn.calibrate(nn.convert(model, [nn.Rule(".*", ideal)]), xs), model, xs, ys, 16)[0]
    print(f"AIHWKit, a chip at six times: {theirs * 1e3:.0f} ms; ours {ours * 1e3:.0f} ms: {theirs / ours:.1f} times")  # noqa: T201


def compare(analog: Any, model: Any, xs: Any, ys: Any, n_chips: int) -> tuple[float, float, float, float]:
    """Seconds of a chip at all times, of as many digital evaluations, the ratio, and seconds before the first chunk."""
    digital = _digital(model, xs, ys, len(TIMES))
    digital()
    last, chips, plain = 0.0, [], []

    def step(done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if last:
            chips.append((now - last) / size)
        start = time.perf_counter()
        digital()
        plain.append(time.perf_counter() - start)
        last = time.perf_counter()

    size = min(16, -(-n_chips // 2))
    first = time.perf_counter()
    sweeps.sweep(
        [analog], xs, ys, metrics={"accuracy": training.accuracy}, n_chips=2 * size * max(1, n_chips // (2 * size)),
        times=TIMES, key=jr.key(0), chunk=size, progress=step,
    )  # fmt: skip
    chip_s, digital_s = statistics.median(chips), statistics.median(plain)
    compile_s = max(0.0, last - first - sum(chips) * size - sum(plain) - chip_s * size)
    return chip_s, digital_s, chip_s / digital_s, compile_s


def _digital(model: Any, xs: Any, ys: Any, n: int) -> Callable[[], Any]:
    """`n` digital evaluations of the batch, one after another, none of which can be left out."""

    @jax.jit
    def scores(model: Any, xs: Any, ys: Any, scales: Any) -> Any:
        return jax.lax.map(lambda scale: training.accuracy(jax.vmap(model)(xs * scale), ys), scales)

    scales = jnp.linspace(0.9, 1.1, n)
    return lambda: jax.block_until_ready(scores(model, xs, ys, scales))


if __name__ == "__main__":
    sys.exit(main())
