"""Every kind of config, and how its study is run and checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import reports
from ..config import (
    CodesignConfig,
    Config,
    DeltaRuleStudyConfig,
    EconomicsConfig,
    InMemoryLoraConfig,
    InMemoryToyConfig,
    InMemoryTrainingConfig,
    ServiceConfig,
)
from ._chip import codesign, economics, service
from ._in_memory import delta_rule, in_memory_lora, in_memory_toy, in_memory_training
from ._main_job import score_over_time
from ._outlook import Outlook, check_economics, check_in_memory, check_main_job, check_service
from ._running import Progress


class Study(NamedTuple):
    """`run(config, out, ...)` writes a directory; `check(config, estimate=...)` tells what that would take."""

    run: Callable[..., reports.Results | reports.StudyReport]
    check: Callable[..., Outlook]


STUDIES: dict[type, Study] = {
    Config: Study(score_over_time, check_main_job),
    CodesignConfig: Study(codesign, check_main_job),
    ServiceConfig: Study(service, check_service),
    EconomicsConfig: Study(economics, check_economics),
    InMemoryToyConfig: Study(in_memory_toy, check_in_memory),
    InMemoryTrainingConfig: Study(in_memory_training, check_in_memory),
    InMemoryLoraConfig: Study(in_memory_lora, check_in_memory),
    DeltaRuleStudyConfig: Study(delta_rule, check_in_memory),
}


def run(
    config: Any,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
    source: Path | None = None,
) -> reports.Results | reports.StudyReport:
    """Runs the study of `config`, as `load_study` read it; arguments and errors as of `score_over_time`, whose networks
    alone can be from elsewhere (`source`)."""
    if source is not None and type(config) is not Config:
        raise ValueError(f"networks of another run (--from) are for the main job, got the study {config.study!r}")
    how = {} if source is None else {"source": source}
    return STUDIES[type(config)].run(config, out, overwrite=overwrite, progress=progress, **how)


def check(config: Any, *, estimate: bool = True) -> Outlook:
    """Whether the study of `config` can be run: data are there, the network converts and fits the chip, trainings are
    possible. Nothing is trained or allocated.

    **Arguments:** `config`, from `load_study`; `estimate`, count the work and measure this machine too, for seconds.

    **Returns:** what a run would do, and estimates of its time and memory.

    **Raises:** `ValueError` or `MemoryError`, one line, as the run itself would.
    """
    return STUDIES[type(config)].check(config, estimate=estimate)
