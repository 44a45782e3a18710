"""Weight programming by training (Rasch et al. 2024, Fig. 4): which algorithm needs which reference and how many
states."""

import functools as ft
import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import reports
from ..._random import keys_for
from ..._types import PRNGKey, Scalar
from ...config import InMemoryToyConfig
from ...devices import pulsed
from ...training import in_memory
from .._running import Progress, new_run, spread, write_run
from ._digital import rule_of


_CHECKPOINTS = 20


def in_memory_toy(
    config: InMemoryToyConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`.

    The error of the weights is the root mean square of what they miss. Offsets of references are those of the array
    that gradients fill: A of two arrays, else W.

    **Reference:** Rasch et al., Nat. Commun. 15:7133 (2024), Fig. 4. Offsets of W, for algorithms without A, are ours.
    """
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        errors = {}
        for name, algorithm in config.algorithms.items():
            with tell.training(name, _CHECKPOINTS) as step:
                errors[name] = _errors(config, algorithm, step)
        report = _report(config, errors, time.monotonic() - started)
        write_run(run, config, report)
    return report


def _device(config: InMemoryToyConfig, bounds: float, dw_min: Scalar, offset: Any) -> pulsed.PulsedDevice:
    cells = config.cells
    return pulsed.PulsedDevice(
        step=pulsed.SoftBounds(), dw_min=dw_min, w_max=1.0, w_min=-1.0, noise=pulsed.AdditiveNoise(cells.pulse),
        variation=pulsed.Variation(
            gain=pulsed.LogNormalSpread(cells.gain), imbalance=cells.imbalance, w_max=bounds, w_min=bounds
        ),
        reference=pulsed.Reference(at_symmetry_point=True, std=offset),
    )  # fmt: skip


def devices_of(config: InMemoryToyConfig) -> tuple[Any, Any]:
    """The cells that gradients fill and those of the weights behind them, of the first of `states` and `offsets`."""
    dw_min, offset = jnp.asarray(2.0 / config.states[0], float), jnp.asarray(config.offsets[0], float)
    bounds = config.cells
    return _device(config, bounds.fast_bounds, dw_min, offset), _device(config, bounds.slow_bounds, dw_min, 0.0)


def _rule(config: InMemoryToyConfig, algorithm: Any, dw_min: Scalar, offset: Scalar) -> in_memory.InMemoryRule:
    cells = config.cells
    if not algorithm.two_arrays:
        return rule_of(algorithm, _device(config, cells.slow_bounds, dw_min, offset))
    fast, slow = (
        _device(config, bounds, dw_min, off) for bounds, off in ((cells.fast_bounds, offset), (cells.slow_bounds, 0.0))
    )
    return rule_of(algorithm, fast, slow)


def _errors(config: InMemoryToyConfig, algorithm: Any, step: Any) -> np.ndarray:
    """`[states, offsets, seeds, checkpoints]`; seeds share targets, inputs and cells over offsets and states."""
    keys = keys_for(jr.key(config.seed), [f"seed {i}" for i in range(config.n_seeds)])
    dw_min, offset, number = (
        jnp.asarray(axis).ravel()
        for axis in np.meshgrid(
            2.0 / np.asarray(config.states, np.float32), np.asarray(config.offsets, np.float32),
            np.arange(config.n_seeds), indexing="ij",
        )
    )  # fmt: skip
    key = jnp.stack(list(keys.values()))[number]
    # Rules enter as arguments: XLA would spend its time on folding the physics into constants.
    rules = jax.vmap(ft.partial(_rule, config, algorithm))(dw_min, offset)
    batch = algorithm.samples_in_order
    n_steps = max(config.samples // (batch * _CHECKPOINTS), 1)
    start = eqx.filter_jit(jax.vmap(ft.partial(_start, config.size, config.target_std)))
    more = eqx.filter_jit(jax.vmap(ft.partial(_more, config.size, batch, n_steps), in_axes=(0, 0, 0, None)))
    carry, history = start(rules, key), []
    for checkpoint in range(_CHECKPOINTS):
        carry, error = more(rules, carry, key, jnp.asarray(checkpoint))
        history.append(np.asarray(error, np.float64))
        step(checkpoint + 1, float(np.mean(history[-1] ** 2)))
    shape = (len(config.states), len(config.offsets), config.n_seeds, _CHECKPOINTS)
    return np.stack(history, axis=-1).reshape(shape)


def _start(size: int, target_std: float, rule: in_memory.InMemoryRule, key: PRNGKey) -> tuple:
    key_target, key_init, _ = jr.split(key, 3)
    return target_std * jr.normal(key_target, (size, size)), rule.init(jnp.zeros((size, size)), key=key_init)


def _more(
    size: int, batch: int, n_steps: int, rule: in_memory.InMemoryRule, carry: tuple, key: PRNGKey, checkpoint: Any
) -> tuple[tuple, Scalar]:
    target, state = carry
    key_run = jr.fold_in(jr.split(key, 3)[2], checkpoint)

    def one(carry: tuple, key: PRNGKey) -> tuple[tuple, None]:
        w, state = carry
        key_x, key_update = jr.split(key)
        x = jr.normal(key_x, (batch, size))
        w, state, _ = rule.update(in_memory.Outer(x, x @ (w - target)), state, key=key_update)
        return (w, state), None

    (w, state), _ = jax.lax.scan(one, (rule.weights(state), state), jr.split(key_run, n_steps))
    return (target, state), jnp.sqrt(jnp.mean((w - target) ** 2))


def _report(config: InMemoryToyConfig, errors: dict[str, np.ndarray], wall_s: float) -> reports.StudyReport:
    last = {name: 100.0 * values[..., -1] for name, values in errors.items()}
    offsets, states = np.asarray(config.offsets), np.asarray(config.states)
    by_offset, by_states = _panels(last, offsets, states)
    cells = [(i, j) for i in range(len(states)) for j in range(len(offsets))]
    findings = [_finding(last, offsets, i, n) for i, n in enumerate(config.states)]
    dims = ("algorithm", "states", "offset", "seed", "checkpoint")
    return reports.StudyReport(
        name=config.name,
        title="which reference and how many states in-memory training needs",
        opening=f"{config.size} x {config.size} cells learn a random matrix (standard deviation {config.target_std:g}) "
        f"from {config.samples:,} inputs; {config.n_seeds} seeds of cells, matrix and inputs.",
        findings=findings,
        header=["states", "reference off by", *(f"{name} (%)" for name in last)],
        rows=[
            [str(states[i]), f"{offsets[j]:g}", *(spread(values[i, j], digits=2) for values in last.values())]
            for i, j in cells
        ],
        pictures={
            "error_against_offset.png": (by_offset, f"Mean and range of {config.n_seeds} seeds."),
            "error_against_states.png": (by_states, f"Mean and range of {config.n_seeds} seeds."),
        },
        notes=[
            "Cells and study: Rasch et al., Nat. Commun. 15:7133 (2024), Eqs. (4)-(8) and Fig. 4, which prints about "
            "5 % for TTv2 and more than 25 % for in-memory SGD at 20 states with exact references.",
            "The error fed back is that of the outputs, not divided by their number: the rates in the config are per "
            "sample. Offsets of W, for algorithms with a single array, are ours.",
        ],
        arrays={"error": (dims, np.stack(list(errors.values())), {"units": "1", "long_name": "weight error"})},
        coords={"algorithm": list(errors), "states": states, "offset": offsets},
        summary={"error": {name: v[..., -1].mean(axis=2) for name, v in errors.items()}, "states": list(states),
                 "offsets": list(offsets), "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


def _panels(
    last: dict[str, np.ndarray], offsets: np.ndarray, states: np.ndarray
) -> tuple[list[reports.Panel], list[reports.Panel]]:
    label = "weight error (% of the range to one side)"
    by_offset = [
        reports.Panel(f"{n} states", offsets, {name: v[i].T for name, v in last.items()},
                      "spread of the reference", label, log="y", ticks=[f"{o:g}" for o in offsets])
        for i, n in enumerate(states)
    ]  # fmt: skip
    by_states = [
        reports.Panel(f"reference off by {o:g}", states, {name: v[:, j].T for name, v in last.items()},
                      "states", label, log="y", ticks=[str(n) for n in states])
        for j, o in enumerate(offsets)
    ]  # fmt: skip
    return by_offset, by_states


def _finding(last: dict[str, np.ndarray], offsets: np.ndarray, i: int, n: int) -> str:
    parts = [f"{name} {values[i, 0].mean():.1f} %" for name, values in last.items()]
    line = f"With {n} states and references off by {offsets[0]:g}: {', '.join(parts)}."
    if len(offsets) == 1:
        return line
    grown = [f"{name} {values[i, -1].mean():.1f} %" for name, values in last.items()]
    return f"{line} Off by {offsets[-1]:g}: {', '.join(grown)}."
