"""What it takes to know what a chip costs: designs a second, gradients, and a network of seven billion weights.

The digits transformer of `configs/quickstart.yaml` on the HERMES chip: its energy, latency and area for one read
voltage and one resolution of the ADCs after another. Beside it: the same closed form, compiled, a design at a time from
Python, and once without compiling.

python -m experiments.benchmarks.cost
"""

import dataclasses
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr

from aimcjax import chips, config, studies

from ._measure import FASTER, RATE, SECONDS, Row, compare, compiled, in_turn, main, quartiles, rounds_of, row


CONFIGS = Path(__file__).parents[2] / "configs"


def designs_of(placement: Any) -> Any:
    """Energy [uJ], latency [ms] and area [mm2] for a read voltage [V] and bits of the ADCs."""

    def priced(point: jax.Array) -> jax.Array:
        counts = placement.counts
        groups = tuple(
            dataclasses.replace(
                group,
                dac=dataclasses.replace(group.dac, v_max=jnp.full_like(group.dac.v_max, point[0])),
                adc=dataclasses.replace(group.adc, bits=jnp.full_like(group.adc.bits, point[1])),
            )
            for group in counts.groups
        )
        bill = chips.price(dataclasses.replace(counts, groups=groups), placement.chip, smooth=True)
        return jnp.stack([1e6 * bill.energy_J, 1e3 * bill.latency_s, 1e6 * bill.area_m2])

    return priced


def rows(quick: bool) -> Iterator[Row]:
    """The digits transformer, then the largest planned."""
    n, singly = (64, 4) if quick else (65536, 200)
    settings = config.load_config(CONFIGS / "quickstart.yaml", ["chip.design=hermes_2023"])
    _, placement = studies.place_shapes(settings)
    priced = designs_of(placement)
    low, high = jnp.asarray([0.1, 4.5]), jnp.asarray([0.3, 9.0])
    points = jr.uniform(jr.key(0), (n, 2), minval=low, maxval=high)
    many, compile_s = compiled(jax.vmap(priced), points)
    one: Any = jax.jit(priced)
    some = list(points[:singly])
    about = {"many": many, "singly": lambda: [one(point) for point in some], "eager": lambda: priced(some[0])}
    spent = in_turn(about, **rounds_of(quick))
    each = {"many": [s / n for s in spent["many"]], "singly": [s / singly for s in spent["singly"]]}
    work, note = "design of a chip for the digits transformer", f"{n:,} designs; energy, latency, area"
    rate = quartiles([1 / s for s in each["many"]])
    yield Row(
        work, "designs a second", *rate, unit=RATE, ours_s=quartiles(each["many"])[0], compile_s=compile_s, note=note
    )
    yield row(work, each["many"], "one by one, compiled", each["singly"], unit=FASTER, note=note)
    yield row(work, each["many"], "one by one, not compiled", spent["eager"], unit=FASTER, note=note)
    energy = lambda point: priced(point)[0]
    value, _ = compiled(jax.vmap(energy), points)
    gradient, compile_s = compiled(jax.vmap(jax.value_and_grad(energy)), points)
    work = f"energy and its gradient, {n:,} designs"
    yield compare(work, gradient, value, beside="the energy alone", quick=quick, compile_s=compile_s)
    if not quick:
        yield from large()


def large() -> Iterator[Row]:
    """Seven billion weights, by their shapes, from the config to the bill."""
    settings = config.load_config(CONFIGS / "llama_7b_plan.yaml", ["chip.design=aimc3d_2025"])
    start = time.perf_counter()
    _, placement = studies.place_shapes(settings)
    placed = time.perf_counter() - start
    found = chips.cost(placement)
    jax.block_until_ready(found.energy_J)
    total = time.perf_counter() - start
    note = f"{placement.counts.n_cells:.2g} cells, {len(placement.items):,} tiles; placed in {placed:.1f} s"
    yield Row("place and price Llama 7B", "from its config", total, total, total, unit=SECONDS, note=note)
    point = jnp.asarray([0.2, 8.0])
    call, compile_s = compiled(designs_of(placement), point)
    small, _ = compiled(designs_of(studies.place_shapes(_digits())[1]), point)
    note = f"{len(placement.items):,} tiles beside a few"
    yield compare("a design for Llama 7B", call, small, beside="one for the digits", compile_s=compile_s, note=note)


def _digits() -> Any:
    return config.load_config(CONFIGS / "quickstart.yaml", ["chip.design=hermes_2023"])


if __name__ == "__main__":
    sys.exit(main(__doc__, rows))
