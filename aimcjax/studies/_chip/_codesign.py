"""Which resolution every layer needs: equal bits everywhere against bits learned with the cost of the same design."""

import itertools
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ... import chips, reports, training
from ..._random import keys_for
from ..._types import PRNGKey
from ...chips import codesign as design
from ...config import CodesignConfig
from ...datasets import Dataset
from .._networks import Kept, _roads as roads, _trainings as trainings, on_mesh, trained_for_hardware
from .._running import Progress, new_run, write_run
from . import _codesign_report as report


class Tried(NamedTuple):
    """The best of the tile sizes and replicas, `found`, with its `scored` chips."""

    found: design.Optimised
    scored: design.Scored


def codesign(
    config: CodesignConfig, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Runs the study of `config` and writes its directory; arguments and errors as of `score_over_time`."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = config.data.load()
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        keys = keys_for(jr.key(config.seed), ("model", "digital", "hwa", "design", "descent", "held out"))
        blank = roads.prepare(config, data, keys["model"])
        untrained = roads.converted(config, blank)
        design.check_model(untrained)
        _check_sizes(config, untrained)
        here = Kept(run, tell)

        def digital(step: Any, saves: training.Saves) -> Any:
            return trainings.train_digital(config, blank, data, keys["digital"], step, saves)

        epochs = config.digital_training.epochs
        model = here.network("baseline", on_mesh(config, blank), digital, "digital training", epochs)
        baseline, analog = roads.digital_score(config, model, data), roads.map_directly(config, model, data)
        if config.hwa_training.epochs:
            analog = trained_for_hardware(config, data, keys["hwa"], here, analog, model)
        entries = _uniform(config, analog, data, keys, tell) + _learned(config, analog, data, keys, tell)
        tried = _sizes(config, analog, data, keys, tell)
        found = report.report(config, entries, _tried_rows(config, tried), baseline, time.monotonic() - started)
        write_run(run, config, found)
    return found


def _check_sizes(config: CodesignConfig, analog: Any) -> None:
    """Raises `ValueError`, before any training, for sizes of tiles and copies of layers that cannot be tried."""
    section = config.codesign
    for tile, copies in itertools.product((None, *section.tiles), (config.chip.replicas, *section.replicas)):
        sized = analog if tile is None else design.on_tile_size(analog, tile)
        chips.place(sized, config.chip.design, replicas=copies, strategy=config.chip.strategy)


def _pose(config: CodesignConfig, analog: Any, data: Dataset, key: PRNGKey, variables: tuple[str, ...]) -> Any:
    section = config.codesign
    return design.pose(
        analog, config.chip.design, data.x_train, data.y_train, loss=training.cross_entropy, key=key,
        variables=variables, t=config.sweep.times[-1], replicas=config.chip.replicas, strategy=config.chip.strategy,
        bounds={"bits": section.bits, "v_max": section.v_max, "refresh_period": section.refresh_period},
    )[0]  # fmt: skip


def _score(config: CodesignConfig, problem: design.Problem, choice: design.Choice, data: Dataset, key: PRNGKey) -> Any:
    return design.score(
        problem, choice, jnp.asarray(data.x_test), jnp.asarray(data.y_test), metric=config.data.metric.function,
        n_chips=config.sweep.n_chips, key=key,
    )  # fmt: skip


def _uniform(
    config: CodesignConfig, analog: Any, data: Dataset, keys: dict[str, PRNGKey], tell: Progress
) -> list[report.Entry]:
    problem, entries = _pose(config, analog, data, keys["design"], ("bits",)), []
    for bits in config.codesign.uniform:
        with tell.working(f"{bits} bits everywhere"):
            choice = design.uniform(problem, float(bits))
            scored = _score(config, problem, choice, data, keys["held out"])
            entries.append(report.Entry("uniform", f"{bits}", choice, scored, problem.names))
    return entries


def _learned(
    config: CodesignConfig, analog: Any, data: Dataset, keys: dict[str, PRNGKey], tell: Progress
) -> list[report.Entry]:
    section, entries = config.codesign, []
    families = {"learned": ("bits",)}
    families |= {"learned, with voltage": ("bits", "v_max")} if section.with_voltage else {}
    families |= {report.REFRESHED: ("bits", "refresh_period")} if section.with_refresh else {}
    for family, variables in families.items():
        problem = _pose(config, analog, data, keys["design"], variables)
        for weight in section.weights:
            with tell.working(f"{family}, weight {weight:g}"):
                solution = design.solve(problem, _weights(section, weight), _descent(section), key=keys["descent"])
                scored = _score(config, problem, solution.rounded, data, keys["held out"])
            label = f"w={weight:g}"
            entries.append(report.Entry(family, label, solution.rounded, scored, problem.names, solution))
    return entries


def _weights(section: Any, energy: float) -> design.Weights:
    return design.Weights(energy, section.weight_area, section.weight_latency)


def _descent(section: Any) -> design.Descent:
    return design.Descent(**section.descent.model_dump())


def _sizes(
    config: CodesignConfig, analog: Any, data: Dataset, keys: dict[str, PRNGKey], tell: Progress
) -> Tried | None:
    section = config.codesign
    if not section.tiles and not section.replicas:
        return None
    with tell.working("tile sizes and replicas"):
        found = chips.optimise(
            analog, config.chip.design, data.x_train, data.y_train, loss=training.cross_entropy, key=keys["design"],
            weight_energy=section.weights[-1], weight_area=section.weight_area,
            weight_latency=section.weight_latency, bounds={"bits": section.bits}, descent=_descent(section),
            t=config.sweep.times[-1], strategy=config.chip.strategy, tiles=(None, *section.tiles),
            replicas=(config.chip.replicas, *section.replicas),
        )  # fmt: skip
        return Tried(found, _score(config, found.problem, found.solution.rounded, data, keys["held out"]))


def _tried_rows(config: CodesignConfig, tried: Tried | None) -> list[str]:
    """Sentences on what was tried that has no gradient."""
    if tried is None:
        return []
    own = f"{config.tile.rows}x{config.tile.cols}"  # pyright: ignore[reportAttributeAccessIssue]
    size = lambda tile: own if tile is None else f"{tile[0]}x{tile[1]}"
    copies = lambda replicas: ", ".join(f"{n} copies of {name}" for name, n in replicas.items()) or "no copies"
    found, scored, metric = tried.found, tried.scored, config.data.metric
    each = "; ".join(f"tiles of {size(tile)}, {copies(many)}: {value:.4f}" for tile, many, value in found.tried)
    bits = " ".join(f"{b:g}" for b in np.asarray(found.solution.rounded.bits))
    return [
        f"Tried at weight {config.codesign.weights[-1]:g}, each with bits of its own (exact objective): {each}.",
        f"Best of them: tiles of {size(found.tile)}, {copies(found.replicas)}, bits {bits}: "
        f"{metric.format(float(np.mean(scored.scores)))} {metric.unit} on held-out chips, "
        f"{1e9 * scored.energy_J:.3f} nJ, {1e6 * scored.area_m2:.3f} mm2, {1e9 * scored.latency_s:.1f} ns.",
    ]
