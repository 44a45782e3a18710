"""What training in place costs: the parallel update in all its orders, and a hundred runs of a toy under `vmap`.

python -m experiments.benchmarks.in_memory
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr

from aimcjax.devices import pulsed
from aimcjax.training import in_memory


BATCH, LR, REPEATS = 128, 0.01, 7
DENSITIES = {"few": 1e-5, "moderate": 0.05, "many": 1.0}
# Milliseconds of AIHWKit's C++ tile with soft bounds on two cores of the machine where this was planned.
AIHWKIT_MS = {512: (2.6, 155.0, 2329.0), 1024: (5.0, 692.0, 9499.0)}
AIHWKIT_TOY_S = 1.3  # one run of 40,000 samples there
ORDERS = {
    "every sample": in_memory.EverySample(),
    "groups of 8": in_memory.EveryGroup(8),
    "groups of 32": in_memory.EveryGroup(32),
    "one sum": in_memory.Summed(),
}


def seconds(call: Callable[[], Any]) -> float:
    """One run of `call`, which waits for its result."""
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def device(noise: pulsed.AbstractPulseNoise) -> pulsed.PulsedDevice:
    """Soft bounds with the spreads of the RPU baseline, dw_min 0.001."""
    return pulsed.PulsedDevice(step=pulsed.SoftBounds(), noise=noise)


def update_section(n: int, cells_device: pulsed.PulsedDevice) -> None:
    """Milliseconds of one update of n x n cells by a batch, and how far orders differ from sample by sample."""
    cells = cells_device.init((n, n), key=jr.key(0))
    x = jr.normal(jr.key(1), (BATCH, n))
    run: Any = eqx.filter_jit(
        lambda cells, x, d, order: in_memory.outer_update(
            cells_device, cells, x, d, LR, update=in_memory.PulsedUpdate(order=order), key=jr.key(2)
        )[:2]
    )
    print(f"\n{n}x{n}, {BATCH} samples, {type(cells_device.noise).__name__}; milliseconds: median (least)")  # noqa: T201
    for (name, scale), theirs in zip(DENSITIES.items(), AIHWKIT_MS[n], strict=True):
        d = scale * jr.normal(jr.key(3), (BATCH, n))
        calls = {label: functools.partial(run, cells, x, d, order) for label, order in ORDERS.items()}
        results = {label: call() for label, call in calls.items()}
        rounds = [[seconds(call) for call in calls.values()] for _ in range(REPEATS)]
        exact, pulses = results["every sample"]
        moved = float(jnp.std(exact.w - cells.w))
        print(f"{name}: {float(pulses.mean()):.3g} pulses per cell; AIHWKit {theirs} ms")  # noqa: T201
        for label, times in zip(ORDERS, zip(*rounds, strict=True), strict=True):
            gap = float(jnp.std(results[label][0].w - exact.w)) / moved
            bias = float(jnp.mean(jnp.abs(results[label][0].w)) / jnp.mean(jnp.abs(exact.w))) - 1.0
            median, least = 1e3 * statistics.median(times), 1e3 * min(times)
            print(  # noqa: T201
                f"  {label:<14}{median:9.1f} ({least:.1f}){theirs / median:8.1f}x AIHWKit"
                f"   other draw: {gap:.3f} of the update; mean |w| {100 * bias:+.2f} %"
            )


def toy(key: jax.Array, n_samples: int) -> jax.Array:
    """In-memory SGD on 20x20 cells of 20 states; the error of the weights."""
    key_target, key_init, key_run = jr.split(key, 3)
    cells = pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=0.1, w_max=1.0, w_min=-1.0, noise=pulsed.AdditiveNoise(0.3),
        variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.3), imbalance=0.1, w_max=0.0, w_min=0.0),
        reference=pulsed.Reference(at_symmetry_point=True),
    )  # fmt: skip
    rule = in_memory.sgd(cells, lr=0.1, pulses=in_memory.PulsedUpdate(management=in_memory.Management(5)))
    target = 0.3 * jr.normal(key_target, (20, 20))
    state = rule.init(jnp.zeros((20, 20)), key=key_init)

    def step(carry: tuple, key: jax.Array) -> tuple[tuple, None]:
        w, state = carry
        key_x, key_update = jr.split(key)
        x = jr.normal(key_x, (1, 20))
        w, state, _ = rule.update(in_memory.Outer(x, x @ (w - target)), state, key=key_update)
        return (w, state), None

    (w, _), _ = jax.lax.scan(step, (rule.weights(state), state), jr.split(key_run, n_samples))
    return jnp.sqrt(jnp.mean((w - target) ** 2))


def toy_section(n_seeds: int, n_samples: int) -> None:
    """Seconds of many seeds of the toy in one program."""
    run = jax.jit(jax.vmap(lambda key: toy(key, n_samples))).lower(jr.split(jr.key(0), n_seeds)).compile()
    errors = run(jr.split(jr.key(0), n_seeds))
    taken = min(seconds(lambda: run(jr.split(jr.key(1), n_seeds))) for _ in range(2))
    theirs = AIHWKIT_TOY_S * n_seeds * n_samples / 40_000
    print(  # noqa: T201
        f"\ntoy, SGD, {n_seeds} seeds of {n_samples:,} samples: {taken:.2f} s, error {float(errors.mean()):.3f}; "
        f"AIHWKit one after the other {theirs:.0f} s, {theirs / taken:.1f}x"
    )


def main() -> None:
    """Prints all sections."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--samples", type=int, default=40_000)
    arguments = parser.parse_args()
    for n in arguments.sizes:
        for noise in (pulsed.AdditiveNoise(0.3), pulsed.RelativeNoise(0.3)):
            update_section(n, device(noise))
    toy_section(arguments.seeds, arguments.samples)


if __name__ == "__main__":
    main()
