"""A sweep: trained networks on many chips, over time and over values of the physics, written as it goes."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr

from ... import reports, sweeps, training
from ..._random import keys_for
from ...config import Config, coordinate
from ...datasets import Dataset
from .._networks import KEY_NAMES, trained_networks
from .._running import Progress, RunDirectoryError, check_source, new_run, note_source, reopen, write_json
from . import _points as points_of
from ._report import not_finite, sweep_report


def sweep(
    config: Config,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    source: Path | None = None,
    only_train: bool = False,
) -> reports.StudyReport | None:
    """Runs the sweep of `config` and writes its directory, with `results.zarr` from its beginning; where it was stopped
    the same call goes on, and what is damaged in a finished one is computed again.

    **Arguments:** as of `score_over_time`; `only_train`, stop when the networks are trained: several processes read
    what one has trained, which it does alone.

    **Returns:** the report of the first process; none after trainings alone.

    **Raises:** `ValueError` (one line) for values that the config does not take, for a model that does not fit the
    chip, and for a folder that cannot be written; `FloatingPointError` if a training diverges.
    """
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    if source is not None:
        check_source(config, source, tell)
    if (out / "summary.json").is_file() and not (out / "results.zarr").is_dir() and not overwrite:
        raise RunDirectoryError(
            f"{out} is a finished run without its store results.zarr (see whether results.nc has its numbers); "
            "choose another --out, or compute it again with --overwrite"
        )
    points = config.sweep.points(config.seed)
    variants, metrics = points_of.variants(config, points), points_of.metrics(config)
    points_of.until(config, metrics)  # before minutes of training, not after
    data = config.data.load()
    points_of.check_metrics(config, metrics, data)
    report = None
    with (
        contextlib.suppress(_OnlyTrained),
        _shared_run(out, config, overwrite=overwrite, tell=tell) as run,
    ):
        key = keys_for(jr.key(config.seed), KEY_NAMES)["chips"]
        if jax.process_index() == 0:
            note_source(run, source)
        models = _models(config, points, variants, run, tell, source)
        if only_train:
            raise _OnlyTrained
        found = _swept(config, models, points, data, metrics, key, run, tell)
        if jax.process_index() == 0:
            for line in not_finite(found):
                tell.note(f"note: {line}")
            ranked = _ranked(config, models[0], data, key, tell)
            report = sweep_report(config, found, ranked, wall_s=time.monotonic() - started)
            reports.write_study(report, config.to_yaml(), run)
            write_json(run / "summary.json", {"study": "sweep", "seed": config.seed, **report.summary})
    return report


class _OnlyTrained(Exception):
    """Leaves a run unfinished, as an interruption does: what is trained stays."""


@contextlib.contextmanager
def _shared_run(out: Path, config: Config, *, overwrite: bool, tell: Progress) -> Iterator[Path]:
    """`new_run` of the first process, which the others enter too."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(sweeps.agreeing())  # the others wait until the first one has written everything
        if jax.process_index() > 0:
            sweeps.agree()
            yield out.resolve().with_name(f"{out.resolve().name}.partial")
            return
        with sweeps.agreeing():
            if is_damaged_sweep(out, config) and not overwrite:
                tell.note(f"{out} is damaged; only what is damaged is computed again")
                reopen(out)
            run = stack.enter_context(new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note))
        yield run


def _models(
    config: Config,
    points: sweeps.Points,
    variants: Sequence[Config],
    run: Path,
    tell: Progress,
    source: Path | None,
) -> list[Any]:
    """The network of every point. Points differ in data only with their trainings; all are tested on those of the
    config. What is trained is trained on the tile of the config, whatever tiles its points have."""
    trained: dict[Any, Any] = {}
    models = []
    for point, variant in zip(points, variants, strict=True):
        which = points_of.training_of(point)
        if which not in trained:
            network, folder = points_of.trained_variant(config, point), points_of.folder_of(run, which)
            data = network.data.load()
            folder.mkdir(parents=True, exist_ok=True)
            first = points_of.folder_of(run, points_of.training_of(point, points_of.BASELINE))
            points_of.share_baseline(first, folder)
            taken, keys = {"direct", *config.sweep.networks}, keys_for(jr.key(network.seed), KEY_NAMES)
            found = trained_networks(network, data, keys, folder, tell, source=source, roads_taken=taken)
            points_of.share_baseline(folder, first)
            trained = {which: (*found, data)}
        baseline, networks, data = trained[which]
        road = point.get("network", config.sweep.networks[0])
        models.append(points_of.at_point(variant, road, networks, baseline, data))
    return models


def _swept(
    config: Config,
    models: list[Any],
    points: sweeps.Points,
    data: Dataset,
    metrics: dict[str, Any],
    key: Any,
    run: Path,
    tell: Progress,
) -> Any:
    asked = config.sweep
    paths = list(points[0])
    columns = {path: coordinate([point[path] for point in points]) for path in paths}
    listed = [dict(zip(paths, row, strict=True)) for row in zip(*(columns[path][0] for path in paths), strict=True)]
    crossed = asked.design == "crossed"
    sizes = {path: len(dict.fromkeys(columns[path][0])) for path in paths} if crossed else None
    with tell.counting("chips", asked.n_chips * len(points)) as step:
        return sweeps.sweep(
            models, jnp.asarray(data.x_test), jnp.asarray(data.y_test), metrics=metrics, n_chips=asked.n_chips,
            times=jnp.asarray(asked.times, float), key=key, points=listed or None, axes=sizes,
            coordinate_units={path: unit for path, (_, unit) in columns.items()},
            metric_units={config.data.metric.key: "1" if config.data.metric.unit == "%" else config.data.metric.unit},
            store=run / "results.zarr", chunk=asked.chunk, memory=asked.memory,
            until=points_of.until(config, metrics), attributes={"title": config.name}, progress=step, tell=tell.note,
        )  # fmt: skip


def _ranked(config: Config, model: Any, data: Dataset, key: Any, tell: Progress) -> list[sweeps.Sensitivity]:
    asked = config.sweep.sensitivity
    if asked is None:
        return []
    n = min(asked.samples, len(data.y_test))
    with tell.working("sensitivity"):
        ranked = sweeps.sensitivity(
            model, jnp.asarray(data.x_test[:n]), jnp.asarray(data.y_test[:n]), loss=training.cross_entropy,
            n_chips=asked.n_chips, t=config.sweep.times[-1] if asked.time is None else asked.time, key=key,
        )  # fmt: skip
    return [one._replace(path=f"tile.{one.path}") for one in ranked]  # as axes name it


def is_finished_sweep(out: Path, config: Config) -> bool:
    """Whether `out` holds a finished sweep of this very config, whole to its last chunk."""
    return _is_of(out, config) and sweeps.is_whole(out / "results.zarr")


def is_damaged_sweep(out: Path, config: Config) -> bool:
    """Whether `out` holds a sweep of this very config that was finished, and can no longer be read."""
    return _is_of(out, config) and not sweeps.is_whole(out / "results.zarr")


def _is_of(out: Path, config: Config) -> bool:
    try:
        held = (out / "config.yaml").read_text(encoding="utf-8")
        return (out / "summary.json").is_file() and (out / "results.zarr").is_dir() and held == config.to_yaml()
    except OSError:
        return False
