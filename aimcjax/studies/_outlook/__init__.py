"""What a run would do and take, without running it: from shapes and counted equations.

- `Outlook`, of `Part`s: facts, estimates of time and memory; `in_words`, a duration.
- `check_main_job`, `check_service`, `check_economics`, `check_in_memory`: whether a config can be run; each gives one.
- `plan(config)`: what the trainings take of every device, as their compiler says.
- `place_shapes(config)`: the model on its chip, without its weights.
- `_work`: how much a program computes, and how fast this machine is.
"""

from ._check import check_economics as check_economics, check_main_job as check_main_job, check_service as check_service
from ._in_memory import check_in_memory as check_in_memory
from ._outlook import Outlook as Outlook, Part as Part, in_words as in_words
from ._placing import place_shapes as place_shapes
from ._plan import plan as plan
