"""The claims of the main job, on the main job itself."""

import json
from pathlib import Path

import jax
import pytest

from aimcjax import studies
from aimcjax.config import load_config
from aimcjax.units import day, year


ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_what_the_quickstart_promises(tmp_path: Path) -> None:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        studies.score_over_time(load_config(ROOT / "configs" / "quickstart.yaml"), tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    baseline, roads = summary["baseline_accuracy"], summary["roads"]
    mean = lambda road, name: {row["t_s"]: row["mean"] for row in roads[road][name]}
    assert baseline >= 0.975
    assert mean("hwa", "compensated")[day] >= baseline - 0.010
    assert mean("hwa", "compensated")[year] >= baseline - 0.015
    assert min(mean("direct", "uncompensated").values()) < baseline - 0.05
    assert {row["n_chips"] for row in roads["hwa"]["compensated"]} == {25}
