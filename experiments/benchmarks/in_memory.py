"""What training in place costs: the parallel update in all its orders beside AIHWKit's, and many runs of a toy.

`--rates` also prints the errors of the toy over learning rates, in both conventions. d = y - target is not divided by
the number of outputs. For SGD a factor on d is a learning rate. From TTv2 it drops out, for its fast rate is divided by
the mean of |d|: there the published range of errors holds for any. What counts is lambda, and with it the samples that
a buffer needs for a pulse: at 0.005 TTv2 is still on its way after 40,000 of them.

python -m experiments.benchmarks.in_memory
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array

from aimcjax.devices import pulsed
from aimcjax.training import in_memory

from . import peers
from ._measure import FASTER, Call, Row, compiled, in_turn, main, rounds_of, row


BATCH, LR = 128, 0.01
DENSITIES = {"few": (1e-5, 1.0), "moderate": (0.05, 3.0), "many": (1.0, 30.0)}  # size of the errors, and the goal
CHUNK = 250  # samples drawn at a time
RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
ORDERS = {
    "groups of 8": in_memory.EveryGroup(8),
    "groups of 32": in_memory.EveryGroup(32),
    "one sum": in_memory.Summed(),
}
BOUND = "its loop over pulses, beside ours over slots of a train"
SAME = (
    "soft bounds with the spreads of the RPU baseline, dw_min 0.001, trains of up to 31, managed; exact on both sides"
)


def device(noise: pulsed.AbstractPulseNoise) -> pulsed.PulsedDevice:
    """Soft bounds with the spreads of the RPU baseline, dw_min 0.001."""
    return pulsed.PulsedDevice(step=pulsed.SoftBounds(), noise=noise)


def update_rows(n: int, noise: pulsed.AbstractPulseNoise, quick: bool) -> Iterator[Row]:
    """One update of n x n cells by a batch, sample by sample, beside the plain product of it, AIHWKit, other orders."""
    made, relative = device(noise), isinstance(noise, pulsed.RelativeNoise)
    cells = made.init((n, n), key=jr.key(0))
    x = jr.normal(jr.key(1), (4 if quick else BATCH, n))
    run: Any = eqx.filter_jit(
        lambda cells, x, d, order: in_memory.outer_update(
            made, cells, x, d, LR, update=in_memory.PulsedUpdate(order=order), key=jr.key(2)
        )[:2]
    )
    for density, (scale, goal) in DENSITIES.items():
        d = scale * jr.normal(jr.key(3), (len(x), n))
        exact, compile_s = compiled(run, cells, x, d, in_memory.EverySample())
        changed, pulses = exact()
        noted = "noise of a pulse relative to it" if relative else "noise of a pulse added"
        work = f"update {n}x{n}, {len(x)} samples, {density} pulses, {'relative' if relative else 'additive'}"
        note = f"{float(pulses.mean()):.3g} pulses a cell; {SAME}; {noted}"
        plain, _ = compiled(lambda w, x, d: w - LR * x.T @ d, cells.w, x, d)
        spent = in_turn({"ours": exact, "plain": plain}, **rounds_of(quick))
        yield row(work, spent["ours"], "plain JAX", spent["plain"], compile_s=compile_s, note=note)
        if peers.CPP in peers.tiles():
            from .peers import tile  # noqa: PLC0415  # optional

            theirs = tile.update(np.asarray(x), np.asarray(d), lr=LR, relative=relative)
            spent = in_turn({"ours": exact, "theirs": theirs}, budget_s=4.0, rounds=(2, 2) if quick else (3, 15))
            about = {"unit": FASTER, "goal": goal, "note": note, "bound": BOUND}
            yield row(work, spent["ours"], peers.CPP, spent["theirs"], **about)
        moved = float(jnp.std(changed.w - cells.w))
        for order, how in () if quick or relative else ORDERS.items():
            call, compile_s = compiled(run, cells, x, d, how)
            result = call()[0]
            gap = float(jnp.std(result.w - changed.w)) / moved
            bias = float(jnp.mean(jnp.abs(result.w)) / jnp.mean(jnp.abs(changed.w))) - 1.0
            spent = in_turn({"ours": call, "exact": exact}, budget_s=1.0)
            note = f"another draw: {gap:.3f} of the update; mean |w| {100 * bias:+.2f} %"
            about = {"compile_s": compile_s, "note": note}
            yield row(f"the same, {order}", spent["ours"], "sample by sample", spent["exact"], **about)


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


def toy_rows(quick: bool) -> Iterator[Row]:
    """Many seeds of the toy in one program, a seed beside one of AIHWKit's loop in Python."""
    n_seeds, n_samples = (2, CHUNK) if quick else (100, 40_000)
    many = lambda keys: jax.vmap(lambda key: toy(toy_rule("sgd", 0.1), key, n_samples))(keys)
    run, compile_s = compiled(many, jr.split(jr.key(0), n_seeds))
    calls: dict[str, Call] = {"ours": run}
    if peers.CPP in peers.tiles():
        from .peers import tile  # noqa: PLC0415  # optional

        calls["theirs"] = tile.toy(20, n_samples, 0.1)
    spent = in_turn(calls, rounds=(2, 2) if quick else (3, 3), budget_s=0.0)
    each = [s / n_seeds for s in spent["ours"]]
    work, note = f"toy, SGD, {n_samples:,} samples, one of {n_seeds} seeds", "20x20 cells learn a matrix"
    if "theirs" in spent:
        yield row(work, each, f"{peers.CPP}, Python", spent["theirs"], unit=FASTER, compile_s=compile_s, note=note)
    else:
        values = sorted(each)
        yield Row(
            work, "itself", values[len(values) // 2], values[0], values[-1], unit="s", compile_s=compile_s, note=note
        )


def rates(n_samples: int = 40_000, n_seeds: int = 4) -> None:
    """Prints the error of the weights over learning rates."""
    studies: dict[str, Callable[[Array, Array], Array]] = {
        "sgd, lr": lambda rate, key: toy(toy_rule("sgd", rate), key, n_samples),
        "ttv2, lambda": lambda rate, key: toy(toy_rule("ttv2", rate), key, n_samples, 5),  # read after five samples
        "ttv2, on d": lambda rate, key: toy(toy_rule("ttv2", 0.1), key, n_samples, 5, rate),
    }
    sys.stdout.write(f"toy, {n_samples:,} samples, {n_seeds} seeds; learning rates {RATES}\n")
    for name, study in studies.items():
        over_seeds = jax.vmap(study, in_axes=(None, 0))
        errors = jax.jit(jax.vmap(over_seeds, in_axes=(0, None)))(jnp.asarray(RATES), jr.split(jr.key(0), n_seeds))
        sys.stdout.write(f"  {name:<14}" + "".join(f"{float(e):8.3f}" for e in errors.mean(1)) + "\n")


def rows(quick: bool) -> Iterator[Row]:
    """Updates of two sizes with two laws of noise, then the toy."""
    for n in (16,) if quick else (512, 1024):
        for noise in (pulsed.AdditiveNoise(0.3), pulsed.RelativeNoise(0.3))[: 1 if quick or n > 512 else 2]:
            yield from update_rows(n, noise, quick)
    yield from toy_rows(quick)


if __name__ == "__main__":
    if "--rates" in sys.argv:
        rates()
        sys.exit()
    sys.exit(main(__doc__, rows))
