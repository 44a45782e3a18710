"""Whether a config can be run, found without running it, and what a run would take."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import chips, nn, training
from ...config import CodesignConfig, Config, EconomicsConfig, ServiceConfig, shapes
from ...datasets import Dataset
from .._networks import COPIES, _roads as roads, _trainings as trainings, check_memory
from .._sweep import _points as points_of
from ._outlook import Outlook, Part, part
from ._work import Rates, Work, measured_rates, work_of


_MOST_TRACED = 1e9  # parameters; tracing larger networks takes minutes
_HELD = 1.0  # bytes that a step of training holds for every number it computes; compilers were seen to keep 0.3 to 2

_ROADS = {"hwa_training": "hwa", "adapter": "hwa_lora"}  # that a section trains a network for


def check_main_job(config: Config, *, estimate: bool = True) -> Outlook:
    """`check` of the main job, its sweep and co-design; arguments and errors as there."""
    data, key = config.data.load(), jr.key(config.seed)
    model, n_devices = shapes(config.model, data, key), config.mesh.n_devices
    elsewhere = n_devices > jax.device_count()
    if not elsewhere:
        check_memory(model, n_devices)
    analog = roads.converted(config, model)
    trainings.check(config, data)
    trainings.check_blocks(config, analog)
    eqx.filter_eval_shape(lambda model, key: trainings.with_adapters(config, model, key), analog, key)
    facts, numbers = _placed(config, model, analog, data)
    points = config.sweep.points(config.seed)
    structures, n_trainings = _structures(config, points, model, data)
    metrics = points_of.metrics(config)
    points_of.until(config, metrics)
    points_of.check_metrics(config, metrics, data)
    cells = len(points) * config.sweep.n_chips
    swept = len(points) > 1 or bool(config.sweep.axes)
    if swept:
        words = f"{len(points):,} points, {structures:,} to compile; {cells:,} chips x {len(config.sweep.times)} times"
        facts.append(("sweep", words + (f"; {n_trainings} trainings" if n_trainings > 1 else "")))
    numbers |= {"points": len(points), "structures": structures, "cells": cells * len(config.sweep.times),
                "trainings": n_trainings}  # fmt: skip
    parts, held, notes = _estimate(config, model, analog, data, structures, n_trainings, swept, wanted=estimate)
    if elsewhere:
        notes = (*notes, f"its mesh wants {n_devices} devices, this machine has {jax.device_count()}")
    if type(config) is CodesignConfig:
        notes = (*notes, "the search for a design comes on top of this")
    study = "codesign" if type(config) is CodesignConfig else "sweep" if swept else "score_over_time"
    return Outlook(config.name, study, tuple(facts), numbers, parts, held, notes)


def check_service(config: ServiceConfig, *, estimate: bool = True) -> Outlook:
    """`check` of a service; arguments and errors as there."""
    data, key = config.data.load(), jr.key(config.seed)
    config.training.schedule().check(len(data.y_train))
    if config.canaries > len(data.y_train):
        raise ValueError(f"canaries={config.canaries} is more than the {len(data.y_train)} training samples")
    model = shapes(config.model, data, key)
    check_memory(model)
    analog = roads.converted(config, model)
    facts, numbers = _placed(config, model, analog, data)
    steps, n = config.traffic.steps, len(config.policies)
    facts.append(("service", f"{steps:,} steps under {n} policies"))
    numbers |= {"steps": steps, "policies": n}
    parts: tuple[Part, ...] = ()
    if estimate:
        rates, schedule = measured_rates(), config.training.schedule()
        step = work_of(_digital(key), model, _batch(data.x_train, schedule.batch_size)).with_gradient()
        n_steps = schedule.epochs * (len(data.y_train) // schedule.batch_size)
        program, read = _on_chips(analog, data, key)
        parts = (
            part("digital training", f"{n_steps:,} steps", step, n_steps, rates),
            part(
                "service", f"{steps * n:,} reads of {len(data.y_test):,} samples", program.plus(read), steps * n, rates
            ),
        )
    return Outlook(config.name, "service", tuple(facts), numbers, parts, COPIES * 4.0 * numbers["parameters"])


def check_economics(config: EconomicsConfig, *, estimate: bool = True) -> Outlook:
    """`check` of economics; arguments and errors as there."""
    tiles = config.die.tiles * config.die.replicas * (1 + config.die.tiers)
    draws = float(config.n_dies * tiles)
    parts = ()
    if estimate:
        parts = (
            part("dies", f"{config.n_dies:,} dies", Work(elements=10 * draws, equations=500), 1, measured_rates()),
        )
    facts = (("dies", f"{config.n_dies:,} of {config.die.tiles:,} tiles"),)
    return Outlook(config.name, "economics", facts, {"dies": config.n_dies}, parts, 4 * draws)


def _placed(
    config: Config | ServiceConfig, model: Any, analog: Any, data: Dataset
) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """The network on its chip: exact, from shapes."""
    n_parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(model) if hasattr(leaf, "shape"))
    first = data.x_test[0]
    # Traced, so that experts can be taken from their stacks.
    eqx.filter_eval_shape(lambda model: jnp.asarray(chips.check_capacity(model, config.chip.max_tiles)), analog)
    placement = roads.placed(config, analog, sample=jax.ShapeDtypeStruct(first.shape, first.dtype))
    chip = placement.chip
    used = len({(item.slot.bank, item.slot.row, item.slot.col) for item in placement.items})
    n_layers, rows, cols = len(placement.layers), config.tile.rows, config.tile.cols
    capacity = None if config.chip.design.grid is None else chip.count_tiles()
    there = "as many as it needs" if capacity is None else f"{capacity:,}, {used / capacity:.0%} used"
    facts = [
        ("data", f"{data.name}: {len(data.y_train):,} to train, {len(data.y_test):,} to test"),
        ("network", f"{config.model.type}, {n_parameters:,} parameters, {n_layers} matrices on tiles"),
        ("tiles", f"{len(placement.items):,} blocks of {rows} x {cols} on {used:,} tiles; {chip.name} has {there}"),
    ]
    numbers = {"n_train": len(data.y_train), "n_test": len(data.y_test), "parameters": n_parameters,
               "analog_layers": n_layers, "blocks": len(placement.items), "tiles": used, "chip": chip.name,
               "chip_tiles": capacity}  # fmt: skip
    return facts, numbers


def _structures(config: Config, points: Any, model: Any, data: Dataset) -> tuple[int, int]:
    """How many programs, and how many trainings, serve all points; every point is checked on the way."""
    found, key = set(), jr.key(config.seed)
    for variant in points_of.variants(config, points):
        own = model if variant.model == config.model else shapes(variant.model, data, key)
        leaves, tree = jax.tree.flatten(roads.converted(variant, own))
        found.add((tree, tuple((leaf.shape, leaf.dtype) if hasattr(leaf, "shape") else leaf for leaf in leaves)))
    return len(found), len({points_of.training_of(point) for point in points})


def _estimate(
    config: Config, model: Any, analog: Any, data: Dataset, structures: int, n_trainings: int, swept: bool, *,
    wanted: bool,
) -> tuple[tuple[Part, ...], float, tuple[str, ...]]:  # fmt: skip
    n_parameters = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(model) if hasattr(leaf, "shape"))
    held = COPIES * 4.0 * n_parameters / config.mesh.n_devices
    if not wanted:
        return (), held, ("memory is that of parameters, gradients and moments alone; no time was estimated",)
    if n_parameters > _MOST_TRACED:
        return (), held, ("memory is that of parameters, gradients and moments alone: `aimcjax plan` compiles the "
                          "trainings; for networks as large no time is estimated",)  # fmt: skip
    rates, key = measured_rates(), jr.key(config.seed)
    program, read = _on_chips(analog, data, key)
    works = {
        "digital_training": work_of(_digital(key), model, _batch(data.x_train, config.digital_training.batch_size))
    }
    on_chip = _hwa_work(config, analog, data, program, read, key)
    taken = config.sweep.networks if swept else ("hwa", "hwa_lora")
    works |= {name: on_chip for name, road in _ROADS.items() if road in taken and getattr(config, name) is not None}
    parts = []
    for name, work in works.items():
        asked = getattr(config, name)
        n = asked.epochs * (len(data.y_train) // asked.batch_size) * n_trainings
        if n:
            parts.append(
                part(name.replace("_", " "), f"{n:,} steps", work.with_gradient(), n / config.mesh.n_devices, rates)
            )
    parts.append(_reads(config, program, read, rates, structures, swept))
    step = max(work.elements for work in works.values()) / config.mesh.n_devices
    reading = 4.0 * read.largest * (1 if swept else config.sweep.n_chips)
    return tuple(parts), max(held + _HELD * step, 4.0 * n_parameters + reading), ()


def _reads(config: Config, program: Work, read: Work, rates: Rates, structures: int, swept: bool) -> Part:
    asked = config.sweep
    n_roads = 1 if swept else 2 + (config.adapter is not None)
    n_chips = asked.n_chips * n_roads * (len(asked.points(config.seed)) if swept else 1)
    n_reads = n_chips * len(asked.times) * (1 if swept else 2)  # with compensation and without
    (run_program, compile_program), (run_read, compile_read) = rates.seconds(program), rates.seconds(read)
    words = f"{n_chips:,} programmed, {n_reads:,} times read"
    compiled = (compile_program + compile_read) * (structures if swept else 1)
    return Part("chips", words, n_chips * run_program + n_reads * run_read, compiled)


def _on_chips(analog: Any, data: Dataset, key: Any) -> tuple[Work, Work]:
    """Programming a chip, and reading it once with all samples of the test."""
    program = lambda model: nn.program(model, key=key)
    read = lambda chip, xs: nn.apply(nn.at(chip, t=jnp.asarray(20.0)), xs, key=key)
    chip = eqx.filter_eval_shape(program, analog)
    return work_of(program, analog), work_of(read, chip, _batch(data.x_test, len(data.y_test)))


def _hwa_work(config: Config, analog: Any, data: Dataset, program: Work, read: Work, key: Any) -> Work:
    hwa = config.hwa_training
    if hwa.tile is None:  # as on the chip, where the work is counted already
        part_read = read.times(hwa.batch_size / len(data.y_test))
        return program.times(hwa.chips).plus(part_read)
    model, forward = trainings.for_hardware(config, analog), trainings.hwa_forward(config)
    if config.deep:
        model = training.scanned(model)
    return work_of(lambda model, xs: forward(model, xs, key=key), model, _batch(data.x_train, hwa.batch_size))


def _digital(key: Any) -> Any:
    return lambda model, xs: training.digital_forward(model, xs, key=key)


def _batch(samples: np.ndarray, size: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((size, *samples.shape[1:]), samples.dtype)
