"""Whole studies, from a config to a run directory.

- `score_over_time(config, out)`: the main job behind `aimcjax run`.
- `plan(config)`: what its trainings take of every device, compiled but not run.
- `cautions(config)`: where it extrapolates beyond what was measured.
- `check_target`, `new_run`: one directory per run, written whole or not at all.
"""

from ._plan import plan as plan
from ._progress import Progress as Progress
from ._roads import cautions as cautions
from ._run_directory import (
    RunDirectoryError as RunDirectoryError,
    check_target as check_target,
    new_run as new_run,
)
from ._score_over_time import score_over_time as score_over_time
