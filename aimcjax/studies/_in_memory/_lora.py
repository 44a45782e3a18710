"""Fine-tuning inside the memory: what LoRA factors reach with few cells written, and all matrices with many."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array

from ... import reports, training
from ..._random import keys_for
from ..._types import PRNGKey
from ...config import InMemoryLoraConfig
from ...datasets import Dataset
from ...training import in_memory
from .._running import Progress, new_run, spread, write_run
from . import _vit as vit, _wear as wear
from ._digital import rule_of
from ._loop import ONCE, QUICK, Step, epoch_of, run_epochs


class _Entry(NamedTuple):
    """`accuracy[seeds, epochs + 1]`, the first before training."""

    what: str
    algorithm: str
    accuracy: np.ndarray
    wear: wear.Wear


def in_memory_lora(
    config: InMemoryLoraConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = config.data.load()
    config.pretraining.schedule().check(len(data.y_train))
    if config.batch_size > len(data.y_train):
        raise ValueError(f"batch_size={config.batch_size} is more than the {len(data.y_train)} training samples")
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        keys = keys_for(jr.key(config.seed), ("model", "pretraining", "factors", "runs"))
        model = config.model.build(data, keys["model"])
        with tell.training("pretraining", config.pretraining.epochs) as step:
            model, _ = training.fit(
                model, data.x_train, data.y_train, forward=training.digital_forward,
                schedule=config.pretraining.schedule(), key=keys["pretraining"], progress=step,
            )  # fmt: skip
        turned = data._replace(x_train=np.rot90(data.x_train, axes=(1, 2)), x_test=np.rot90(data.x_test, axes=(1, 2)))
        before = float(training.accuracy(jax.vmap(model)(jnp.asarray(data.x_test)), jnp.asarray(data.y_test)))
        trainees = {"LoRA": vit.factors(config, model, keys["factors"]), "all matrices": vit.matrices(config, model)}
        entries = []
        for what, algorithms in (("LoRA", config.lora_algorithms), ("all matrices", config.full_algorithms)):
            for name, algorithm in algorithms.items():
                with tell.training(f"{what}, {name}", config.epochs) as step:
                    rule = rule_of(algorithm, config.cells.device(), config.cells.slow())
                    found = _tune(config, model, trainees[what], rule, turned, keys["runs"], step)
                entries.append(_Entry(what, name, *found))
        report = _report(config, data, entries, before, time.monotonic() - started)
        write_run(run, config, report)
    return report


def _tune(
    config: InMemoryLoraConfig, model: Any, trainees: vit.Trainees, rule: in_memory.InMemoryRule, data: Dataset,
    key: PRNGKey, step: Step,
) -> tuple:  # fmt: skip
    """The fields of `_Entry` behind its names, over seeds of cells and order."""
    keys = jnp.stack(list(keys_for(key, [f"seed {i}" for i in range(config.n_seeds)]).values()))
    init = lambda rule, params, key: rule.init(params, key=jr.fold_in(key, 0))
    start = jax.jit(jax.vmap(init, in_axes=(None, None, 0)), compiler_options=ONCE)
    gradients = lambda model, w, x, y, *, key: vit.gradients(model, trainees, w, x, y, key=key)
    over_runs = lambda f, axes: jax.jit(jax.vmap(f, in_axes=axes), compiler_options=QUICK)
    epoch = over_runs(epoch_of(gradients, config.batch_size), (None, None, 0, 0, None, None, None))
    score = over_runs(_score(trainees), (None, None, 0, None, None))
    x, y, x_test, y_test = (jnp.asarray(part) for part in (data.x_train, data.y_train, data.x_test, data.y_test))
    state = start(rule, trainees.params, keys)
    before = np.asarray(score(model, rule, state, x_test, y_test), np.float64)
    accuracy, _, total = run_epochs(
        config.epochs,
        lambda state, number: epoch(model, rule, state, keys, number, x, y),
        lambda state: score(model, rule, state, x_test, y_test),
        state,
        step,
    )
    n_images = len(y) // config.batch_size * config.batch_size  # rules count vectors, of which an image has many
    total = eqx.tree_at(lambda s: s.samples, total, jnp.full(config.n_seeds, float(config.epochs * n_images)))
    worn = wear.wear_of(total, config.cells.endurance, float(n_images))
    return np.concatenate([before[:, None], accuracy], axis=1), worn


def _score(trainees: vit.Trainees) -> Any:
    def score(model: Any, rule: Any, state: Any, x: Array, y: Array) -> Array:
        return training.accuracy(jax.vmap(trainees.put(model, rule.weights(state)))(x), y)

    return score


def _report(
    config: InMemoryLoraConfig, data: Dataset, entries: list[_Entry], before: float, wall_s: float
) -> reports.StudyReport:
    untouched = 100.0 * float(np.mean(entries[0].accuracy[:, 0]))
    epochs, caption = np.arange(config.epochs + 1), f"Mean and range of {config.n_seeds} seeds of cells."
    panels = [
        reports.Panel(what, epochs, {e.algorithm: 100.0 * e.accuracy for e in entries if e.what == what}, "epoch",
                      "accuracy on turned images (%)", line=(100.0 * before, "pretrained, upright images"))
        for what in ("LoRA", "all matrices")
    ]  # fmt: skip
    rows = [[e.what, e.algorithm, spread(e.accuracy[:, -1], 100.0), *wear.row(e.wear)] for e in entries]
    return reports.StudyReport(
        name=config.name,
        title="fine-tuning inside the memory, by LoRA factors alone or by all matrices",
        opening=f"A vision transformer that reads {100 * before:.1f} % of upright {data.name} is tuned to images "
        f"turned by a quarter, of which it reads {untouched:.1f} %: "
        f"{config.epochs} epochs of {len(data.y_train):,} samples.",
        findings=_findings(config, entries),
        header=["what learns", "algorithm", "accuracy (%)", *wear.HEADER],
        rows=rows,
        pictures={"accuracy.png": (panels, caption)},
        notes=[
            "Products are exact. Beside LoRA factors the matrices stay as they were, and so do biases and norms.",
            f"Cells are those of all arrays that an algorithm needs. {wear.LIFETIME}",
        ],
        arrays={
            "accuracy": (("entry", "seed", "epoch"), np.stack([e.accuracy for e in entries]), {"units": "1"}),
            "pulses": (("entry", "seed"), np.stack([e.wear.pulses for e in entries]), {"units": "1"}),
        },
        coords={"what": ("entry", [e.what for e in entries]), "algorithm": ("entry", [e.algorithm for e in entries]),
                "epoch": epochs},
        summary={"pretrained_accuracy": before, "results": _numbers(entries), "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


def _numbers(entries: list[_Entry]) -> list[dict[str, Any]]:
    return [{"what": e.what, "algorithm": e.algorithm, **wear.numbers(e.accuracy, e.wear)} for e in entries]


def _findings(config: InMemoryLoraConfig, entries: list[_Entry]) -> list[str]:
    by_name = {(e.what, e.algorithm): e for e in entries}
    lines = []
    for name in config.lora_algorithms:
        lora, full = by_name["LoRA", name], by_name.get(("all matrices", name))
        line = f"{name}: LoRA reaches {100 * np.mean(lora.accuracy[:, -1]):.1f} %"
        if full is not None:
            line += f", all matrices {100 * np.mean(full.accuracy[:, -1]):.1f} %"
            if np.mean(lora.wear.pulses) > 0:
                line += (
                    f", with {np.mean(full.wear.pulses) / np.mean(lora.wear.pulses):.1f} times the pulses of LoRA in "
                    f"{full.wear.cells / lora.wear.cells:.1f} times the cells"
                )
        lines.append(f"{line}.")
    return lines
