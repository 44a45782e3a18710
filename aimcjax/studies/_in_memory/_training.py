"""Networks trained from scratch inside the memory: what each algorithm reaches on which cells, and what it wears."""

import concurrent.futures
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import reports
from ..._random import keys_for
from ...config import InMemoryTrainingConfig
from ...datasets import Dataset
from ...training import in_memory
from .._running import Progress, new_run, spread, write_run
from . import _dense as dense, _wear as wear
from ._digital import rule_of


class _Job(NamedTuple):
    """One algorithm on one kind of cells: a rule for every tau."""

    cells: str
    algorithm: str
    taus: tuple[float | None, ...]
    endurance: float
    rules: tuple[in_memory.InMemoryRule, ...]


class _Entry(NamedTuple):
    """One algorithm on one kind of cells with bounds at `tau` (`None`: as they are): `accuracy[seeds, epochs]`."""

    cells: str
    algorithm: str
    tau: float | None
    accuracy: np.ndarray
    wear: wear.Wear


def in_memory_training(
    config: InMemoryTrainingConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`, and
    `ValueError` for a batch larger than the data."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = _cut(config)
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        entries = _train(config, data, _jobs(config), tell)
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


def _jobs(config: InMemoryTrainingConfig) -> list[_Job]:
    """What is trained, in the order of the report."""
    jobs = []
    for name in config.algorithms:
        digital = config.algorithms[name].type == "digital"
        for kind in config.cells:
            section, algorithm = config.cells[kind], config.algorithm(name, kind)
            taus = config.tau if config.tau and not digital else (None,)
            rules = tuple(_rule(algorithm, section, tau) for tau in taus)
            jobs.append(_Job("none" if digital else kind, name, taus, section.endurance, rules))
            if digital:
                break
    return jobs


def _together(jobs: list[_Job]) -> list[list[_Job]]:
    """Jobs whose rules differ in numbers alone: one program trains them all."""
    groups: dict[Any, list[_Job]] = {}
    for job in jobs:
        leaves, structure = jax.tree.flatten(job.rules[0])
        groups.setdefault((structure, tuple(jnp.shape(leaf) for leaf in leaves)), []).append(job)
    return list(groups.values())


def _rule(algorithm: Any, section: Any, tau: float | None) -> in_memory.InMemoryRule:
    def bounded(device: Any) -> Any:
        bounds = () if tau is None else (jnp.full_like(device.w_max, tau), jnp.full_like(device.w_min, -tau))
        return eqx.tree_at(lambda d: (d.w_max, d.w_min), device, bounds) if bounds else device

    return rule_of(algorithm, bounded(section.device()), bounded(section.slow()))


def _train(config: InMemoryTrainingConfig, data: Dataset, jobs: list[_Job], tell: Progress) -> list[_Entry]:
    """Groups of jobs two at a time: what takes long is the compiler, which works in one thread."""
    network, groups = dense.network_of(config, data), _together(jobs)
    seeds = keys_for(jr.key(config.seed), [f"seed {i}" for i in range(config.n_seeds)])
    done, lock = 0, threading.Lock()

    def train(group: list[_Job]) -> dense.Trained:
        rules = [rule for job in group for rule in job.rules for _ in range(config.n_seeds)]
        keys = jnp.stack(list(seeds.values()) * (len(rules) // config.n_seeds))
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rules)
        return dense.train(config, network, stacked, data, keys, count)

    def count(_: int, loss: float) -> None:
        nonlocal done
        with lock:
            done += 1
            step(done, loss)

    n_steps, pool = config.epochs * len(groups), concurrent.futures.ThreadPoolExecutor(2)
    with tell.training(f"{len(jobs)} trainings", n_steps) as step:
        try:
            trained = list(pool.map(train, groups))
        finally:
            pool.shutdown(cancel_futures=True)
    entries: dict[int, list[_Entry]] = {}
    for group, part in zip(groups, trained, strict=True):
        first = 0
        for job in group:
            runs = slice(first, first + len(job.rules) * config.n_seeds)
            entries[id(job)] = _entries(config, job, jax.tree.map(lambda leaf, runs=runs: leaf[runs], part), data)
            first = runs.stop
    return [entry for job in jobs for entry in entries[id(job)]]


def _entries(config: InMemoryTrainingConfig, job: _Job, trained: dense.Trained, data: Dataset) -> list[_Entry]:
    n, found = config.n_seeds, []
    for i, tau in enumerate(job.taus):
        part = jax.tree.map(lambda leaf, i=i: leaf[i * n : (i + 1) * n], trained)
        worn = wear.wear_of(part.stats, job.endurance, float(len(data.y_train)))
        found.append(_Entry(job.cells, job.algorithm, tau, part.accuracy, worn))
    return found


def _report(config: InMemoryTrainingConfig, data: Dataset, entries: list[_Entry], wall_s: float) -> reports.StudyReport:
    sizes = (int(data.x_train[0].size), *config.network.widths, data.n_classes)
    dims = ("entry", "seed", "epoch")
    accuracy = np.stack([entry.accuracy for entry in entries])
    worn = lambda field: np.stack([getattr(entry.wear, field) for entry in entries])
    return reports.StudyReport(
        name=config.name,
        title="networks trained from scratch inside the memory",
        opening=f"A network of {'-'.join(map(str, sizes))} units ({config.network.activation}) learns {data.name}: "
        f"{len(data.y_train):,} samples, {config.epochs} epochs, {config.n_seeds} seeds; tested on "
        f"{len(data.y_test):,}.",
        findings=_findings(config, entries),
        header=["cells", "algorithm", *(["tau"] if config.tau else []), "accuracy (%)", *wear.HEADER],
        rows=[_row(config, entry) for entry in entries],
        pictures=_pictures(config, entries),
        notes=[
            f"Pulses are those of the array that gets most of them. {wear.LIFETIME}",
            f"Products see new weights after every {config.batch_size} samples; the pulses of a batch go in the order "
            "of its samples unless the config says `summed`. Outputs are multiplied by a digital scale of each layer.",
        ],
        arrays={
            "accuracy": (dims, accuracy, {"units": "1", "long_name": "test accuracy"}),
            "pulses_mean": (dims[:2], worn("mean"), {"units": "1", "long_name": "pulses per sample, mean cell"}),
            "pulses_max": (dims[:2], worn("largest"), {"units": "1", "long_name": "pulses per sample, at most"}),
        },
        coords={"cells": ("entry", [e.cells for e in entries]), "algorithm": ("entry", [e.algorithm for e in entries]),
                "tau": ("entry", [np.nan if e.tau is None else e.tau for e in entries]),
                "epoch": np.arange(1, config.epochs + 1)},
        summary={"results": [_numbers(entry) for entry in entries], "wall_s": wall_s},
        wall_s=wall_s,
    )  # fmt: skip


def _numbers(entry: _Entry) -> dict[str, Any]:
    named = {"cells": entry.cells, "algorithm": entry.algorithm, "tau": entry.tau}
    return {**named, **wear.numbers(entry.accuracy, entry.wear)}


def _row(config: InMemoryTrainingConfig, entry: _Entry) -> list[str]:
    tau = [] if not config.tau else ["" if entry.tau is None else f"{entry.tau:g}"]
    return [entry.cells, entry.algorithm, *tau, spread(entry.accuracy[:, -1], 100.0), *wear.row(entry.wear)]


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
