"""The main job: train a network, take it to chips by two roads, age them, report what became of it and its cost."""

import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np

from .. import checkpoint, chips, nn, reports
from .._random import keys_for
from .._types import PRNGKey
from ..config import Config
from ..datasets import Dataset
from . import _roads as roads, _trainings as trainings
from ._progress import Progress
from ._run_directory import new_run, versions, write_json


def score_over_time(
    config: Config, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.Results:
    """Runs the study of `config` and writes its directory.

    **Arguments:** `config`; `out`, the directory to write, whole or not at all; `overwrite`, replace an earlier run
    there; `progress`, what to tell the person who waits.

    **Returns:** the results, as written to `summary.json` and `results.nc`.

    **Raises:** `ValueError` (one line) for a model that does not fit the chip or a target that cannot be written;
    `FloatingPointError` if a training diverges.
    """
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = config.data.load()
    with new_run(out, overwrite=overwrite) as run:
        keys = keys_for(jr.key(config.seed), ("model", "digital", "hwa", "adapter", "chips", "portrait"))
        model = roads.prepare(config, data, keys["model"])

        with tell.training("digital training", config.digital_training.epochs) as step:
            model = trainings.train_digital(config, model, data, keys["digital"], step)
        baseline = roads.digital_score(config, model, data)
        analog = _take_roads(config, model, data, keys, tell)
        scores, trained = {}, {road: network for road, network in analog.items() if road != "direct"}
        for road, network in analog.items():
            with tell.working(f"{config.sweep.n_chips} chips, {road}"):
                scores[road] = roads.age(config, network, data, keys["chips"])

        with tell.working("cost and report"):
            portrait = eqx.filter_jit(nn.program)(analog["hwa"], key=keys["portrait"])
            tiles = reports.tile_weights(analog["hwa"], portrait)
            placement, cost = roads.chip_cost(config, analog["hwa"], portrait, data)
            results = reports.Results(
                name=config.name,
                metric=config.data.metric,
                baseline=baseline,
                n_classes=data.n_classes,
                retrained={road: roads.digital_score(config, nn.to_digital(analog[road]), data) for road in trained},
                times=np.asarray(config.sweep.times),
                scores=scores,
                cost=cost,
                constants=chips.constants(placement.chip),
                references=reports.references(config.tile),
                tile_errors=reports.largest_tile(tiles),
                adapter=roads.adapter_facts(analog, data, keys["portrait"]),
                wall_s=time.monotonic() - started,
            )
            _write(run, config, results, analog["hwa"], portrait, tiles)
            took = nn.programming_reports(analog["hwa"], key=keys["portrait"])
            chips.write_artifacts(run, portrait, placement, took)
            checkpoint.save(run / "checkpoint", baseline=model, **trained)
    return results


def _take_roads(config: Config, model: Any, data: Dataset, keys: dict[str, PRNGKey], tell: Progress) -> dict[str, Any]:
    """The networks that go to chips, by road, from the baseline `model`."""
    direct = roads.map_directly(config, model, data)
    analog = {"direct": direct}
    with tell.training("hardware-aware training", config.hwa_training.epochs) as step:
        analog["hwa"] = trainings.train_for_hardware(config, direct, model, data, keys["hwa"], step)
    if config.adapter is not None:
        with tell.training("adapter training", config.adapter.epochs) as step:
            analog["hwa_lora"] = trainings.train_adapters(config, direct, model, data, keys["adapter"], step)
    return analog


def _write(
    run: Path, config: Config, results: reports.Results, network: Any, portrait: Any, tiles: list[reports.TileErrors]
) -> None:
    (run / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    write_json(run / "versions.json", versions())
    reports.write_tile_health(network, portrait, run / "tile_health", tiles=tiles)
    reports.write(results, config.to_yaml(), run)
    write_json(run / "summary.json", reports.summary(results))
