"""What trainings inside the memory would take: counted on a small array, scaled to the cells of a study."""

import functools as ft
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.random as jr

from ...config import DeltaRuleStudyConfig, InMemoryLoraConfig, InMemoryToyConfig, InMemoryTrainingConfig, shapes
from ...training import in_memory
from .._in_memory import devices_of, rule_of
from ._outlook import Outlook, Part, part
from ._work import Rates, Work, measured_rates, work_of


_SIDE = 64  # of the array on which updates are counted


class Job(NamedTuple):
    """Runs of one algorithm: `cells` in their arrays, `samples` that each sees, so many `runs`, on a `device`."""

    name: str
    algorithm: Any
    devices: tuple[Any, Any]
    cells: int
    samples: int
    runs: int


class _Jobs(NamedTuple):
    facts: list[tuple[str, str]]
    jobs: list[Job]


def check_in_memory(config: Any, *, estimate: bool = True) -> Outlook:
    """`check` of the studies that train inside the memory; updates alone are counted, not the forward passes."""
    facts, jobs = _jobs(config)
    updates = sum(float(job.cells) * job.samples * job.runs for job in jobs)
    facts.append(
        ("updates", f"{updates:.3g} of single cells by samples, {len(jobs)} trainings of {config.n_seeds} seeds")
    )
    numbers = {"trainings": len(jobs), "seeds": config.n_seeds, "updates": updates}
    parts: tuple[Part, ...] = ()
    if estimate:
        rates = measured_rates()
        parts = tuple(_part(job, rates) for job in jobs)
    held = 32.0 * max(job.cells * job.runs for job in jobs)
    notes = ("reads are not in the estimate",) if estimate else ()
    return Outlook(config.name, config.study, tuple(facts), numbers, parts, held, notes)


def _part(job: Job, rates: Rates) -> Part:
    batch = job.algorithm.samples_in_order
    scale = job.cells / _SIDE**2 * job.runs
    one = _update(job.algorithm, job.devices, batch).times(scale)
    return part(job.name, f"{job.runs} runs of {job.samples:,} samples", one, math.ceil(job.samples / batch), rates)


def _update(algorithm: Any, devices: tuple[Any, Any], batch: int) -> Work:
    rule, key = rule_of(algorithm, *devices), jr.key(0)
    shape = lambda *sizes: jax.ShapeDtypeStruct(sizes, float)
    start = lambda w: rule.init(w, key=key)
    state = jax.eval_shape(start, shape(_SIDE, _SIDE))
    update = lambda x, d, state: rule.update(in_memory.Outer(x, d), state, key=key)
    return work_of(update, shape(batch, _SIDE), shape(batch, _SIDE), state)


@ft.singledispatch
def _jobs(config: Any) -> _Jobs:
    raise TypeError(f"no check of {type(config).__name__}")


@_jobs.register
def _(config: InMemoryToyConfig) -> _Jobs:
    runs = len(config.states) * len(config.offsets) * config.n_seeds
    jobs = [
        Job(name, algorithm, devices_of(config), config.size**2, config.samples, runs)
        for name, algorithm in config.algorithms.items()
    ]
    return _Jobs([("matrix", f"{config.size} x {config.size}")], jobs)


@_jobs.register
def _(config: InMemoryTrainingConfig) -> _Jobs:
    data = config.data.load()
    n = len(data.y_train[: config.max_train])
    if config.batch_size > n:
        raise ValueError(f"batch_size={config.batch_size} is more than the {n} training samples")
    sizes = (int(data.x_train[0].size), *config.network.widths, data.n_classes)
    cells = sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))
    jobs = []
    for name, plain in config.algorithms.items():
        kinds = list(config.cells)[:1] if plain.type == "digital" else config.cells
        for kind in kinds:
            algorithm, section = config.algorithm(name, kind), config.cells[kind]
            runs = config.n_seeds * max(1, len(config.tau))
            devices = (section.device(), section.slow())
            jobs.append(Job(f"{name}, {kind}", algorithm, devices, cells, config.epochs * n, runs))
    layers = " - ".join(map(str, sizes))
    return _Jobs([("data", f"{data.name}: {n:,} to train"), ("network", f"{layers}, {cells:,} cells")], jobs)


@_jobs.register
def _(config: DeltaRuleStudyConfig) -> _Jobs:
    devices = (config.cells.device(), config.cells.slow())
    job = Job("delta rule", config.rule, devices, 30, 30 * config.epochs, config.n_seeds)
    return _Jobs([("network", "10 - 3, 30 cells")], [job])


@_jobs.register
def _(config: InMemoryLoraConfig) -> _Jobs:
    data = config.data.load()
    config.pretraining.schedule().check(len(data.y_train))
    if config.batch_size > len(data.y_train):
        raise ValueError(f"batch_size={config.batch_size} is more than the {len(data.y_train)} training samples")
    model = shapes(config.model, data, jr.key(config.seed))
    matrices = [leaf.shape for leaf in jax.tree.leaves(model) if len(getattr(leaf, "shape", ())) == 2]
    devices, n = (config.cells.device(), config.cells.slow()), config.epochs * len(data.y_train)
    full, factors = (_cells(matrices, rank) for rank in (None, config.lora.rank))
    jobs = [
        Job(f"{what}, {name}", algorithm, devices, cells, n, config.n_seeds)
        for what, cells, algorithms in (
            ("LoRA", factors, config.lora_algorithms),
            ("all matrices", full, config.full_algorithms),
        )
        for name, algorithm in algorithms.items()
    ]
    facts = [("data", f"{data.name}: {len(data.y_train):,} to train"), ("cells", f"{full:,} in all matrices")]
    return _Jobs(facts, jobs)


def _cells(matrices: Sequence[tuple[int, ...]], rank: int | None) -> int:
    return sum(a * b if rank is None else rank * (a + b) for a, b in matrices)
