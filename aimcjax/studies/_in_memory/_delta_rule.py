"""The first classifier trained in a memristor crossbar (Prezioso et al. 2015): 30 patterns, 60 cells."""

import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int

from ... import reports
from ..._random import keys_for
from ..._types import PRNGKey
from ...config import DeltaRuleStudyConfig
from ...training import in_memory
from .._running import Progress, new_run, write_run
from ._digital import rule_of


_LETTERS = {"z": ("111", "010", "111"), "v": ("101", "101", "010"), "n": ("010", "101", "101")}


def patterns() -> tuple[Float[np.ndarray, "30 10"], Int[np.ndarray, " 30"]]:
    """Stylised letters z, v and n of 3 x 3 pixels, each as it is and with one pixel turned, as inputs of +-1 with one
    of -1 for the bias; and their labels.

    **Reference:** Prezioso et al., Nature 521:61 (2015), Fig. 3; that the bias line is at -1 is assumed.
    """
    x, y = [], []
    for label, rows in enumerate(_LETTERS.values()):
        ideal = np.asarray([2.0 * int(pixel) - 1.0 for row in rows for pixel in row], np.float32)
        for turned in range(-1, 9):
            x.append([*(np.where(np.arange(9) == turned, -ideal, ideal)), -1.0])
            y.append(label)
    return np.asarray(x, np.float32), np.asarray(y, np.int32)


def delta_rule(
    config: DeltaRuleStudyConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    r"""Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`.

    $f_j = \tanh(\beta\sum_i x_i(G^+_{ij} - G^-_{ij}))$; after every epoch each cell gets one pulse in the direction of
    $\sum_p (t_j - f_j) f'_j x_i$, its partner one in the other.

    **Reference:** Prezioso et al., Nature 521:61 (2015). Step, noise and spread of the cells are the config's.
    """
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        with tell.working(f"{config.n_seeds} crossbars"):
            errors = errors_by_epoch(config)
        report = _report(config, errors, time.monotonic() - started)
        write_run(run, config, report)
    return report


def errors_by_epoch(config: DeltaRuleStudyConfig) -> Int[np.ndarray, "seeds epochs"]:
    """Patterns that are wrong before training and after every epoch."""
    x, y = (jnp.asarray(part) for part in patterns())
    wanted = config.target * (2.0 * jax.nn.one_hot(y, 3) - 1.0)
    names = [f"seed {i}" for i in range(config.n_seeds)]
    keys = jnp.stack(list(keys_for(jr.key(config.seed), names).values()))

    def outputs(w: Float[Array, "10 6"]) -> Float[Array, "30 3"]:
        return jnp.tanh(config.gain * (x @ (w[:, :3] - w[:, 3:])))

    def wrong(w: Float[Array, "10 6"]) -> Int[Array, ""]:
        return jnp.sum((jnp.argmax(outputs(w), axis=1) != y).astype(jnp.int32))

    def one(rule: in_memory.InMemoryRule, key: PRNGKey) -> Int[Array, " epochs"]:
        key_weights, key_cells, key_run = jr.split(key, 3)
        state = rule.init(config.initial * jr.normal(key_weights, (10, 6)), key=key_cells)

        def epoch(state: in_memory.InMemoryState, key: PRNGKey) -> tuple[in_memory.InMemoryState, Int[Array, ""]]:
            f = outputs(rule.weights(state))
            slope = -x.T @ ((wanted - f) * (1.0 - f**2))
            w, state, _ = rule.update(jnp.concatenate([slope, -slope], axis=1), state, key=key)
            return state, wrong(w)

        first = wrong(rule.weights(state))
        _, later = jax.lax.scan(epoch, state, jr.split(key_run, config.epochs))
        return jnp.concatenate([first[None], later])

    rule = rule_of(config.rule, config.cells.device())
    return np.asarray(eqx.filter_jit(jax.vmap(one, in_axes=(None, 0)))(rule, keys))


def _report(config: DeltaRuleStudyConfig, errors: np.ndarray, wall_s: float) -> reports.StudyReport:
    perfect = np.maximum.accumulate(errors == 0, axis=1)
    n = config.n_seeds
    first = np.where(perfect[:, -1], np.argmax(perfect, axis=1), -1)
    reached = perfect.mean(axis=0)
    limit = min(config.published_epochs, config.epochs)
    half = 1.96 * float(np.sqrt(max(reached[limit] * (1 - reached[limit]), 1.0 / n) / n))
    median = float(np.median(first[first >= 0])) if np.any(first >= 0) else float("nan")
    rows = [
        [str(e), f"{errors[:, e].mean():.2f}", f"{100 * (errors[:, e] == 0).mean():.1f}", f"{100 * reached[e]:.1f}"]
        for e in sorted({*range(0, min(7, config.epochs + 1)), 10, limit, config.epochs})
        if e <= config.epochs
    ]
    return reports.StudyReport(
        name=config.name,
        title="a classifier trained by one pulse for each cell",
        opening=f"A 10 x 6 crossbar learns 30 patterns of 3 x 3 pixels by the Manhattan rule; {n} seeds of cells.",
        findings=[
            f"After at most {limit} epochs, {100 * reached[limit]:.1f} ± {100 * half:.1f} % of the crossbars had "
            f"classified all patterns (published: after about {config.published_epochs} epochs, in six runs); "
            f"half of those needed {median:g} epochs or fewer.",
        ],
        header=["epoch", "wrong patterns, mean", "without errors now (%)", "without errors by then (%)"],
        rows=rows,
        pictures={"errors.png": (_panels(errors, reached), f"Mean and range of {n} seeds.")},
        notes=[
            "Prezioso et al., Nature 521:61 (2015): crossbar, patterns, batch Manhattan rule, tanh neurons.",
            "Steps, noise and spread of the cells, initial weights and targets are assumed.",
        ],
        arrays={"errors": (("seed", "epoch"), errors, {"units": "1", "long_name": "wrong patterns of 30"})},
        coords={"epoch": np.arange(config.epochs + 1)},
        summary={"published_epochs": limit, "share_without_errors": float(reached[limit]), "half_width_95": half,
                 "median_epochs": median, "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


def _panels(errors: np.ndarray, reached: np.ndarray) -> list[reports.Panel]:
    epochs, by_then = np.arange(len(reached)), {"all 30 right": 100 * reached[None]}
    return [
        reports.Panel("wrong patterns", epochs, {"of 30": errors}, "epoch", "patterns"),
        reports.Panel("seeds without errors by then", epochs, by_then, "epoch", "seeds (%)", line=(95.0, "95 %")),
    ]
