"""Whole studies, from a config to a run directory.

- `score_over_time(config, out)`: the main job behind `aimcjax run`.
- `sweep(config, out)`: chips x times x values of its `sweep` section, behind `aimcjax sweep`.
- `place_shapes(config)`: the model on its chip, without its weights.
- `plan(config)`: what its trainings take of every device, compiled but not run.
- `in_memory_toy(config, out)`, `in_memory_training`, `delta_rule`, `in_memory_lora`: training inside the memory.
- `service(config, out)`: months of a chip under policies. `economics`: yield, prices and break-even.
- `codesign(config, out)`: uniform and learned resolutions of ADCs against the energy of an inference.
- `run(config, out)`: the one that a config is of.
- `check(config)`: whether it can be run, and an `Outlook` on what that takes, without running it; `in_words`.
- `cautions(config)`: where it extrapolates beyond what was measured.
- `train(config, out)`: the networks of the main job alone. `trained_networks`: the same inside another study, read
  where they are there already.
- `check_target`, `new_run`: one directory per run; unfinished ones go on where they were.
- `Progress`: bars and spinners. `is_finished_sweep`, `is_damaged_sweep`; `check_noted`, whether it has the networks
  of `--from`; `RunDirectoryError`: why a directory cannot be written.

Where they live, from what all share to what knows them all: `_running` (directories of runs), `_networks` (trained and
taken to chips), the studies `_main_job`, `_sweep`, `_in_memory` and `_chip`, then `_outlook` (what they would take) and
`_registry` (which config is of which study).
"""

from ._chip import codesign as codesign, economics as economics, service as service
from ._in_memory import (
    delta_rule as delta_rule,
    in_memory_lora as in_memory_lora,
    in_memory_toy as in_memory_toy,
    in_memory_training as in_memory_training,
)
from ._main_job import score_over_time as score_over_time, train as train
from ._networks import cautions as cautions, trained_networks as trained_networks
from ._outlook import Outlook as Outlook, in_words as in_words, place_shapes as place_shapes, plan as plan
from ._registry import check as check, run as run
from ._running import (
    Progress as Progress,
    RunDirectoryError as RunDirectoryError,
    check_noted as check_noted,
    check_target as check_target,
    new_run as new_run,
)
from ._sweep import (
    is_damaged_sweep as is_damaged_sweep,
    is_finished_sweep as is_finished_sweep,
    sweep as sweep,
)
