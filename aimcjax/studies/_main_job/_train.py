"""Trainings alone: the networks of a config, and how their losses fell."""

import csv
import time
from pathlib import Path
from typing import Any

import jax.random as jr
import numpy as np

from ... import nn, reports
from ..._random import keys_for
from ...config import Config
from .._networks import KEY_NAMES, _roads as roads, losses, trained_networks
from .._running import Progress, new_run, versions, write_json


_TRAININGS = {"baseline": "digital training", "hwa": "hardware-aware training", "hwa_lora": "adapter training"}


def train(
    config: Config, out: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> reports.StudyReport:
    """Trains the networks of `config` as `score_over_time` does, which takes them as its `source`, and writes them with
    their losses (`training_curves.csv`, `results.nc`, a picture) and scores; arguments and errors as there."""
    started, tell = time.monotonic(), progress or Progress(quiet=True)
    data = config.data.load()
    with new_run(out, config.to_yaml(), overwrite=overwrite, tell=tell.note) as run:
        model, analog = trained_networks(config, data, keys_for(jr.key(config.seed), KEY_NAMES), run, tell)
        with tell.working("digital scores"):
            of_analog = {road: nn.to_digital(network) for road, network in analog.items() if road != "direct"}
            networks = {"baseline": model, **of_analog}
            scores = {name: roads.digital_score(config, network, data) for name, network in networks.items()}
        report = _report(config, losses(run), scores, time.monotonic() - started)
        _write(run, config, report, losses(run))
    return report


def _report(
    config: Config, curves: dict[str, list[float]], scores: dict[str, float], wall_s: float
) -> reports.StudyReport:
    metric = config.data.metric
    ends = lambda curve: [f"{curve[0]:.4f}", f"{curve[-1]:.4f}"] if curve else ["", ""]
    rows = [
        [_TRAININGS[name], f"{len(curves[name])}", *ends(curves[name]), metric.format(score)]
        for name, score in scores.items()
    ]
    drawn = {name: np.asarray(curve)[None] for name, curve in curves.items() if curve}
    arrays: dict[str, Any] = {
        f"loss_{name}": ((f"epoch_{name}",), curve[0], {"units": "nat", "long_name": f"mean loss, {_TRAININGS[name]}"})
        for name, curve in drawn.items()
    }
    return reports.StudyReport(
        name=config.name,
        title="trained networks",
        opening=f"The networks of `{config.name}`, trained and not yet put on chips: `aimcjax run --from` does.",
        findings=[f"{_TRAININGS[name]} ends at {row[-1]} {metric.unit} without hardware."
                  for name, row in zip(scores, rows, strict=True)],
        header=["training", "epochs", "first loss", "last loss", f"{metric.name} ({metric.unit}), digital"],
        rows=rows,
        pictures=_pictures(drawn),
        notes=reports.references(config.tile),
        arrays=arrays,
        coords={f"epoch_{name}": np.arange(1, curve.shape[1] + 1) for name, curve in drawn.items()},
        summary={
            "metric": metric.key,
            f"baseline_{metric.key}": scores["baseline"],
            "retrained": {name: score for name, score in scores.items() if name != "baseline"},
            "last_loss": {name: float(curve[0, -1]) for name, curve in drawn.items()},
            "wall_s": wall_s,
        },
        wall_s=wall_s,
    )  # fmt: skip


def _pictures(drawn: dict[str, np.ndarray]) -> dict[str, Any]:
    panels = [
        reports.Panel(_TRAININGS[name], np.arange(1, curve.shape[1] + 1), {name: curve}, "epoch", "mean loss (nat)",
                      log="y")
        for name, curve in drawn.items()
    ]  # fmt: skip
    caption = "Mean loss of each epoch; those on chips are of fresh noise in every step."
    return {"training_curves.png": (panels, caption)} if panels else {}


def _write(run: Path, config: Config, report: reports.StudyReport, curves: dict[str, list[float]]) -> None:
    with (run / "training_curves.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["network", "epoch", "loss_nat"])
        lines.writerows([name, n, repr(loss)] for name, curve in curves.items() for n, loss in enumerate(curve, 1))
    write_json(run / "versions.json", versions())
    reports.write_study(report, config.to_yaml(), run)
    write_json(run / "summary.json", report.summary)
