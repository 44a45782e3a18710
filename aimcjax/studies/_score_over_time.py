"""The main job: train a network, take it to chips by two roads, age them, report what became of it and its cost."""

import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np

from .. import checkpoint, nn, reports
from .._random import keys_for
from ..chips import mapping_table
from ..config import Config
from . import _roads as roads
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
        keys = keys_for(jr.key(config.seed), ("model", "digital", "hwa", "chips", "portrait"))
        model = roads.prepare(config, data, keys["model"])

        with tell.training("digital training", config.digital_training.epochs) as step:
            model = roads.train_digital(config, model, data, keys["digital"], step)
        baseline = roads.digital_score(config, model, data)
        analog = {"direct": roads.map_directly(config, model, data)}
        with tell.training("hardware-aware training", config.hwa_training.epochs) as step:
            analog["hwa"] = roads.train_for_hardware(config, analog["direct"], data, keys["hwa"], step)
        scores = {}
        for road, network in analog.items():
            with tell.working(f"{config.sweep.n_chips} chips, {road}"):
                scores[road] = roads.age(config, network, data, keys["chips"])

        with tell.working("cost and report"):
            portrait = eqx.filter_jit(nn.program)(analog["hwa"], key=keys["portrait"])
            tiles = reports.tile_weights(analog["hwa"], portrait)
            results = reports.Results(
                name=config.name,
                metric=config.data.metric,
                baseline=baseline,
                n_classes=data.n_classes,
                retrained=roads.digital_score(config, nn.to_digital(analog["hwa"]), data),
                times=np.asarray(config.sweep.times),
                scores=scores,
                cost=roads.chip_cost(config, analog["hwa"], portrait, data),
                references=reports.references(config.tile),
                tile_errors=reports.largest_tile(tiles),
                wall_s=time.monotonic() - started,
            )
            _write(run, config, results, analog["hwa"], portrait, tiles)
            checkpoint.save(run / "checkpoint", baseline=model, hwa=analog["hwa"])
    return results


def _write(
    run: Path, config: Config, results: reports.Results, network: Any, portrait: Any, tiles: list[reports.TileErrors]
) -> None:
    (run / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
    write_json(run / "versions.json", versions())
    write_json(run / "mapping_table.json", mapping_table(portrait))
    reports.write_tile_health(network, portrait, run / "tile_health", tiles=tiles)
    reports.write(results, config.to_yaml(), run)
    write_json(run / "summary.json", reports.summary(results))
