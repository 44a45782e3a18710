"""How much many chips cost over as many digital evaluations, and over AIHWKit's loop where it is installed.

The digits transformer of `configs/quickstart.yaml`, untrained (no number of the arithmetic depends on the weights), its
360 test images, six times from 20 s to a year. Digital: as many evaluations of the same batch, one after another, as a
sweep does. All are timed in turn, chunk by chunk of a real sweep, so that they see the same machine.

python -m experiments.benchmarks.sweep
"""

import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from aimcjax import config, nn, sweeps, tiles, training
from aimcjax.models import Mlp

from . import peers
from ._measure import FASTER, Call, Row, digital_passes, main, peak_gib, row, seconds


CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
TIMES = (20.0, 3600.0, 86400.0, 604800.0, 2592000.0, 31557600.0)
CHUNK = 16  # chips that a sweep computes and writes together
MEMORY = 4 * 2**30  # budget of the sweep on its device [bytes]
NOTE = "programmed once, aged with compensation to six times, 360 images at each"


def rows(quick: bool) -> Iterator[Row]:
    """Tiles with and without IR drop, AIHWKit's loop, then more and more chips."""
    settings: Any = config.load_config(CONFIG)
    data = settings.data.load()
    xs, ys = jnp.asarray(data.x_test), jnp.asarray(data.y_test)
    xs, ys = (xs[:8], ys[:8]) if quick else (xs, ys)
    model = Mlp(64, 10, (8,), key=jr.key(0)) if quick else settings.model.build(data, jr.key(0))
    digital = digital_passes(lambda logits: training.accuracy(logits, ys), model, xs, len(TIMES))
    full, large = (tiles.TileDesign(rows=n, cols=n) for n in (64, 256))
    level = tiles.WeightLevelTile(device=full.device)
    goal = {"goal": 1.6, "bound": "at widths of 48 converters and their noise outweigh the products"}
    for n, name, tile, about in (
        (1000, "weight-level tiles", level, goal),
        (1000, "full tiles of 256", large, goal),
        (1000, "full tiles of 64", full, goal),
        (96, "the config's, IR drop", settings.tile, {}),
    ):
        n_chips = 2 if quick else n
        spent, compile_s = timed(ready(model, tile, xs), xs, ys, n_chips, {"digital": digital})
        about = {**about, "compile_s": compile_s, "note": f"of {n_chips:,} chips; {NOTE}"}
        yield row(f"a digits chip at six times, {name}", spent["ours"], "plain JAX", spent["digital"], **about)
        if quick:
            break
    if peers.installed():
        from .peers import digits  # noqa: PLC0415  # optional

        theirs = digits.chip(np.asarray(data.x_test), TIMES)
        level = tiles.WeightLevelTile(rows=64, device=full.device)
        for name, tile in (("full tiles of 64", full), ("weight-level tiles of 64", level)):
            spent, _ = timed(ready(model, tile, xs), xs, ys, 2 if quick else 96, {"theirs": theirs})
            about = {"unit": FASTER, "goal": 2.0, "note": f"{NOTE}; there one chip after the other"}
            yield row(f"a digits chip at six times, {name}", spent["ours"], peers.TORCH, spent["theirs"], **about)
    yield from many(data, quick)
    yield Row("memory of all these sweeps", "a limit", *[peak_gib()] * 3, unit="GiB", goal=MEMORY / 2**30)


def many(data: Any, quick: bool) -> Iterator[Row]:
    """The cost of a chip from 10 to 10,000 of them: a perceptron of 64, 32 and 10, that it does not take an hour."""
    xs, ys = jnp.asarray(data.x_test).reshape(len(data.x_test), -1), jnp.asarray(data.y_test)
    model = Mlp(64, 10, (32,), key=jr.key(0))
    digital = digital_passes(lambda logits: training.accuracy(logits, ys), model, xs, len(TIMES))
    analog = ready(model, tiles.TileDesign(rows=64, cols=64), xs)
    ratios = {}
    for n in (2, 4) if quick else (10, 100, 1000, 10000):
        spent, _ = timed(analog, xs, ys, n, {"digital": digital})
        ratios[n] = row(
            f"a chip of many at six times, {n:,} of them", spent["ours"], "plain JAX", spent["digital"],
            note="a perceptron, with writing what was found", curve="chips", at=float(n),
        )  # fmt: skip
        yield ratios[n]
    few, most = min(ratios), max(ratios)
    level = ratios[most].median / ratios[few].median
    spread = [ratios[most].low / ratios[few].high, ratios[most].high / ratios[few].low]
    yield Row(f"a chip of {most:,} over one of {few}", "itself", level, *spread, goal=1.1, bound="none was expected")


def ready(model: Any, tile: Any, xs: jax.Array) -> Any:
    """The network on tiles, its inputs calibrated."""
    return nn.calibrate(nn.convert(model, [nn.Rule(".*", tile)]), xs)


def timed(
    analog: Any, xs: Any, ys: Any, n_chips: int, others: Mapping[str, Call]
) -> tuple[dict[str, list[float]], float]:
    """Seconds of a chip in every chunk of a sweep, writing included, and of the `others` between chunks; and what was
    before the first chunk. Few chips are swept several times."""
    for call in others.values():
        seconds(call)
    size = min(CHUNK, -(-n_chips // 2))
    spent: dict[str, list[float]] = {name: [] for name in ("ours", *others)}
    before: list[float] = []
    for _ in range(1 if n_chips > 5 * CHUNK else 4):
        start = time.perf_counter()
        marks: list[float] = []

        def step(done: int, total: int, marks: list[float] = marks) -> None:
            now = time.perf_counter()
            if marks:
                spent["ours"].append((now - marks[-1]) / size)
                for name, call in others.items():
                    spent[name].append(seconds(call))
            marks.append(time.perf_counter() if marks else now)

        sweeps.sweep(
            [analog], xs, ys, metrics={"accuracy": training.accuracy}, n_chips=max(2, n_chips // size) * size,
            times=jnp.asarray(TIMES), key=jr.key(0), chunk=size, memory=MEMORY, progress=step,
        )  # fmt: skip
        before.append(marks[0] - start)
    return spent, max(0.0, before[0] - statistics.median(spent["ours"]) * size)


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
