"""The main job: train a network, take it to chips by two roads, age them, report what became of it and its cost."""

import time
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np

from ... import chips, nn, reports
from ..._random import keys_for
from ..._types import PRNGKey
from ...config import Config
from .._networks import KEY_NAMES, Kept, _roads as roads, trained_networks
from .._running import Progress, check_source, new_run, note_source, versions, write_json


def score_over_time(
    config: Config,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    source: Path | None = None,
) -> reports.Results:
    """Runs the study of `config` and writes its directory.

    **Arguments:** `config`; `out`, the directory to write (`OUT.partial` until it is whole, which the same call goes on
    with if it was interrupted); `overwrite`, replace an earlier run there; `progress`, what to tell the person who
    waits; `source`, an earlier run whose networks to use.

    **Returns:** the results, as written to `summary.json` and `results.nc`.

    **Raises:** `ValueError` (one line) for a model that does not fit the chip or a target that cannot be written;
    `FloatingPointError` if a training diverges.
    """
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = config.data.load()
    if source is not None:
        check_source(config, source, tell)
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        note_source(run, source)
        keys = keys_for(jr.key(config.seed), KEY_NAMES)
        model, analog = trained_networks(config, data, keys, run, tell, source=source)
        baseline = roads.digital_score(config, model, data)
        scores = _scores(config, analog, data, keys["chips"], Kept(run, tell), tell)
        trained = {road: network for road, network in analog.items() if road != "direct"}
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
    return results


def _scores(
    config: Config, analog: dict[str, Any], data: Any, key: PRNGKey, kept: Kept, tell: Progress
) -> dict[str, np.ndarray]:
    """Of every road its chips at all times, or what an interrupted run kept of them."""
    found = {}
    for road, network in analog.items():
        with tell.working(f"{config.sweep.n_chips} chips, {road}"):
            found[road] = kept.scores(road, lambda network=network: roads.age(config, network, data, key))
    return found


def _write(
    run: Path, config: Config, results: reports.Results, network: Any, portrait: Any, tiles: list[reports.TileErrors]
) -> None:
    write_json(run / "versions.json", versions())
    reports.write_tile_health(network, portrait, run / "tile_health", tiles=tiles)
    reports.write(results, config.to_yaml(), run)
    write_json(run / "summary.json", reports.summary(results))
