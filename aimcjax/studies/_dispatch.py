"""The study that a config is of."""

from pathlib import Path
from typing import Any

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
from ._codesign import codesign
from ._delta_rule import delta_rule
from ._economics import economics
from ._in_memory_lora import in_memory_lora
from ._in_memory_toy import in_memory_toy
from ._in_memory_training import in_memory_training
from ._progress import Progress
from ._score_over_time import score_over_time
from ._service import service


_STUDIES: dict[type, Any] = {
    Config: score_over_time,
    InMemoryToyConfig: in_memory_toy,
    InMemoryTrainingConfig: in_memory_training,
    InMemoryLoraConfig: in_memory_lora,
    DeltaRuleStudyConfig: delta_rule,
    ServiceConfig: service,
    EconomicsConfig: economics,
    CodesignConfig: codesign,
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
    return _STUDIES[type(config)](config, out, overwrite=overwrite, progress=progress, **how)
