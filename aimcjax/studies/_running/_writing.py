"""From the report of a study to its run directory."""

from pathlib import Path
from typing import Any

import numpy as np

from ... import reports
from ._run_directory import versions, write_json


def write_run(run: Path, config: Any, report: reports.StudyReport) -> None:
    """Writes the resolved config with its seed, versions, numbers and the report into `run`."""
    yaml = config.to_yaml()
    (run / "config.yaml").write_text(yaml, encoding="utf-8")
    write_json(run / "versions.json", versions())
    reports.write_study(report, yaml, run)
    write_json(run / "summary.json", {"study": config.study, "seed": config.seed, **report.summary})


def spread(values: Any, scale: float = 1.0, digits: int = 1) -> str:
    """`mean ± standard deviation` over seeds."""
    scaled = scale * np.asarray(values, float)
    return f"{np.mean(scaled):.{digits}f} ± {np.std(scaled, ddof=1):.{digits}f}"
