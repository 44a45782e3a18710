"""Networks trained from scratch inside the memory: what each algorithm reaches on which cells, and what it wears."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from .. import reports
from .._random import keys_for
from ..config import InMemoryTrainingConfig
from ..datasets import Dataset
from ..training import in_memory
from . import _dense_in_memory as dense
from ._digital import rule_of
from ._progress import Progress
from ._run_directory import new_run
from ._writing import spread, write_run


class _Entry(NamedTuple):
    """One algorithm on one kind of cells with bounds at `tau` (`None`: as they are), over seeds: `accuracy[seeds,
    epochs]`; `mean`, `largest`: pulses per sample, of the mean cell and of the most pulsed one; `days`, `epochs` until
    a hundredth of the cells of an array has had its pulses, NaN where there are none."""

    cells: str
    algorithm: str
    tau: float | None
    accuracy: np.ndarray
    mean: np.ndarray
    largest: np.ndarray
    days: np.ndarray
    epochs: np.ndarray


def in_memory_training(
    config: InMemoryTrainingConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`, and
    `ValueError` for a batch larger than the data."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = _cut(config)
    with new_run(out, overwrite=overwrite) as run:
        network, entries = dense.network_of(config, data), []
        for name, algorithm in config.algorithms.items():
            cells = config.cells if algorithm.type != "digital" else {"none": next(iter(config.cells.values()))}
            for kind, section in cells.items():
                taus = config.tau if config.tau and algorithm.type != "digital" else (None,)
                rules = _rules(algorithm, section.device(), taus, config.n_seeds)
                seeds = keys_for(jr.key(config.seed), [f"seed {i}" for i in range(config.n_seeds)])
                keys = jnp.stack(list(seeds.values()) * len(taus))
                with tell.training(f"{name}, {kind}", config.epochs) as step:
                    trained = dense.train(config, network, rules, data, keys, step)
                entries += _entries(config, kind, section.endurance, name, taus, trained, len(data.y_train))
        report = _report(config, data, entries, time.monotonic() - started)
        write_run(run, config, report)
    return report


def _cut(config: InMemoryTrainingConfig) -> Dataset:
    data = config.data.load()
    data = data._replace(
        x_train=data.x_train[: config.max_train], y_train=data.y_train[: config.max_train],
        x_test=data.x_test[: config.max_test], y_test=data.y_test[: config.max_test],
    )  # fmt: skip
    if config.batch_size > len(data.y_train):
        raise ValueError(f"batch_size={config.batch_size} is more than the {len(data.y_train)} training samples")
    return data


def _rules(algorithm: Any, device: Any, taus: tuple, n_seeds: int) -> in_memory.InMemoryRule:
    """One rule a run, tau after tau; as arrays, so that all runs are one program."""

    def rule(tau: float | None) -> in_memory.InMemoryRule:
        if tau is None:
            return rule_of(algorithm, device)
        bounds = (jnp.full_like(device.w_max, tau), jnp.full_like(device.w_min, -tau))
        return rule_of(algorithm, eqx.tree_at(lambda d: (d.w_max, d.w_min), device, bounds))

    rules = [rule(tau) for tau in taus for _ in range(n_seeds)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *rules)


def _entries(
    config: InMemoryTrainingConfig, kind: str, endurance: float, name: str, taus: tuple, trained: dense.Trained,
    n_train: int,
) -> list[_Entry]:  # fmt: skip
    runs = [jax.tree.map(lambda leaf, i=i: jnp.asarray(leaf[i]), trained.stats) for i in range(len(trained.accuracy))]
    mean = np.asarray([max(float(v) for v in run.mean().values()) / float(run.samples) for run in runs])
    largest = np.asarray([max(float(v) for v in run.max().values()) / float(run.samples) for run in runs])
    lives = [in_memory.lifetime(run, endurance, samples_per_epoch=float(n_train)).values() for run in runs]
    worst = [min(life, key=lambda part: part.samples) for life in lives]
    days, epochs = (np.asarray([getattr(part, field) for part in worst]) for field in ("days", "epochs"))
    n = config.n_seeds
    cut = [slice(i * n, (i + 1) * n) for i in range(len(taus))]
    return [
        _Entry(kind, name, tau, trained.accuracy[s], mean[s], largest[s], days[s], epochs[s])
        for tau, s in zip(taus, cut, strict=True)
    ]


def _report(config: InMemoryTrainingConfig, data: Dataset, entries: list[_Entry], wall_s: float) -> reports.StudyReport:
    sizes = (int(data.x_train[0].size), *config.network.widths, data.n_classes)
    dims = ("entry", "seed", "epoch")
    stacked = lambda field: np.stack([getattr(entry, field) for entry in entries])
    return reports.StudyReport(
        name=config.name,
        title="networks trained from scratch inside the memory",
        opening=f"A network of {'-'.join(map(str, sizes))} units ({config.network.activation}) learns {data.name}: "
        f"{len(data.y_train):,} samples, {config.epochs} epochs, {config.n_seeds} seeds; tested on "
        f"{len(data.y_test):,}.",
        findings=_findings(config, entries),
        header=["cells", "algorithm", *(["tau"] if config.tau else []), "accuracy (%)", "pulses per sample, mean cell",
                "most pulsed cell", "lifetime (epochs)", "lifetime (days)"],
        rows=[_row(config, entry) for entry in entries],
        pictures=_pictures(config, entries),
        notes=[
            "Pulses are those of the array that gets most of them. A lifetime ends when a hundredth of the cells of "
            "an array has had as many pulses as it endures, which is the config's; days are of uninterrupted training "
            "at the times of Rasch et al., Nat. Commun. 15:7133 (2024), Table 1.",
            f"Products see new weights after every {config.batch_size} samples; the pulses of a batch go in the order "
            "of its samples unless the config says `summed`. Outputs are multiplied by a digital scale of each layer.",
        ],
        arrays={
            "accuracy": (dims, stacked("accuracy"), {"units": "1", "long_name": "test accuracy"}),
            "pulses_mean": (dims[:2], stacked("mean"), {"units": "1", "long_name": "pulses per sample, mean cell"}),
            "pulses_max": (dims[:2], stacked("largest"), {"units": "1", "long_name": "pulses per sample, at most"}),
        },
        coords={"cells": ("entry", [e.cells for e in entries]), "algorithm": ("entry", [e.algorithm for e in entries]),
                "tau": ("entry", [np.nan if e.tau is None else e.tau for e in entries]),
                "epoch": np.arange(1, config.epochs + 1)},
        summary={"results": [_numbers(entry) for entry in entries], "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


def _numbers(entry: _Entry) -> dict[str, Any]:
    last = entry.accuracy[:, -1]
    return {
        "cells": entry.cells, "algorithm": entry.algorithm, "tau": entry.tau, "accuracy_mean": float(np.mean(last)),
        "accuracy_std": float(np.std(last, ddof=1)), "pulses_per_sample_mean_cell": float(np.mean(entry.mean)),
        "pulses_per_sample_most_pulsed": float(np.mean(entry.largest)), "lifetime_epochs": float(np.mean(entry.epochs)),
        "lifetime_days": float(np.mean(entry.days)),
    }  # fmt: skip


def _row(config: InMemoryTrainingConfig, entry: _Entry) -> list[str]:
    tau = [] if not config.tau else ["" if entry.tau is None else f"{entry.tau:g}"]
    name = [entry.cells, entry.algorithm, *tau, spread(entry.accuracy[:, -1], 100.0)]
    if not np.any(entry.largest):
        return [*name, "", "", "", ""]
    numbers = (entry.mean, entry.largest, entry.epochs, entry.days)
    return [*name, *(f"{np.mean(values):.2g}" for values in numbers)]


def _findings(config: InMemoryTrainingConfig, entries: list[_Entry]) -> list[str]:
    score = lambda entry: 100.0 * float(np.mean(entry.accuracy[:, -1]))
    lines = [f"Without hardware: {score(e):.1f} %." for e in entries if e.cells == "none"]
    groups = dict.fromkeys((e.cells, e.tau) for e in entries if e.cells != "none")
    for cells, tau in groups:
        found = sorted((e for e in entries if (e.cells, e.tau) == (cells, tau)), key=score, reverse=True)
        where = cells if tau is None else f"{cells}, tau = {tau:g}"
        lines.append(f"On {where}: " + ", ".join(f"{e.algorithm} {score(e):.1f} %" for e in found) + ".")
    return lines


def _pictures(config: InMemoryTrainingConfig, entries: list[_Entry]) -> dict[str, tuple[list[reports.Panel], str]]:
    caption = f"Mean and range of {config.n_seeds} seeds."
    digital = [100.0 * float(np.mean(e.accuracy[:, -1])) for e in entries if e.cells == "none"]
    line = (digital[0], "without hardware") if digital else None
    epochs = np.arange(1, config.epochs + 1)
    by_epoch, by_tau = [], []
    for cells in config.cells:
        mine = [e for e in entries if e.cells == cells]
        label = lambda e: e.algorithm if e.tau is None else f"{e.algorithm}, tau {e.tau:g}"
        curves = {label(e): 100.0 * e.accuracy for e in mine}
        by_epoch.append(reports.Panel(cells, epochs, curves, "epoch", "test accuracy (%)", line=line))
        last = {
            name: 100.0 * np.stack([e.accuracy[:, -1] for e in mine if e.algorithm == name], axis=1)
            for name in dict.fromkeys(e.algorithm for e in mine)
        }
        if config.tau:
            taus = np.asarray(config.tau)
            ticks = [f"{tau:g}" for tau in taus]
            by_tau.append(reports.Panel(cells, taus, last, "tau", "test accuracy (%)", ticks=ticks, line=line))
    pictures = {"accuracy.png": (by_epoch, caption)}
    return {"accuracy_against_tau.png": (by_tau, caption), **pictures} if by_tau else pictures
