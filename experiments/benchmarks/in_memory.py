"""What training in place costs: the parallel update in all its orders, and a hundred runs of a toy under `vmap`.

The toy also over learning rates, in both conventions. d = y - target is not divided by the number of outputs. For SGD
a factor on d is a learning rate. From TTv2 it drops out, for its fast rate is divided by the mean of |d|: there the
published range of errors holds for any. What counts is lambda, and with it the samples that a buffer needs for a pulse:
at 0.005 TTv2 is still on its way after 40,000 of them.

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
from jaxtyping import Array

from aimcjax.devices import pulsed
from aimcjax.training import in_memory


BATCH, LR, REPEATS = 128, 0.01, 7
DENSITIES = {"few": 1e-5, "moderate": 0.05, "many": 1.0}
# Milliseconds of AIHWKit's C++ tile with soft bounds on two cores of the machine where this was planned.
AIHWKIT_MS = {512: (2.6, 155.0, 2329.0), 1024: (5.0, 692.0, 9499.0)}
# Seconds of one run of 40,000 samples: there, from Python; the same loop in C++ around the tile of AIHWKit 1.1.0, in
# processor time.
AIHWKIT_TOY_S = {"from Python": 1.3, "its C++ alone": 0.29}
CHUNK = 250  # samples drawn at a time
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
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
        timed = {label: [seconds(call) for _ in range(REPEATS)] for label, call in calls.items()}  # memory stays warm
        exact, pulses = results["every sample"]
        moved = float(jnp.std(exact.w - cells.w))
        print(f"{name}: {float(pulses.mean()):.3g} pulses per cell; AIHWKit {theirs} ms")  # noqa: T201
        for label, times in timed.items():
            gap = float(jnp.std(results[label][0].w - exact.w)) / moved
            bias = float(jnp.mean(jnp.abs(results[label][0].w)) / jnp.mean(jnp.abs(exact.w))) - 1.0
            median, least = 1e3 * statistics.median(times), 1e3 * min(times)
            print(  # noqa: T201
                f"  {label:<14}{median:9.1f} ({least:.1f}){theirs / median:8.1f}x AIHWKit"
                f"   other draw: {gap:.3f} of the update; mean |w| {100 * bias:+.2f} %"
            )


def toy_device(bounds: float) -> pulsed.PulsedDevice:
    """20 states, references at the symmetry points."""
    return pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=0.1, w_max=1.0, w_min=-1.0, noise=pulsed.AdditiveNoise(0.3),
        variation=pulsed.Variation(gain=pulsed.LogNormalSpread(0.3), imbalance=0.1, w_max=bounds, w_min=bounds),
        reference=pulsed.Reference(at_symmetry_point=True),
    )  # fmt: skip


def toy_rule(algorithm: str, lr: Array | float) -> in_memory.InMemoryRule:
    """The rules of the study, with trains of at most 5 slots."""
    pulses = in_memory.PulsedUpdate(management=in_memory.Management(5))
    if algorithm == "sgd":
        return in_memory.sgd(toy_device(0.0), lr=lr, pulses=pulses)
    return in_memory.ttv2(toy_device(0.3), slow=toy_device(0.0), lr=lr, pulses=pulses)


def toy(rule: in_memory.InMemoryRule, key: Array, n_samples: int, batch: int = 1, on_d: Array | float = 1.0) -> Array:
    """20x20 cells learn a random matrix; the error of the weights. Inputs and targets come as from a data set.

    `on_d` multiplies the errors d.
    """
    key_target, key_init, key_run = jr.split(key, 3)
    target = 0.3 * jr.normal(key_target, (20, 20))
    state = rule.init(jnp.zeros((20, 20)), key=key_init)

    def step(carry: tuple, sample: tuple) -> tuple[tuple, None]:
        (w, state), (x, y, key) = carry, sample
        w, state, _ = rule.update(in_memory.Outer(x, on_d * (x @ w - y)), state, key=key)
        return (w, state), None

    def chunk(carry: tuple, key: Array) -> tuple[tuple, None]:
        key_x, key_updates = jr.split(key)
        x = jr.normal(key_x, (CHUNK // batch, batch, 20))
        return jax.lax.scan(step, carry, (x, x @ target, jr.split(key_updates, CHUNK // batch)))[0], None

    (w, _), _ = jax.lax.scan(chunk, (rule.weights(state), state), jr.split(key_run, n_samples // CHUNK))
    return jnp.sqrt(jnp.mean((w - target) ** 2))


def toy_section(n_seeds: int, n_samples: int) -> None:
    """Seconds of many seeds of the toy in one program."""
    many = jax.jit(jax.vmap(lambda key: toy(toy_rule("sgd", 0.1), key, n_samples)))
    run = many.lower(jr.split(jr.key(0), n_seeds)).compile()
    errors = run(jr.split(jr.key(0), n_seeds))
    times = [seconds(lambda: run(jr.split(jr.key(1), n_seeds))) for _ in range(3)]
    runs = n_seeds * n_samples / 40_000
    ratios = [f"{name} {s * runs:.0f} s, {s * runs / min(times):.1f}x" for name, s in AIHWKIT_TOY_S.items()]
    print(  # noqa: T201
        f"\ntoy, SGD, {n_seeds} seeds of {n_samples:,} samples: median {statistics.median(times):.2f} s, least "
        f"{min(times):.2f} s, error {float(errors.mean()):.3f}; AIHWKit one after the other: {'; '.join(ratios)}"
    )


def rates_section(n_samples: int, n_seeds: int = 4) -> None:
    """The error of the weights over learning rates."""
    studies: dict[str, Callable[[Array, Array], Array]] = {
        "sgd, lr": lambda rate, key: toy(toy_rule("sgd", rate), key, n_samples),
        "ttv2, lambda": lambda rate, key: toy(toy_rule("ttv2", rate), key, n_samples, 5),  # read after five samples
        "ttv2, on d": lambda rate, key: toy(toy_rule("ttv2", 0.1), key, n_samples, 5, rate),
    }
    print(f"\ntoy, {n_samples:,} samples, {n_seeds} seeds; learning rates {RATES}")  # noqa: T201
    for name, study in studies.items():
        over_seeds = jax.vmap(study, in_axes=(None, 0))
        errors = jax.jit(jax.vmap(over_seeds, in_axes=(0, None)))(jnp.asarray(RATES), jr.split(jr.key(0), n_seeds))
        print(f"  {name:<14}" + "".join(f"{float(e):8.3f}" for e in errors.mean(1)))  # noqa: T201


def main() -> None:
    """Prints all sections."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="*", default=[512, 1024])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--samples", type=int, default=40_000)
    arguments = parser.parse_args()
    for n in arguments.sizes:
        for noise in (pulsed.AdditiveNoise(0.3), pulsed.RelativeNoise(0.3)):
            update_section(n, device(noise))
    toy_section(arguments.seeds, arguments.samples)
    rates_section(arguments.samples)


if __name__ == "__main__":
    main()
