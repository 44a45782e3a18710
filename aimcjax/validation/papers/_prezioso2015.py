r"""The first crossbar classifier: Prezioso et al. 2015, thirty patterns on 10x6 cells, one pulse an epoch and cell."""

import functools
import pathlib
import tempfile

from ... import studies
from ...config import DeltaRuleStudyConfig
from .._check import Check, Origin, Paper, Range


PAPER = Paper("prezioso2015", "Prezioso et al., Nature 521:61 (2015)", "https://doi.org/10.1038/nature14441")


@functools.cache
def _share() -> float:
    """Of crossbars without errors within the published epochs, in percent."""
    spread = {"type": "log_normal_spread", "std": 0.5}
    cell = {
        "type": "pulsed_device", "step": {"type": "soft_bounds"}, "dw_min": 0.05, "w_max": 1.0, "w_min": -1.0,
        "noise": {"type": "relative_noise", "relative_std": 0.3},
        "variation": {"type": "variation", "gain": spread, "imbalance": 0.1, "w_max": 0.3, "w_min": 0.3},
    }  # fmt: skip
    config = DeltaRuleStudyConfig.model_validate(
        {"study": "delta_rule", "name": "prezioso2015", "seed": 0, "n_seeds": 200, "cells": {"cell": cell}}
    )
    with tempfile.TemporaryDirectory() as folder:
        report = studies.delta_rule(config, pathlib.Path(folder) / "run")
    return 100 * float(report.summary["share_without_errors"])


CHECKS = (
    Check(PAPER, "epochs", "of 200 crossbars of assumed cells, those without errors within 23 epochs", _share, (),
          Range(95.0, 100.0), "six runs of the source did; one in twenty may take cells that are worse than assumed",
          Origin.STATED, "%", to_be_verified="23 epochs, six runs, the patterns and the pulses", seconds=6.0),
)  # fmt: skip
