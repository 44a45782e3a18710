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
- `Progress`: bars and spinners. `is_finished_sweep`; `RunDirectoryError`: why a directory cannot be written.
"""

from ._check import check as check
from ._codesign import codesign as codesign
from ._delta_rule import delta_rule as delta_rule
from ._dispatch import run as run
from ._economics import economics as economics
from ._in_memory_lora import in_memory_lora as in_memory_lora
from ._in_memory_toy import in_memory_toy as in_memory_toy
from ._in_memory_training import in_memory_training as in_memory_training
from ._networks import trained_networks as trained_networks
from ._outlook import Outlook as Outlook, in_words as in_words
from ._placing import place_shapes as place_shapes
from ._plan import plan as plan
from ._progress import Progress as Progress
from ._roads import cautions as cautions
from ._run_directory import (
    RunDirectoryError as RunDirectoryError,
    check_target as check_target,
    new_run as new_run,
)
from ._score_over_time import score_over_time as score_over_time
from ._service import service as service
from ._sweep import is_finished_sweep as is_finished_sweep, sweep as sweep
from ._train import train as train
